import type { Tensor } from '../../tensor/tensor.js'
import type { Node } from '../graph.js'
import { inputsOf, opOf } from '../ops/index.js'
import { isSameShape } from '../ops/shapes.js'
import type { QuantizableNode } from './quantized_values.js'

/** Tells what is wrong with the shapes and dtypes of a node, or null. Operators of libtorch tell when they run. */
export function faultOfNode(node: Node, weightScale: Tensor | null): string | null {
  if (node.kind === 'aten') return null
  const fault = 'weight' in node && node.kind !== 'batchNorm' ? faultOfWeight(node, weightScale) : null
  if (fault !== null) return fault
  const shape = opOf(node).shape(node)
  if (shape === null) return 'inputs that fit each other and the constants'
  const { output } = node
  const dtype = inputsOf(node)[0]?.dtype ?? output.dtype
  if (!isSameShape(output.shape, shape) || output.dtype !== dtype) return `an output ${dtype} (${shape.join(', ')})`
  return null
}

function faultOfWeight({ weight, bias, input }: QuantizableNode, scale: Tensor | null): string | null {
  const [channels = 0] = weight.shape
  if (bias !== null && !isSameShape(bias.shape, [channels])) return 'a bias for each output channel'
  if (scale === null) return weight.dtype === input.dtype ? null : 'a weight of the dtype of the input'
  if (weight.dtype !== 'int8' || input.dtype !== 'float32') return 'a weight of int8'
  if (scale.dtype !== 'float32' || !isSameShape(scale.shape, [channels])) return 'a scale for each output channel'
  return scale.toFloat32Array().every(isScale) ? null : 'scales above 0'
}

/** Tells whether a number can be a scale: positive, and its reciprocal is a float32, too. */
export function isScale(value: unknown): value is number {
  return (
    typeof value === 'number' && value > 0 && Number.isFinite(Math.fround(1 / value)) && Math.fround(value) < Infinity
  )
}
