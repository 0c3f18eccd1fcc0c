import type { PlanArgument } from '../libtorch/binding.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Conv2dNode, GlobalAvgPoolNode, LinearNode, MaxPool2dNode, Node, Value } from './graph.js'
import type { Lowering } from './lowering.js'
import { lowerOneDnn } from './lower_onednn.js'
import type { ByteScale } from './quantization/byte_scale.js'

const KERNEL = 'oneDNN int8'

/**
 * Adds the steps of a node of a quantised graph: layers whose weights are integers by oneDNN's operators for these, which
 * libtorch has for its own compiler, poolings of bytes by own kernels, and all others as in a graph of floats.
 */
export function lowerInt8(lowering: Lowering, node: Node): void {
  if (node.kind === 'conv2d' || node.kind === 'linear') {
    const scales = lowering.weightScales(node.weight)
    if (scales === undefined) lowerOneDnn(lowering, node)
    else if (node.kind === 'conv2d') lowerConvolution(lowering, node, scales)
    else lowerLinear(lowering, node, scales)
  } else if (
    node.kind === 'maxPool2d' &&
    isSameScale(lowering.byteScale(node.input), lowering.byteScale(node.output))
  ) {
    lowerMaxPool(lowering, node)
  } else if (node.kind === 'globalAvgPool' && lowering.byteScale(node.input) !== undefined) {
    lowerGlobalAvgPool(lowering, node)
  } else {
    lowerOneDnn(lowering, node)
  }
}

const NO_POST_OP_ARGUMENTS: readonly PlanArgument[] = [{ literal: [] }, { literal: '' }]
const FLOATS: ByteScale = { scale: 1, zeroPoint: 0 }

function lowerConvolution(lowering: Lowering, node: Conv2dNode, scales: Tensor): void {
  const { weight, bias, stride, padding, dilation, groups, residual, activation, output } = node
  const input = bytesOf(lowering, node.input)
  const geometry = [stride, padding, dilation, groups].map((literal) => ({ literal }))
  const weightScale = lowering.constant(scales)
  // Of the batch size only the choice of the layout depends: all plans share what the first one made.
  const args = [weightScale, ...input.scale, ...geometry, { literal: node.input.shape }]
  const key = `conv2d ${JSON.stringify([node.input.id, stride, padding, dilation, groups])}`
  const packed = lowering.packed(weight, 'int8', key, 'onednn::qconv_prepack', args)

  // Where nothing wants bytes, floats come out.
  const bytes = lowering.byteScale(output)
  const dtype = bytes === undefined ? 'float32' : 'uint8'
  const type = { shape: output.shape, dtype } as const
  const result = [...scaleArguments(bytes ?? FLOATS), { literal: dtype }]
  const constants = [packed, weightScale, zeroPoints(lowering, scales)]
  const rest = [lowering.constant(bias, 'float32'), ...geometry, ...result]
  const define = (index: number): void => lowering.define(output, { index, dtype, isChannelsLast: true, isFresh: true })
  if (residual === null) {
    const args = [input.value, ...input.scale, ...constants, ...rest, { literal: activation }, ...NO_POST_OP_ARGUMENTS]
    define(lowering.emit(node, KERNEL, 'onednn::qconv2d_pointwise', args, type))
    return
  }

  const other = overwritable(lowering, node, residual)
  const sum = [...other.scale, { literal: 'sum' }, { literal: 1 }, { literal: activation }, ...NO_POST_OP_ARGUMENTS]
  const all = [input.value, ...input.scale, ...constants, other.value, ...rest, ...sum]
  define(lowering.emit(node, KERNEL, 'onednn::qconv2d_pointwise.binary', all, type))
}

function lowerLinear(lowering: Lowering, node: LinearNode, scales: Tensor): void {
  const { weight, bias, activation, output } = node
  const input = bytesOf(lowering, node.input)
  const packed = lowering.packed(weight, 'int8', 'linear', 'onednn::qlinear_prepack', [{ literal: node.input.shape }])
  const bytes = lowering.byteScale(output)
  const dtype = bytes === undefined ? 'float32' : 'uint8'
  const constants = [
    packed,
    lowering.constant(scales),
    zeroPoints(lowering, scales),
    lowering.constant(bias, 'float32'),
  ]
  const result = [...scaleArguments(bytes ?? FLOATS), { literal: dtype }, { literal: activation }]
  const args = [input.value, ...input.scale, ...constants, ...result, ...NO_POST_OP_ARGUMENTS]
  const type = { shape: output.shape, dtype } as const
  const index = lowering.emit(node, KERNEL, 'onednn::qlinear_pointwise', args, type)
  lowering.define(output, { index, dtype, isChannelsLast: false, isFresh: true })
}

function lowerMaxPool(lowering: Lowering, node: MaxPool2dNode): void {
  const { kernelSize, stride, padding, dilation, output } = node
  const input = lowering.operand(node.input, { dtype: 'uint8', isChannelsLast: true }).index
  const windows = { kernelSize, stride, padding, dilation }
  const type = { shape: output.shape, dtype: 'uint8' } as const
  const index = lowering.emitBytes(node, (made) => ({ kind: 'maxPoolBytes', input, output: made, ...windows }), type)
  lowering.define(output, { index, dtype: 'uint8', isChannelsLast: true, isFresh: true })
}

function lowerGlobalAvgPool(lowering: Lowering, node: GlobalAvgPoolNode): void {
  const input = lowering.operand(node.input, { dtype: 'uint8', isChannelsLast: true }).index
  const scale = lowering.byteScale(node.input) ?? FLOATS
  const type = { shape: node.output.shape, dtype: 'float32' } as const
  const index = lowering.emitBytes(node, (output) => ({ kind: 'meanOfBytes', input, output, ...scale }), type)
  lowering.define(node.output, { index, dtype: 'float32', isChannelsLast: false, isFresh: true })
}

interface BytesArguments {
  readonly value: PlanArgument
  /** Scale and zero point, as the operators have them next to each other. */
  readonly scale: readonly PlanArgument[]
}

function bytesOf(lowering: Lowering, value: Value): BytesArguments {
  const operand = lowering.operand(value, { dtype: 'uint8', isChannelsLast: value.shape.length === 4 })
  return { value: { value: operand.index }, scale: scaleArguments(scaleOf(lowering, value)) }
}

/** The residual, into which the operator adds: a copy of it where it is read again. */
function overwritable(lowering: Lowering, node: Conv2dNode, residual: Value): BytesArguments {
  const operand = lowering.operand(residual, { dtype: 'uint8', isChannelsLast: true })
  const scale = scaleArguments(scaleOf(lowering, residual))
  if (node.input !== residual && lowering.mayOverwrite(residual, operand, node)) {
    return { value: { value: operand.index }, scale }
  }
  const type = { shape: residual.shape, dtype: 'uint8' } as const
  const copy = lowering.emitAfter(node, 'copy', 'aten::clone', [{ value: operand.index }, { literal: null }], type)
  return { value: { value: copy }, scale }
}

function scaleOf(lowering: Lowering, value: Value): ByteScale {
  const scale = lowering.byteScale(value)
  if (scale === undefined) throw new TypeError(`Value ${value.id} has no form of bytes`)
  return scale
}

function scaleArguments({ scale, zeroPoint }: ByteScale): PlanArgument[] {
  return [{ literal: scale }, { literal: zeroPoint }]
}

function isSameScale(one: ByteScale | undefined, other: ByteScale | undefined): boolean {
  return one !== undefined && one.scale === other?.scale && one.zeroPoint === other.zeroPoint
}

/** Those of the weights, which the operators ask for: all 0. */
function zeroPoints(lowering: Lowering, scales: Tensor): PlanArgument {
  return lowering.packed(scales, 'float32', 'zero points', 'aten::zeros_like', [{ literal: 'int64' }])
}
