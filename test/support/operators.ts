import { BatchNorm2d, cat, stack, type DType, type Tensor } from 'napi-torch'

import * as F from '../../lib/nn/functional.js'
import { golden, type GoldenCase } from './goldens.js'
import type { Tolerance } from './numeric.js'

/** The files of `test/goldens/ops`. */
export const OPERATOR_FAMILIES = [
  'conv',
  'norm',
  'linear',
  'activation',
  'pooling',
  'arithmetic',
  'reduce',
  'shape',
] as const

/** What a case may give an operator beside tensors, under PyTorch's names in camelCase; a case has few of them. */
export interface OperatorArgs {
  readonly dim: number
  readonly dim0: number
  readonly dim1: number
  readonly dims: readonly number[]
  readonly dtype: DType
  readonly end: number | null
  readonly endDim: number
  readonly index: number
  readonly k: number
  readonly kernelSize: number
  readonly length: number
  readonly outputSize: number
  readonly p: number
  readonly pad: readonly number[]
  readonly shape: readonly number[]
  readonly start: number
  readonly startDim: number
  readonly step: number
  readonly stride: number
  readonly value: number
}

/** A row of `test/goldens/ops`. */
export interface OperatorFacts {
  readonly op: string
  readonly name: string
  readonly args: OperatorArgs
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
}

/** A case of an operator that can be run. */
export interface OperatorCase extends OperatorFacts {
  /** Runs the operator on fresh copies of the inputs, and gives what it answers beside what PyTorch answers, by role. */
  readonly run: () => readonly { readonly role: string; readonly actual: Tensor; readonly expected: Tensor }[]
}

/** The cases of a file of `test/goldens/ops`. */
export function operatorCases(family: string): readonly OperatorCase[] {
  return golden<OperatorFacts>(`ops/${family}`).map((row) => ({ ...row.facts, run: () => run(row) }))
}

/**
 * How far an operator may be from PyTorch. Both call one libtorch, so that only the order of a sum may differ, which
 * depends on the CPU: 1e-5 for float32 near 1, and two units in the last place for the shorter floats.
 */
export function toleranceOf({ dtype }: Tensor): Tolerance {
  switch (dtype) {
    case 'float32':
      return { atol: 1e-5, rtol: 1e-6 }
    case 'float64':
      return { atol: 1e-12, rtol: 1e-13 }
    case 'float16':
      return { atol: 2e-3, rtol: 2 ** -9 }
    case 'bfloat16':
      return { atol: 2e-2, rtol: 2 ** -6 }
    default:
      return {}
  }
}

function run({ facts, tensor }: GoldenCase<OperatorFacts>): ReturnType<OperatorCase['run']> {
  const inputs = Object.fromEntries(
    facts.inputs.map((role) => {
      const input = tensor(role)
      const reorders = facts.name.includes('channels last') && input.ndim === 4
      return [role, reorders ? input.contiguous({ memoryFormat: 'channels_last' }) : input]
    }),
  )
  const answers = answer(facts, inputs)
  return facts.outputs.map((role) => {
    const actual = answers[role]
    if (actual === undefined) throw new Error(`${facts.op} gives no ${role}`)
    return { role, actual, expected: tensor(role) }
  })
}

type Inputs = Readonly<Record<string, Tensor>>

function answer({ op, args }: OperatorFacts, inputs: Inputs): Inputs {
  const answered = (OPERATORS[op] ?? method(op))(inputs, args)
  return 'ndim' in answered ? { output: answered as Tensor } : answered
}

const OPERATORS: Readonly<Record<string, (inputs: Inputs, args: OperatorArgs) => Tensor | Inputs>> = {
  conv2d: ({ input, weight, bias }, args) => F.conv2d(needed(input), needed(weight), { bias, ...args }),
  batchNorm: ({ input, running_mean, running_var, weight, bias }, args) => ({
    output: F.batchNorm(needed(input), running_mean ?? null, running_var ?? null, { weight, bias, ...args }),
    ...(running_mean === undefined ? {} : { new_running_mean: running_mean }),
    ...(running_var === undefined ? {} : { new_running_var: running_var }),
  }),
  BatchNorm2d: batchNormLayer,
  linear: ({ input, weight, bias }) => F.linear(needed(input), needed(weight), { bias }),
  relu: ({ input }) => F.relu(needed(input)),
  relu_: ({ input }) => F.relu(needed(input), { inplace: true }),
  softmax: ({ input }, { dim, ...options }) => F.softmax(needed(input), dim, options),
  logSoftmax: ({ input }, { dim, ...options }) => F.logSoftmax(needed(input), dim, options),
  dropout: ({ input }, args) => F.dropout(needed(input), args),
  maxPool2d: ({ input }, { kernelSize, ...options }) => F.maxPool2d(needed(input), kernelSize, options),
  avgPool2d: ({ input }, { kernelSize, ...options }) => F.avgPool2d(needed(input), kernelSize, options),
  adaptiveAvgPool2d: ({ input }, { outputSize }) => F.adaptiveAvgPool2d(needed(input), outputSize),
  pad: ({ input }, { pad, ...options }) => F.pad(needed(input), pad, options),
  topk: ({ input }, { k, ...options }) => needed(input).topk(k, options),
  permute: ({ input }, { dims }) => needed(input).permute(dims),
  transpose: ({ input }, { dim0, dim1 }) => needed(input).transpose(dim0, dim1),
  flatten: ({ input }, { startDim, endDim }) => needed(input).flatten(startDim, endDim),
  reshape: ({ input }, { shape }) => needed(input).reshape(shape),
  view: ({ input }, { shape }) => needed(input).view(shape),
  squeeze: ({ input }, { dim }) => needed(input).squeeze(dim),
  unsqueeze: ({ input }, { dim }) => needed(input).unsqueeze(dim),
  expand: ({ input }, { shape }) => needed(input).expand(shape),
  select: ({ input }, { dim, index }) => needed(input).select(dim, index),
  slice: ({ input }, { dim, start, end, step }) => needed(input).slice(dim, start, end ?? undefined, step),
  narrow: ({ input }, { dim, start, length }) => needed(input).narrow(dim, start, length),
  indexSelect: ({ input, index }, { dim }) => needed(input).indexSelect(dim, needed(index)),
  flip: ({ input }, { dims }) => needed(input).flip(dims),
  cat: ({ input, other }, { dim }) => cat([needed(input), needed(other)], { dim }),
  stack: ({ input, other }, { dim }) => stack([needed(input), needed(other)], { dim }),
  to: ({ input }, { dtype }) => needed(input).to(dtype),
}

/** Methods of a tensor that take another tensor or nothing, and options. */
function method(op: string): (inputs: Inputs, args: OperatorArgs) => Tensor {
  return ({ input, other }, args) => {
    const called: unknown = Reflect.get(needed(input), op)
    if (typeof called !== 'function') throw new Error(`A tensor has no method ${op}`)
    const options = Object.keys(args).length === 0 ? [] : [args]
    return Reflect.apply(called, input, other === undefined ? options : [other, ...options]) as Tensor
  }
}

function batchNormLayer(batches: Inputs, args: OperatorArgs): Inputs {
  const layer = new BatchNorm2d(3, args)
  const outputs = Object.values(batches).map((batch) => layer.forward(batch))
  return { output: needed(outputs.at(-1)), ...Object.fromEntries(layer.stateDict()) }
}

function needed<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('The golden lacks an input')
  return value
}
