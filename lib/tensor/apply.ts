import { native } from '../libtorch/binding.js'
import type { TensorHandle } from '../libtorch/handles.js'
import type { DType } from '../util/dtype.js'
import { handleOf, TensorBase } from './handle.js'
import { Tensor } from './tensor.js'

// Functions and methods that need no entry of the addon for themselves call operators of libtorch by their schemas.

/** Calls an operator that gives one tensor, with arguments that the caller has checked. */
export function apply<D extends DType = DType>(schema: string, ...args: readonly unknown[]): Tensor<D> {
  const [result] = native.callAten(schema, ...args.map(toNative))
  return new Tensor<D>(result as TensorHandle)
}

/** Calls an operator that changes its first argument, and gives that back. */
export function applyInPlace<T extends Tensor>(schema: string, tensor: T, ...args: readonly unknown[]): T {
  native.callAten(schema, handleOf(tensor), ...args.map(toNative))
  return tensor
}

/** Gives the handles of tensors, also of those in arrays, and all else as it is. */
export function toNative(value: unknown): unknown {
  if (value instanceof TensorBase) return handleOf(value as TensorBase<DType>)
  return Array.isArray(value) ? value.map(toNative) : value
}
