import type { PlanArgument } from '../libtorch/binding.js'
import type { Conv2dNode, LinearNode, Node } from './graph.js'
import type { Lowering } from './lowering.js'
import { lowerAten } from './lower_aten.js'

const KERNEL = 'oneDNN'

/** Adds the steps of a node, those with weights by oneDNN through libtorch: channels last, with packed weights. */
export function lowerOneDnn(lowering: Lowering, node: Node): void {
  const isFloat32 = node.kind !== 'aten' && node.output.dtype === 'float32'
  if (node.kind === 'conv2d' && isFloat32) {
    lowerConvolution(lowering, node)
  } else if (node.kind === 'linear' && isFloat32 && node.input.shape.length === 2) {
    lowerLinear(lowering, node)
  } else {
    lowerAten(lowering, node)
  }
}

const NO_POST_OPS: readonly PlanArgument[] = [{ literal: [] }, { literal: '' }]

function lowerConvolution(lowering: Lowering, node: Conv2dNode): void {
  const { dtype } = lowering
  const { weight, bias, stride, padding, dilation, groups, residual, activation, output } = node
  const wish = { dtype, isChannelsLast: true }
  const geometry = [padding, stride, dilation, groups].map((literal) => ({ literal }))
  // Of the batch size only the choice of the layout depends, and that hardly: all plans share what the first one made.
  const inputSize = { literal: node.input.shape }
  const key = `conv2d ${JSON.stringify([padding, stride, dilation, groups])}`
  const schema = 'mkldnn::_reorder_convolution_weight'
  const packed = lowering.packed(weight, dtype, key, schema, [...geometry, inputSize])
  const image = lowering.read(node.input, wish)
  const rest = [packed, lowering.constant(bias, dtype), ...geometry]
  const type = { shape: output.shape, dtype }
  const define = (index: number): void => lowering.define(output, { index, dtype, isChannelsLast: true, isFresh: true })
  if (residual === null) {
    const args = [image, ...rest, { literal: activation }, ...NO_POST_OPS]
    define(lowering.emit(node, KERNEL, 'mkldnn::_convolution_pointwise', args, type))
    return
  }

  const other = lowering.operand(residual, wish)
  const postOps = [{ literal: 'add' }, { literal: 1 }, { literal: activation === 'none' ? null : activation }]
  if (node.input !== residual && lowering.mayOverwrite(residual, other, node)) {
    // Adds the result to the residual, where it is: less memory to go through.
    const args = [{ value: other.index }, image, ...rest, ...postOps, ...NO_POST_OPS]
    define(lowering.emit(node, KERNEL, 'mkldnn::_convolution_pointwise_.binary', args, type))
  } else {
    const args = [image, { value: other.index }, ...rest, ...postOps, ...NO_POST_OPS]
    define(lowering.emit(node, KERNEL, 'mkldnn::_convolution_pointwise.binary', args, type))
  }
}

function lowerLinear(lowering: Lowering, node: LinearNode): void {
  const { dtype } = lowering
  const { weight, bias, activation, output } = node
  const [batch = 1] = node.input.shape
  const packed = lowering.packed(weight, dtype, 'linear', 'mkldnn::_reorder_linear_weight', [{ literal: batch }])
  const operands = [lowering.read(node.input, { dtype }), packed, lowering.constant(bias, dtype)]
  const args = [...operands, { literal: activation }, ...NO_POST_OPS]
  const type = { shape: output.shape, dtype }
  const index = lowering.emit(node, KERNEL, 'mkldnn::_linear_pointwise', args, type)
  lowering.define(output, { index, dtype, isChannelsLast: false, isFresh: true })
}
