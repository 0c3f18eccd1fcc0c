import { native } from '../libtorch/binding.js'
import type { DType } from '../util/dtype.js'
import { callOne, toNative } from './aten.js'
import { handleOf } from './handle.js'
import { Tensor } from './tensor.js'

/** Calls an operator that gives one tensor, with arguments that the caller has checked. */
export function apply<D extends DType = DType>(schema: string, ...args: readonly unknown[]): Tensor<D> {
  return new Tensor<D>(callOne(schema, ...args))
}

/** Calls an operator that changes its first argument, and gives that back. */
export function applyInPlace<T extends Tensor>(schema: string, tensor: T, ...args: readonly unknown[]): T {
  native.callAten(schema, handleOf(tensor), ...args.map(toNative))
  return tensor
}
