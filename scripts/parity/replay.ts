import { isTensor } from '../../lib/nn/checks.js'
import type { Module } from 'napi-torch'
import { type Tensor } from 'napi-torch'

import { optimize } from '../../lib/engine/passes/optimize.js'
import { trace } from '../../lib/engine/trace/trace.js'
import { Random } from '../fuzz/random.js'
import { Applied } from '../sweep/applied.js'
import { runCompiled, TARGETS, type Target } from '../sweep/compiled.js'
import { NotOffered } from './compare.js'
import { decode, DTypeArgument, type Case, type SuiteName } from './data.js'
import { makeModule } from './modules.js'
import { runOnnx, type OnnxNode } from './onnx.js'
import { callOperator, type Arguments } from './operators.js'

/** A case, ready to be computed: what `forward()` gives for the input, which is null where it does not depend on one tensor. */
export interface Replay {
  readonly input: Tensor | null
  readonly forward: (input: Tensor | null) => readonly Tensor[]
  readonly model: Module | null
  readonly wanted: readonly Tensor[]
}

const REPLAYS: Readonly<Record<SuiteName, (each: Case, field: (name: string) => unknown) => Omit<Replay, 'wanted'>>> = {
  opinfo: ({ name }, field) => {
    const [input, args, kwargs] = [field('input'), field('args') as unknown[], field('kwargs') as Arguments]
    const forward = (x: unknown): readonly Tensor[] => callOperator(name, x, args, kwargs)
    return isTensor(input)
      ? { input, forward, model: null }
      : { input: null, forward: () => forward(input), model: null }
  },
  moduleinfo: ({ name }, field) => {
    const [args, kwargs, state] = [
      field('args') as unknown[],
      field('kwargs') as Arguments,
      field('state') as Arguments,
    ]
    const dtype = field('moduleDtype')
    const training = field('training') === true
    const [inputs, forwardKwargs] = [field('inputs') as unknown[], field('forwardKwargs') as Arguments]
    if (!(dtype instanceof DTypeArgument)) throw new NotOffered('a module without a dtype')
    const [input] = inputs
    if (!isTensor(input) || inputs.length !== 1 || Object.keys(forwardKwargs).length > 0)
      throw new NotOffered('other inputs')
    const model = makeModule(name, { args, kwargs, state, dtype: dtype.dtype, training })
    return { input, model: training ? null : model, forward: (x) => [model.forward(x ?? input)] }
  },
  onnx: ({ nodes, inputNames, outputNames, opset }, field) => {
    const attributes = field('attributes') as OnnxNode['attributes'][]
    const steps = (nodes as readonly Omit<OnnxNode, 'attributes'>[]).map((node, index) => {
      return { ...node, attributes: attributes[index] ?? {} }
    })
    const [names, results] = [inputNames as readonly string[], outputNames as readonly string[]]
    const inputs = field('inputs') as Tensor[]
    const constants = Object.entries(field('constants') as Readonly<Record<string, Tensor>>)
    const forward = (x: Tensor | null): readonly Tensor[] => {
      const given = names.flatMap((name, index): [string, Tensor][] => {
        const value = index === 0 ? x : (inputs[index] ?? null)
        return value === null ? [] : [[name, value]]
      })
      const values = runOnnx(steps, new Map([...constants, ...given]), opset as number)
      return results.flatMap((name) => values.get(name) ?? [])
    }
    return { input: inputs[0] ?? null, forward, model: null }
  },
}

/** Reads a case. The tensors belong to the caller's scope. */
export function replayOf(suite: SuiteName, each: Case, bytes: Buffer): Replay {
  const field = (name: string): unknown => decode(each[name], bytes)
  const wanted = field('outputs') as Tensor[]
  // The indices of maxima are not offered; their values are the same with and without them.
  const isPool = suite === 'opinfo' && each.name.includes('max_pool')
  return { ...REPLAYS[suite](each, field), wanted: isPool ? wanted.slice(0, 1) : wanted }
}

export { TARGETS, type Target }

/** Computes a case as an engine does. @throws NotOffered where engines compute no such input or output. */
export function runReplay({ input, forward, model }: Replay, target: Target): Float32Array {
  if (input?.dtype !== 'float32') throw new NotOffered(`an input of ${input?.dtype ?? 'no tensor'}`)
  if (input.ndim === 0 || input.numel === 0) throw new NotOffered('an input without a batch')
  const body = new Applied((x) => {
    const [output, ...others] = forward(x)
    if (output === undefined || others.length > 0) throw new NotOffered('several results')
    return output
  }, {})
  const graph = optimize(trace(model ?? body, input.shape, 'float32'))
  if (graph.outputs[0]?.dtype !== 'float32') throw new NotOffered(`an output of ${graph.outputs[0]?.dtype}`)
  return runCompiled(graph, input, target, new Random(1))
}
