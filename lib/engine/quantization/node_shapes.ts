import type { Pair } from '../../nn/checks.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Conv2dNode, LinearNode, Node, Value } from '../graph.js'

/** Tells what is wrong with the shapes and dtypes of a node, or null. Of operators of libtorch, these tell when they run. */
export function faultOf(node: Node, weightScale: Tensor | null): string | null {
  if (node.kind === 'aten') return null
  const fault = 'weight' in node && node.kind !== 'batchNorm' ? faultOfWeight(node, weightScale) : null
  if (fault !== null) return fault
  const { output } = node
  const shape = shapeOf(node)
  const dtype = node.kind === 'add' ? node.left.dtype : node.input.dtype
  if (shape === null) return 'inputs that fit each other and the constants'
  if (!isSame(output.shape, shape) || output.dtype !== dtype) return `an output ${dtype} (${shape.join(', ')})`
  return null
}

function faultOfWeight({ weight, bias, input }: Conv2dNode | LinearNode, scale: Tensor | null): string | null {
  const [channels = 0] = weight.shape
  if (bias !== null && !isSame(bias.shape, [channels])) return 'a bias for each output channel'
  if (scale === null) return weight.dtype === input.dtype ? null : 'a weight of the dtype of the input'
  if (weight.dtype !== 'int8' || input.dtype !== 'float32') return 'a weight of int8'
  if (scale.dtype !== 'float32' || !isSame(scale.shape, [channels])) return 'a scale for each output channel'
  return scale.toFloat32Array().every(isScale) ? null : 'scales above 0'
}

/** Tells whether a number can be a scale: positive, and its reciprocal is a float32, too. */
export function isScale(value: unknown): value is number {
  return (
    typeof value === 'number' && value > 0 && Number.isFinite(Math.fround(1 / value)) && Math.fround(value) < Infinity
  )
}

/** The shape of what a node makes; null where its inputs do not fit. */
function shapeOf(node: Exclude<Node, { kind: 'aten' }>): readonly number[] | null {
  switch (node.kind) {
    case 'conv2d':
      return convolved(node)
    case 'linear': {
      const [outputs = 0, inputs] = node.weight.shape
      const fits = node.weight.ndim === 2 && node.input.shape.length >= 2 && node.input.shape.at(-1) === inputs
      return fits ? [...node.input.shape.slice(0, -1), outputs] : null
    }
    case 'batchNorm': {
      const vectors = [node.mean, node.variance, node.weight, node.bias]
      const channels = node.input.shape.slice(1, 2)
      return vectors.every((vector) => vector === null || isSame(vector.shape, channels)) ? node.input.shape : null
    }
    case 'relu':
      return node.input.shape
    case 'add': {
      const { left, right } = node
      return isSame(left.shape, right.shape) && left.dtype === right.dtype ? left.shape : null
    }
    case 'maxPool2d':
      return pooled(node.input, node, node.dilation)
    case 'avgPool2d':
      return pooled(node.input, node, [1, 1])
    case 'globalAvgPool': {
      const [images = 0, channels = 0] = node.input.shape
      if (node.input.shape.length !== 4) return null
      return node.output.shape.length === 2 ? [images, channels] : [images, channels, 1, 1]
    }
    case 'reshape':
      return elementsOf(node.input) === elementsOf(node.output) ? node.output.shape : null
  }
}

function convolved({ input, weight, stride, padding, dilation, groups, residual, output }: Conv2dNode) {
  const [images = 0, channels = 0, ...size] = input.shape
  const [outputs = 0, inputs = 0, ...kernel] = weight.shape
  const fits = size.length === 2 && kernel.length === 2 && channels === inputs * groups && outputs % groups === 0
  if (!fits || (residual !== null && !isSame(residual.shape, output.shape))) return null
  const result = size.map((length, axis) => {
    const [step, pad, spread] = [stride[axis] ?? 1, padding[axis] ?? 0, dilation[axis] ?? 1]
    return windowsAlong(length, { kernel: kernel[axis] ?? 1, step, pad, spread, ceil: false })
  })
  return [images, outputs, ...result]
}

interface Windows {
  readonly kernelSize: Pair
  readonly stride: Pair
  readonly padding: Pair
  readonly ceilMode: boolean
}

function pooled({ shape }: Value, { kernelSize, stride, padding, ceilMode }: Windows, dilation: Pair) {
  const [images = 0, channels = 0, ...size] = shape
  if (size.length !== 2 || kernelSize.some((kernel, axis) => (padding[axis] ?? 0) * 2 > kernel)) return null
  const result = size.map((length, axis) => {
    const [step, pad, spread] = [stride[axis] ?? 1, padding[axis] ?? 0, dilation[axis] ?? 1]
    return windowsAlong(length, { kernel: kernelSize[axis] ?? 1, step, pad, spread, ceil: ceilMode })
  })
  return [images, channels, ...result]
}

interface Axis {
  readonly kernel: number
  readonly step: number
  readonly pad: number
  readonly spread: number
  readonly ceil: boolean
}

function windowsAlong(length: number, { kernel, step, pad, spread, ceil }: Axis): number {
  const room = length + 2 * pad - spread * (kernel - 1) - 1
  const count = Math.floor((room + (ceil ? step - 1 : 0)) / step) + 1
  // The last window begins inside of the image or the padding before it.
  return ceil && (count - 1) * step >= length + pad ? count - 1 : count
}

function elementsOf({ shape }: Value): number {
  return shape.reduce((product, size) => product * size, 1)
}

function isSame(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((size, dim) => size === other[dim])
}
