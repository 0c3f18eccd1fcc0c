import { native } from '../libtorch/binding.js'
import type { TensorHandle } from '../libtorch/handles.js'
import type { DType } from '../util/dtype.js'
import { handleOf, TensorBase } from './handle.js'

// Methods that need no entry of the addon for themselves call operators of libtorch by their schemas, with arguments that they
// have checked.

/** Calls an operator that gives one tensor. */
export function callOne(schema: string, ...args: readonly unknown[]): TensorHandle {
  const [result] = native.callAten(schema, ...args.map(toNative))
  return result as TensorHandle
}

/** Calls an operator that gives two tensors. */
export function callTwo(schema: string, ...args: readonly unknown[]): readonly [TensorHandle, TensorHandle] {
  const [first, second] = native.callAten(schema, ...args.map(toNative))
  return [first as TensorHandle, second as TensorHandle]
}

/** Calls an operator that gives a list of tensors. */
export function callList(schema: string, ...args: readonly unknown[]): readonly TensorHandle[] {
  const [result] = native.callAten(schema, ...args.map(toNative))
  return result as TensorHandle[]
}

/** Gives the handles of tensors, also of those in arrays, and all else as it is. */
export function toNative(value: unknown): unknown {
  if (value instanceof TensorBase) return handleOf(value as TensorBase<DType>)
  return Array.isArray(value) ? value.map(toNative) : value
}
