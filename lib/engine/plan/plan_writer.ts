import type { WeightsHandle } from '../../libtorch/handles.js'
import type { NetworkStep, PlanArgument, PlanSpec, PlanStep, PlanValue, Uint8Step } from '../../libtorch/plan_spec.js'
import { isFloatingPoint, type DType } from '../../util/dtype.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Graph, Value } from '../graph.js'
import { outputsOf, type Node } from '../ops/index.js'
import type { Target } from '../ops/kernel.js'
import type { Layer } from '../ops/layer.js'
import { toCopyArguments } from '../ops/reorder.js'
import { deadAfter, Liveness } from './buffers.js'
import { stepInfo, type StepInfo } from './step_info.js'

/** A call of an operator of libtorch's dispatcher. */
export interface OperatorCall {
  readonly schema: string
  readonly args: readonly PlanArgument[]
}

/** A call that takes the result of the one before it. */
export interface FollowUp {
  /** As `explain()` names it. */
  readonly operation: string
  readonly schema: string
  readonly args: (result: PlanArgument) => readonly PlanArgument[]
}

/** Where a plan computes, and whether libtorch measures its algorithms there. */
export type PlanDevice = Pick<PlanSpec, 'device' | 'tuned'>

/** A plan, and what it takes to explain it. */
export interface LoweredPlan {
  readonly spec: PlanSpec
  /** One for each step of the plan; of a native network, one for each operation. */
  readonly infos: readonly StepInfo[]
}

type OmitEach<S, K extends PropertyKey> = S extends unknown ? Omit<S, K> : never
/** A step before the indices of its values are known. */
export type UnplacedUint8Step = OmitEach<Uint8Step, 'input' | 'output' | 'dead'>
type UnfinishedStep = OmitEach<PlanStep, 'dead'>

const ON_CPU: PlanDevice = { device: null, tuned: false }

/** Turns the nodes of a graph whose layouts are assigned into the steps of a plan; kernels call it node by node. */
export class PlanWriter {
  readonly target: Target
  readonly #graph: Graph
  readonly #device: PlanDevice
  readonly #liveness: Liveness
  readonly #indices = new Map<Value, number>()
  readonly #infos: StepInfo[] = []
  readonly #values: PlanValue[] = []
  readonly #preparation: UnfinishedStep[] = []
  readonly #steps: UnfinishedStep[] = []

  constructor(graph: Graph, target: Target, device: PlanDevice = ON_CPU) {
    this.target = target
    this.#graph = graph
    this.#device = device
    this.#liveness = new Liveness(graph)
    for (const input of graph.inputs) this.define(input)
  }

  /** Adds a value that a step makes, and gives its index. */
  define(value: Value): number {
    const index = this.#add(value)
    this.#indices.set(value, index)
    return index
  }

  /** Gives the index of a value that has been made. */
  indexOf(value: Value): number {
    const index = this.#indices.get(value)
    if (index === undefined) throw new TypeError(`Value ${value.id} is read before it is made`)
    return index
  }

  /** Gives a value as an argument. */
  read(value: Value): PlanArgument & { readonly value: number } {
    return { value: this.indexOf(value) }
  }

  /** Gives a constant as an argument, in the dtype that a kernel wants. */
  constant(tensor: Tensor | null, dtype?: DType): PlanArgument {
    if (tensor === null) return { literal: null }
    const { id, handle, shape, dtype: given } = this.target.constants.read(tensor)
    if (dtype === undefined || dtype === given) return { constant: handle }
    const args = toCopyArguments({ constant: handle }, dtype, { literal: null })
    return this.#shared(`constant ${id} ${dtype}`, { schema: 'aten::_to_copy', args }, { shape, dtype })
  }

  /**
   * Gives the result of an operator on a constant in the dtype that a kernel wants, computed once for all plans of the
   * engine. `args` are those after the constant; the `key` names them, as far as they matter.
   */
  packed(tensor: Tensor, dtype: DType, key: string, schema: string, args: readonly PlanArgument[]): PlanArgument {
    const { id, handle, shape, dtype: given } = this.target.constants.read(tensor)
    let first: PlanArgument = { constant: handle }
    if (dtype !== given) {
      // Of use for the packing alone: not shared, so that its memory is released.
      const output = this.#add({ shape, dtype })
      const copy = toCopyArguments(first, dtype, { literal: null })
      this.#preparation.push({ kind: 'aten', schema: 'aten::_to_copy', args: copy, outputs: [output] })
      first = { value: output }
    }
    return this.#shared(`${key} ${id} ${dtype}`, { schema, args: [first, ...args] }, { shape, dtype })
  }

  /** Gives the scales of the output channels of int8 weights. */
  weightScales(weight: Tensor): Tensor {
    const scales = this.target.quantization?.scales.get(weight)
    if (scales === undefined) throw new TypeError('The weights are not quantized')
    return scales
  }

  /** Gives the weights of a layer for native kernels, once for all plans of the engine. */
  nativeWeights(node: Layer): WeightsHandle {
    return this.target.constants.nativeWeights(node)
  }

  /** Tells whether a node may write into the memory of a value that it reads. */
  mayOverwrite(node: Node, value: Value): boolean {
    return this.#liveness.mayOverwrite(node, value)
  }

  /** Adds the step of a node, and the calls that continue it. */
  call(node: Node, kernel: string, { schema, args }: OperatorCall, followUps: readonly FollowUp[] = []): void {
    const outputs = outputsOf(node)
    const [output] = outputs
    if (output === undefined) throw new TypeError('A node makes a value')
    const makes = (isLast: boolean): number[] =>
      isLast ? outputs.map((value) => this.define(value)) : [this.#add(output)]
    let results = makes(followUps.length === 0)
    this.#steps.push({ kind: 'aten', schema, args, outputs: results })
    this.#infos.push(stepInfo([node], kernel, this.target))
    for (const [index, followUp] of followUps.entries()) {
      const [result = 0] = results
      const next = followUp.args({ value: result })
      results = makes(index === followUps.length - 1)
      this.#steps.push({ kind: 'aten', schema: followUp.schema, args: next, outputs: results })
      this.#infos.push(continued(node, followUp.operation, output))
    }
  }

  /**
   * Adds a copy of a value that a node reads, into which it may write, and gives it as an argument. `memoryFormat` is how the
   * copy lies. Default: as the value.
   */
  copy(node: Node, value: Value, memoryFormat: 'contiguous_format' | null = null): PlanArgument {
    const output = this.#add(value)
    const args = [this.read(value), { literal: memoryFormat }]
    this.#steps.push({ kind: 'aten', schema: 'aten::clone', args, outputs: [output] })
    this.#infos.push(continued(node, 'copy', value))
    return { value: output }
  }

  /** Adds a step on uint8 that computes a node of one input. */
  uint8(node: Node & { readonly input: Value; readonly output: Value }, step: UnplacedUint8Step): void {
    const input = this.indexOf(node.input)
    this.#steps.push({ ...step, input, output: this.define(node.output) })
    this.#infos.push(stepInfo([node], 'native int8', this.target))
  }

  /** Adds a native network, with one info for each of its operations. */
  network(step: Omit<NetworkStep, 'dead'>, infos: readonly StepInfo[]): void {
    this.#steps.push(step)
    this.#infos.push(...infos)
  }

  finish(): LoweredPlan {
    const [[input], [output]] = [this.#graph.inputs, this.#graph.outputs]
    if (input === undefined || output === undefined) throw new TypeError('A graph has an input and an output')
    const result = this.indexOf(output)
    const prepared = this.#preparation.flatMap(writtenBy)
    const spec = {
      ...this.#device,
      values: this.#values,
      input: this.indexOf(input),
      output: result,
      outputDtype: exchangeDType(output.dtype),
      preparation: withDead(this.#preparation, this.#steps.flatMap(readBy)),
      steps: withDead(this.#steps, [result, ...prepared]),
    }
    return { spec, infos: this.#infos }
  }

  #shared(key: string, { schema, args }: OperatorCall, type: PlanValue): PlanArgument {
    const output = this.#add(type)
    this.#preparation.push({ kind: 'shared', key, schema, args, outputs: [output] })
    return { value: output }
  }

  #add({ shape, dtype }: PlanValue): number {
    return this.#values.push({ shape, dtype }) - 1
  }
}

/** Gives the dtype in which an engine exchanges values with JavaScript: all floats as float32. */
export function exchangeDType(dtype: DType): DType {
  return isFloatingPoint(dtype) ? 'float32' : dtype
}

function continued({ path }: Node, operation: string, { shape }: Value): StepInfo {
  return { path, operation, kernel: 'ATen', outputShape: shape, flop: 0 }
}

function withDead(steps: readonly UnfinishedStep[], kept: readonly number[]): PlanStep[] {
  const dead = deadAfter(
    steps.map((step) => [...readBy(step), ...writtenBy(step)]),
    kept,
  )
  return steps.map((step, index) => ({ ...step, dead: dead[index] ?? [] }))
}

function readBy(step: UnfinishedStep): number[] {
  if (step.kind === 'network') return [...step.nchw, ...step.inputs.map(({ value }) => value)]
  return 'input' in step ? [step.input] : step.args.flatMap(readByArgument)
}

function readByArgument(argument: PlanArgument): number[] {
  if ('value' in argument) return [argument.value]
  return 'values' in argument ? argument.values.filter((entry) => typeof entry === 'number') : []
}

function writtenBy(step: UnfinishedStep): readonly number[] {
  if (step.kind === 'network') return step.outputs.map(({ value }) => value)
  return 'output' in step ? [step.output] : step.outputs
}
