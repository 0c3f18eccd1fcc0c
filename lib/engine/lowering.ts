import type { NetworkStep, PlanArgument, PlanSpec, WeightsHandle } from '../libtorch/binding.js'
import type { Device } from '../util/device.js'
import type { DType } from '../util/dtype.js'
import { chooseByRules, type Choose } from './choose.js'
import type { Constant, Constants } from './constants.js'
import {
  inputsOf,
  outputsOf,
  type Conv2dNode,
  type LinearNode,
  type AtenNode,
  type Graph,
  type Node,
  type Value,
} from './graph.js'
import { PlanBuilder, type BytesDraft, type StepInfo, type ValueType } from './plan_builder.js'
import type { ByteScale } from './quantization/byte_scale.js'
import type { Quantization } from './quantization/quantized_model.js'
import type { Tensor } from '../tensor/tensor.js'

/** A value of a graph as it lies in a plan. */
export interface Operand {
  /** Index of the value in the plan. */
  readonly index: number
  readonly dtype: DType
  /** Surely has the channels of a pixel side by side. */
  readonly isChannelsLast: boolean
  /** Surely shares its memory with nothing else. */
  readonly isFresh: boolean
}

/** What a reader wants of an operand. */
export interface Wish {
  readonly dtype: DType
  readonly isChannelsLast?: boolean | undefined
}

/** How a graph is lowered. */
export interface LoweringOptions {
  /** In which floats of 32 bits are kept. */
  readonly dtype: DType
  /** Of a graph whose layers are to be computed with integers. */
  readonly quantization?: Quantization | null | undefined
  /** Default: by rules. */
  readonly choose?: Choose | undefined
  /** Where the steps compute, and where the constants lie. Default: on the CPU, in the memory of JavaScript itself. */
  readonly device?: Device | undefined
  /** Has libtorch measure algorithms on that device. Default: `false`. */
  readonly tuned?: boolean | undefined
}

/** A plan made with what it takes to explain it. */
export interface LoweredPlan {
  readonly spec: PlanSpec
  /** One for each step of the plan. */
  readonly infos: readonly StepInfo[]
}

const NOTHING: PlanArgument = { literal: null }

/**
 * What the lowering of one graph knows: where its values lie in the plan, and what is read later.
 *
 * Floats of 32 bits are kept as `dtype` where the kernels of a node can do with it, or as bytes: see {@link byteScale}.
 */
export class Lowering {
  readonly dtype: DType
  /** What computes a convolution for which there are own kernels. */
  readonly choose: Choose
  readonly #graph: Graph
  readonly #constants: Constants
  readonly #quantization: Quantization | null
  readonly #builder: PlanBuilder
  readonly #operands = new Map<Value, Operand[]>()
  readonly #lastReader = new Map<Value, Node | null>()
  readonly #input: number

  constructor(graph: Graph, constants: Constants, options: LoweringOptions) {
    const { dtype, quantization = null, choose, device = 'cpu', tuned = false } = options
    this.#builder = new PlanBuilder({ device: device === 'cpu' ? null : device, tuned })
    this.dtype = dtype
    this.choose = choose ?? chooseByRules
    this.#quantization = quantization
    this.#graph = graph
    this.#constants = constants
    const [input] = graph.inputs
    const [output] = graph.outputs
    if (input === undefined || output === undefined) throw new TypeError('A graph has an input and an output')
    const inputDtype = exchangeDtype(input.dtype)
    this.#input = this.#builder.value({ shape: input.shape, dtype: inputDtype })
    this.#operands.set(input, [{ index: this.#input, dtype: inputDtype, isChannelsLast: false, isFresh: false }])
    for (const node of graph.nodes) for (const value of inputsOf(node)) this.#lastReader.set(value, node)
    this.#lastReader.set(output, null)
  }

  /** The dtype in which the kernels of a node keep a value. */
  dtypeOf(value: Value): DType {
    return value.dtype === 'float32' ? this.dtype : value.dtype
  }

  /** Tells how bytes stand for a value of floats, if it has such a form: reading it as uint8 gives these. */
  byteScale(value: Value): ByteScale | undefined {
    return value.dtype === 'float32' ? this.#quantization?.values.get(value.id) : undefined
  }

  /** Gives the scales of the output channels, if weights are integers. */
  weightScales(weight: Tensor): Tensor | undefined {
    return this.#quantization?.scales.get(weight)
  }

  /** Gives a value in the dtype and layout that a kernel wants, by a step that converts it where need be. */
  read(value: Value, { dtype, isChannelsLast = false }: Wish): PlanArgument {
    return { value: this.operand(value, { dtype, isChannelsLast }).index }
  }

  /** As {@link read}. */
  operand(value: Value, { dtype, isChannelsLast = false }: Wish): Operand {
    const operands = this.#operands.get(value)
    const [first] = operands ?? []
    if (operands === undefined || first === undefined)
      throw new TypeError(`Value ${value.id} is read before it is made`)
    const found = operands.find((operand) => operand.dtype === dtype && (operand.isChannelsLast || !isChannelsLast))
    if (found !== undefined) return found

    const scale = this.byteScale(value)
    if (scale !== undefined && (dtype === 'uint8' || first.dtype === 'uint8')) {
      const made = this.#convertBytes(value, first, dtype, scale)
      operands.push(made)
      return made
    }

    // The copy of a tensor is fresh; where the dtype is right, there may be nothing to copy.
    const isSame = first.dtype === dtype
    const { shape } = value
    const index = this.#builder.value({ shape, dtype })
    const info = { path: '', operation: 'convert', kernel: 'ATen', outputShape: shape, flop: 0 }
    const format = { literal: isChannelsLast ? 'channels_last' : null }
    if (isSame) {
      this.#builder.aten(info, 'aten::contiguous', [{ value: first.index }, format], [index])
    } else {
      this.#builder.aten(info, 'aten::_to_copy', toCopyArguments({ value: first.index }, dtype, format), [index])
    }
    const made = { index, dtype, isChannelsLast, isFresh: !isSame }
    operands.push(made)
    return made
  }

  /** Makes bytes of floats, or the other way. */
  #convertBytes({ shape }: Value, from: Operand, dtype: DType, scale: ByteScale): Operand {
    const kind = dtype === 'uint8' ? 'quantize' : 'dequantize'
    const index = this.#builder.value({ shape, dtype: kind === 'quantize' ? 'uint8' : 'float32' })
    const info = { path: '', operation: kind, kernel: 'own int8', outputShape: shape, flop: 0 }
    this.#builder.bytes(info, { kind, input: from.index, output: index, ...scale })
    return {
      index,
      dtype: kind === 'quantize' ? 'uint8' : 'float32',
      isChannelsLast: shape.length === 4,
      isFresh: true,
    }
  }

  /** Gives a constant in the dtype that a kernel wants. */
  constant(tensor: Tensor | null, dtype?: DType): PlanArgument {
    if (tensor === null) return { literal: null }
    const { id, handle, shape, dtype: own } = this.#constants.of(tensor)
    if (dtype === undefined || dtype === own) return { constant: handle }
    const args = toCopyArguments({ constant: handle }, dtype, NOTHING)
    return { value: this.#builder.shared(`constant ${id} ${dtype}`, 'aten::_to_copy', args, { shape, dtype }) }
  }

  /**
   * Gives what an operator makes of a constant in the dtype that a kernel wants, once for all plans of the engine. `args`
   * are those after the constant; they stand in the `key`, as far as they matter.
   */
  packed(tensor: Tensor, dtype: DType, key: string, schema: string, args: readonly PlanArgument[]): PlanArgument {
    const { id, handle, shape, dtype: own } = this.#constants.of(tensor)
    const plain: PlanArgument = { constant: handle }
    // Of use for the packing alone: not shared, so that it is let go.
    const first =
      dtype === own
        ? plain
        : { value: this.#builder.prepared('aten::_to_copy', toCopyArguments(plain, dtype, NOTHING), { shape, dtype }) }
    return { value: this.#builder.shared(`${key} ${id} ${dtype}`, schema, [first, ...args], { shape, dtype }) }
  }

  /** Adds a step that does what a node asks for, or all but what {@link emitAfter} adds, and gives the value's index. */
  emit(node: Node, kernel: string, schema: string, args: readonly PlanArgument[], type: ValueType): number {
    const output = this.#builder.value(type)
    this.#builder.aten(this.infoOf([node], kernel), schema, args, [output])
    return output
  }

  /** Adds a further step of a node. */
  emitAfter(node: Node, operation: string, schema: string, args: readonly PlanArgument[], type: ValueType): number {
    const output = this.#builder.value(type)
    const info = { path: node.path, operation, kernel: 'ATen', outputShape: type.shape, flop: 0 }
    this.#builder.aten(info, schema, args, [output])
    return output
  }

  /** Adds a step that makes the outputs of `node`, of which nothing is known but their dtype. */
  emitAten(node: AtenNode, args: readonly PlanArgument[]): void {
    const outputs = node.outputs.map((value) => this.#builder.value(value))
    this.#builder.aten(this.infoOf([node], 'ATen'), node.schema, args, outputs)
    node.outputs.forEach((value, position) => {
      const index = outputs[position] ?? -1
      this.define(value, { index, dtype: value.dtype, isChannelsLast: false, isFresh: false })
    })
  }

  /** Adds a step on bytes that does what a node asks for, and gives the index of the value that it makes. */
  emitBytes(node: Node, step: (output: number) => BytesDraft, type: ValueType): number {
    const output = this.#builder.value(type)
    this.#builder.bytes(this.infoOf([node], 'own int8'), step(output))
    return output
  }

  define(value: Value, operand: Operand): void {
    this.#operands.set(value, [operand])
  }

  /**
   * Tells whether the memory of `operand`, which holds `value`, may be overwritten by `node`: whether nothing else reads it
   * from then on.
   */
  mayOverwrite(value: Value, operand: Operand, node: Node): boolean {
    if (!operand.isFresh || this.#lastReader.get(value) !== node) return false
    // These may make views, which would change, too.
    const readers = this.#graph.nodes.filter((reader) => inputsOf(reader).includes(value))
    return readers.every(({ kind }) => kind !== 'aten' && kind !== 'reshape')
  }

  /** Tells the shape and dtype of a constant. */
  constantFacts(tensor: Tensor): Pick<Constant, 'shape' | 'dtype'> {
    return this.#constants.of(tensor)
  }

  /** Gives the weights of a node for own kernels, once for all plans of the engine. */
  convWeights(node: Conv2dNode | LinearNode): WeightsHandle {
    return this.#constants.convWeights(node)
  }

  /** Tells whether a value is needed by others than the nodes `inside`. */
  isReadOutside(value: Value, inside: ReadonlySet<Node>): boolean {
    if (this.#graph.outputs.includes(value)) return true
    return this.#graph.nodes.some((node) => !inside.has(node) && inputsOf(node).includes(value))
  }

  /** Adds a step of own kernels that makes the values `ports`, with one info for each operation. */
  emitNetwork(
    step: Omit<NetworkStep, 'dead' | 'outputs'>,
    ports: readonly { readonly output: Value; readonly buffer: number }[],
    infos: readonly StepInfo[],
  ): void {
    const outputs = ports.map(({ output, buffer }) => {
      const index = this.#builder.value({ shape: output.shape, dtype: 'float32' })
      // The buffers are the step's own.
      this.define(output, { index, dtype: 'float32', isChannelsLast: false, isFresh: false })
      return { value: index, buffer }
    })
    this.#builder.network({ ...step, outputs }, infos)
  }

  finish(): LoweredPlan {
    const [output] = this.#graph.outputs
    const [operand] = (output && this.#operands.get(output)) ?? []
    if (output === undefined || operand === undefined) throw new TypeError('The output of a graph is made by a node')
    const { index } = this.byteScale(output) === undefined ? operand : this.operand(output, { dtype: 'float32' })
    const spec = this.#builder.finish(this.#input, index, exchangeDtype(output.dtype))
    return { spec, infos: this.#builder.infos }
  }

  /** Describes a step that does what `nodes` do after each other. */
  infoOf([first, ...others]: readonly [Node, ...Node[]], kernel: string): StepInfo {
    const nodes = [first, ...others]
    const outputShape = outputsOf(nodes.at(-1) ?? first)[0]?.shape ?? []
    const flop = nodes.reduce((sum, node) => sum + this.#flopOf(node), 0)
    return { path: first.path, operation: nodes.map(operationOf).join(' + '), kernel, outputShape, flop }
  }

  /** Multiplications and additions of a node's matrix products. */
  #flopOf(node: Node): number {
    if (node.kind !== 'conv2d' && node.kind !== 'linear') return 0
    // Each element of the output comes from one row of the weight.
    const [, ...row] = this.#constants.of(node.weight).shape
    return 2 * product(node.output.shape) * product(row)
  }
}

/** The dtype in which JavaScript gives and gets values: floats of 16 bits have no typed array in every Node. */
export function exchangeDtype(dtype: DType): DType {
  return dtype === 'float16' || dtype === 'bfloat16' ? 'float32' : dtype
}

/** What a node does: `conv2d + residual + relu`. */
export function operationOf(node: Node): string {
  if (node.kind === 'aten') return node.schema
  const parts: string[] = [node.kind]
  if (node.kind === 'conv2d' && node.residual !== null) parts.push('residual')
  if ('activation' in node && node.activation !== 'none') parts.push(node.activation)
  return parts.join(' + ')
}

function toCopyArguments(source: PlanArgument, dtype: DType, memoryFormat: PlanArgument): PlanArgument[] {
  return [source, { literal: dtype }, NOTHING, NOTHING, NOTHING, { literal: false }, memoryFormat]
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((result, size) => result * size, 1)
}
