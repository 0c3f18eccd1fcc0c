import { currentAutocast } from '../libtorch/grad_mode.js'
import { checkInteger, checkOneOf, describeShape, expected } from '../util/check.js'
import { isFloatingPoint } from '../util/dtype.js'
import { TorchError } from '../util/errors.js'
import { handleOf, TensorBase } from '../tensor/handle.js'
import type { Tensor } from '../tensor/tensor.js'

/** A height and a width, or one number for both. */
export type Size2d = number | readonly [height: number, width: number]

/** A height and a width. */
export type Pair = readonly [height: number, width: number]

/** Rows and columns put around an image, or a rule: `same` keeps the size, `valid` puts none. */
export type ConvPadding = Size2d | 'same' | 'valid'

/** The size to which images are averaged; `null` keeps that of the input. */
export type OutputSize2d = number | null | readonly [height: number | null, width: number | null]

/** Tells whether `value` is a tensor, of whatever dtype. */
export function isTensor(value: unknown): value is Tensor {
  return value instanceof TensorBase
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `size` is one or two integers of at least `least`. */
export function checkPair(name: string, size: unknown, least: 0 | 1): Pair {
  const pair: unknown[] = Array.isArray(size) ? size : [size, size]
  const [height, width] = pair
  if (pair.length !== 2 || !isSize(height, least) || !isSize(width, least)) {
    throw expected(`${least === 1 ? 'a positive' : 'a non-negative'} integer, or two of them,`, name, size)
  }
  return [height, width]
}

/** Checks a size as {@link checkPair} does, and gives it back in the form in which it came: PyTorch's pooling layers print that. */
export function checkSize2d(name: string, size: unknown, least: 0 | 1): Size2d {
  const pair = checkPair(name, size, least)
  return typeof size === 'number' ? size : pair
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `padding` is one for `conv2d` with this stride. */
export function checkConvPadding(padding: unknown, stride: Pair): Pair | 'same' | 'valid' {
  if (typeof padding !== 'string') return checkPair('padding', padding, 0)
  if (checkOneOf('padding', padding, ['same', 'valid']) === 'same' && stride.some((step) => step !== 1)) {
    throw new TorchError('TORCH_INVALID_ARGUMENT', "padding='same' is not supported for strided convolutions")
  }
  return padding === 'same' ? 'same' : 'valid'
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `size` is a size of {@link OutputSize2d}. */
export function checkOutputSize(size: unknown): readonly [height: number | null, width: number | null] {
  const pair: unknown[] = Array.isArray(size) ? size : [size, size]
  const [height, width] = pair
  if (pair.length !== 2 || !isOutputSize(height) || !isOutputSize(width)) {
    throw expected('a non-negative integer, null, or two of them,', 'outputSize', size)
  }
  return [height, width]
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `tensor` is one of floats. */
export function checkFloats(name: string, tensor: Tensor): void {
  handleOf(tensor, name)
  if (!isFloatingPoint(tensor.dtype)) throw expected('a tensor of floats', name, tensor)
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `input` is a batch of images, or one image. */
export function checkImages(input: Tensor): void {
  handleOf(input, 'input')
  if (input.ndim !== 4 && input.ndim !== 3) throw expected('a tensor (N, C, H, W) or (C, H, W)', 'input', input)
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `tensor` has just this shape. */
export function checkShapeIs(name: string, tensor: Tensor, shape: readonly number[]): void {
  handleOf(tensor, name)
  const fits = tensor.ndim === shape.length && shape.every((size, dim) => tensor.shape[dim] === size)
  if (!fits) throw expected(`a tensor ${describeShape(shape)}`, name, tensor)
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless both have one dtype, or autocast gives them one. */
export function checkSameDType(name: string, tensor: Tensor, otherName: string, other: Tensor): void {
  const { dtype } = other
  if (tensor.dtype === dtype) return
  const isCast = currentAutocast()[tensor.device === 'cpu' ? 'cpu' : 'cuda'].isOn
  if (!isCast || !isFloatingPoint(dtype) || !isFloatingPoint(tensor.dtype))
    throw expected(`a ${dtype} tensor, as ${otherName} is one,`, name, tensor)
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless both lie on one device. */
export function checkSameDevice(name: string, tensor: Tensor, otherName: string, other: Tensor): void {
  const [device, otherDevice] = [tensor.device, other.device]
  if (device === otherDevice) return
  throw new TorchError(
    'TORCH_INVALID_ARGUMENT',
    `Expected all tensors to be on the same device, but ${name} is on ${device} and ${otherName} on ${otherDevice}`,
  )
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `dim` is a dimension of `input`; a negative one counts from the end. */
export function checkDim(dim: number, input: Tensor): number {
  const rank = Math.max(input.ndim, 1)
  if (checkInteger('dim', dim) < -rank || dim >= rank)
    throw expected(`a dimension from ${-rank} to ${rank - 1}`, 'dim', dim)
  return dim
}

function isSize(value: unknown, least: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= least
}

function isOutputSize(value: unknown): value is number | null {
  return value === null || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0)
}
