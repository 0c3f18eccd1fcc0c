import type { Conv2dNode, Node } from './graph.js'
import type { Lowering } from './lowering.js'
import { lowerAten } from './lower_aten.js'

const KERNEL = 'cuDNN'

/**
 * Adds the steps of a node for CUDA: convolutions with the channels of a pixel side by side, as cuDNN is fastest, and the rest
 * by libtorch's ordinary operators, which keep that layout.
 *
 * What follows a convolution is done by operators of its own: those that cuDNN fuses (`cudnn_convolution_relu`) fail for some
 * shapes (pytorch issue 62926), and nothing binds them to let NaN through.
 */
export function lowerCudnn(lowering: Lowering, node: Node): void {
  if (node.kind === 'conv2d' && node.output.dtype === 'float32') lowerConvolution(lowering, node)
  else lowerAten(lowering, node)
}

function lowerConvolution(lowering: Lowering, node: Conv2dNode): void {
  const { dtype } = lowering
  const { weight, bias, stride, padding, dilation, groups, residual, activation, output } = node
  const wish = { dtype, isChannelsLast: true }
  const image = lowering.read(node.input, wish)
  const packed = lowering.packed(weight, dtype, 'channels last', 'aten::contiguous', [{ literal: 'channels_last' }])
  const literals = [stride, padding, dilation, groups].map((literal) => ({ literal }))
  const type = { shape: output.shape, dtype }
  const args = [image, packed, lowering.constant(bias, dtype), ...literals]
  let index = lowering.emit(node, KERNEL, 'aten::conv2d', args, type)
  if (residual !== null) {
    const operands = [{ value: index }, lowering.read(residual, wish), { literal: 1 }]
    index = lowering.emitAfter(node, '+ residual', 'aten::add_.Tensor', operands, type)
  }
  if (activation === 'relu') index = lowering.emitAfter(node, '+ relu', 'aten::relu_', [{ value: index }], type)
  // Those of a few channels each are not cuDNN's, and may lie otherwise.
  lowering.define(output, { index, dtype, isChannelsLast: groups === 1, isFresh: true })
}
