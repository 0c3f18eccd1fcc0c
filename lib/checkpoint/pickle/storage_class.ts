import type { Fail } from '../failure.js'
import { describeValue, PickledGlobal, type CheckpointValue } from '../values.js'

/** Element type by the name of the class that old files give to a storage: `torch.FloatStorage`. */
export const STORAGE_CLASSES: ReadonlyMap<string, string> = new Map([
  ['FloatStorage', 'float32'],
  ['DoubleStorage', 'float64'],
  ['HalfStorage', 'float16'],
  ['BFloat16Storage', 'bfloat16'],
  ['CharStorage', 'int8'],
  ['ShortStorage', 'int16'],
  ['IntStorage', 'int32'],
  ['LongStorage', 'int64'],
  ['ByteStorage', 'uint8'],
  ['BoolStorage', 'bool'],
  ['ComplexFloatStorage', 'complex64'],
  ['ComplexDoubleStorage', 'complex128'],
  ['QUInt8Storage', 'quint8'],
  ['QInt8Storage', 'qint8'],
  ['QInt32Storage', 'qint32'],
  ['QUInt4x2Storage', 'quint4x2'],
  ['QUInt2x4Storage', 'quint2x4'],
  ['UntypedStorage', 'uint8'],
])

const MODULES: ReadonlySet<string> = new Set(['torch', 'torch.cuda', 'torch.storage'])

/**
 * Gives the element type of a storage class such as `torch.FloatStorage`.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_CORRUPT` if it is none.
 */
export function elementTypeOf(type: CheckpointValue | undefined, fail: Fail): string {
  const known = type instanceof PickledGlobal && MODULES.has(type.module)
  const dtype = known ? STORAGE_CLASSES.get(type.name) : undefined
  if (dtype !== undefined) return dtype
  throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a storage class, found ${describeValue(type)}`)
}

/** Tells whether `value` is an integer of at least 0 that a double holds exactly. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
