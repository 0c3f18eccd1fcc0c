import type { NativeBinding } from '../../libtorch/binding.js'
import type { TensorHandle } from '../../libtorch/handles.js'
import { ITEM_SIZE } from '../../util/dtype.js'
import { callByName } from './call_by_name.js'
import { isHandle, symbolicOf, type Facts, type SymbolicTensor } from './symbolic.js'

/** A tensor that an operator gives. */
export interface Inferred {
  readonly facts: Facts
  /** Whether it shares the memory of the operator's first argument. */
  readonly sharesStorage: boolean
}

/** What stands in for elements: 0, or 1 where integers are divided by it, or nothing for operators that only look. */
type Filling = 0 | 1 | null

/**
 * Finds out what an operator makes of tensors such as these, by running it once on stand-ins that lie as they do: with
 * libtorch's own rules, and its own errors.
 */
export function infer(
  addon: NativeBinding,
  name: keyof NativeBinding,
  args: readonly unknown[],
  filling: Filling = 0,
): Inferred[] {
  return callOnStandIns(addon, name, args, filling, (result, given) => {
    const made = [result].flat(2).filter(isHandle)
    const first = given.find(isHandle)
    try {
      return made.map((handle) => ({
        facts: factsOf(addon, handle),
        sharesStorage: isHandle(first) && addon.storageId(handle) === addon.storageId(first),
      }))
    } finally {
      for (const handle of made) addon.dispose(handle)
    }
  })
}

/** Tells whether the elements of a symbolic tensor would lie without gaps. */
export function inferIsContiguous(addon: NativeBinding, tensor: SymbolicTensor, channelsLast: boolean): boolean {
  return callOnStandIns(addon, 'isContiguous', [tensor, channelsLast], null, (result) => result === true)
}

function callOnStandIns<T>(
  addon: NativeBinding,
  name: keyof NativeBinding,
  args: readonly unknown[],
  filling: Filling,
  read: (result: unknown, args: readonly unknown[]) => T,
): T {
  const standIns: TensorHandle[] = []
  const replace = (argument: unknown): unknown => {
    if (Array.isArray(argument)) return argument.map(replace)
    const symbolic = symbolicOf(argument)
    if (symbolic === null) return argument
    const standIn = makeStandIn(addon, symbolic.facts, filling)
    standIns.push(standIn)
    return standIn
  }
  try {
    const real = args.map(replace)
    return read(callByName(addon, name, real), real)
  } finally {
    for (const handle of standIns) addon.dispose(handle)
  }
}

function makeStandIn(addon: NativeBinding, facts: Facts, filling: Filling): TensorHandle {
  const { shape, strides, storageOffset, dtype, device } = facts
  const last = shape.reduce((sum, size, dim) => sum + Math.max(size - 1, 0) * (strides[dim] ?? 0), storageOffset)
  const storage = addon.empty([(last + 1) * ITEM_SIZE[dtype]], 'uint8', device)
  try {
    const whole = addon.viewOfStorage(storage, dtype, 0, [last + 1], [1])
    try {
      if (filling !== null) addon.fill_(whole, filling)
    } finally {
      addon.dispose(whole)
    }
    return addon.viewOfStorage(storage, dtype, storageOffset, shape, strides)
  } finally {
    addon.dispose(storage)
  }
}

function factsOf(addon: NativeBinding, handle: TensorHandle): Facts {
  return {
    shape: addon.shape(handle),
    strides: addon.strides(handle),
    storageOffset: addon.storageOffset(handle),
    dtype: addon.dtype(handle),
    device: addon.device(handle),
  }
}
