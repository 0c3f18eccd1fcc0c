import type { Construction, Constructor } from './globals.js'
import { encodeText } from './text.js'
import {
  describeValue,
  narrow,
  NumpyArray,
  NumpyDType,
  PickledObject,
  PickleTuple,
  type CheckpointValue,
} from '../values.js'
import { isUint8Array } from '../../util/realm.js'

type Args = readonly CheckpointValue[]

/** What numpy's pickles call; numpy 2 moved `numpy.core` to `numpy._core`. */
export const NUMPY_CONSTRUCTORS: readonly (readonly [string, Constructor])[] = [
  ['numpy.dtype', makeDType],
  ...['numpy.core', 'numpy._core'].flatMap((core): [string, Constructor][] => [
    [`${core}.multiarray.scalar`, makeScalar],
    [`${core}.multiarray._reconstruct`, () => new NumpyArray()],
    [`${core}.numeric._frombuffer`, makeFromBuffer],
  ]),
]

/** Fills a dtype or an array in, as numpy's `__setstate__` does. */
export function buildNumpy(target: NumpyArray | NumpyDType, state: CheckpointValue, context: Construction): void {
  const { fail } = context
  if (!(state instanceof PickleTuple)) {
    throw fail(
      'TORCH_CHECKPOINT_CORRUPT',
      `Expected a tuple as the state of ${describeValue(target)}, found ${describeValue(state)}`,
    )
  }
  if (target instanceof NumpyDType) {
    // (version, byte order, subdtype, names, fields, item size, alignment, flags)
    const byteOrder = state[1]
    if (byteOrder !== '<' && byteOrder !== '>' && byteOrder !== '|' && byteOrder !== '=') {
      throw fail(
        'TORCH_CHECKPOINT_CORRUPT',
        `Expected the byte order of a numpy dtype, found ${describeValue(byteOrder)}`,
      )
    }
    target.byteOrder = byteOrder
    return
  }
  const [, shape, dtype, fortranOrder, data] = state
  fill(target, { data, dtype, shape, fortranOrder: fortranOrder === true }, context)
}

/** Characters of the kind of a dtype, such as `datetime64[ns]`; that of an array of texts is `U` and a number. */
const MAX_KIND = 64

/** `dtype('f8', align, copy)` */
function makeDType([kind]: Args, { fail }: Construction): NumpyDType {
  if (typeof kind === 'string' && kind.length > MAX_KIND) {
    throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected the kind of a numpy dtype, found ${describeValue(kind)}`)
  }
  // Of records a class is given, such as numpy.record; their fields follow as a state.
  return new NumpyDType(typeof kind === 'string' ? kind : 'V', '|')
}

/** `_frombuffer(bytes, dtype, shape, order)`, protocol 5. */
function makeFromBuffer([data, dtype, shape, order]: Args, context: Construction): NumpyArray {
  return fill(new NumpyArray(), { data, dtype, shape, fortranOrder: order === 'F' }, context)
}

interface ArrayState {
  readonly data: CheckpointValue | undefined
  readonly dtype: CheckpointValue | undefined
  readonly shape: CheckpointValue | undefined
  readonly fortranOrder: boolean
}

function fill(array: NumpyArray, state: ArrayState, { fail, limits, charge }: Construction): NumpyArray {
  const { dtype, fortranOrder } = state
  const shape = Array.isArray(state.shape) && state.shape.length <= limits.dimensions ? state.shape : undefined
  // Python 2 wrote the bytes as a string, which was decoded if it happened to be text.
  if (typeof state.data === 'string') charge(state.data.length, 1)
  const data = typeof state.data === 'string' ? encodeText(state.data) : state.data
  if (!(dtype instanceof NumpyDType) || !shape?.every(isSize) || !(isUint8Array(data) || Array.isArray(data))) {
    throw fail('TORCH_CHECKPOINT_CORRUPT', 'Expected shape, dtype and data of a numpy array')
  }
  // The shape and the data may be remembered ones, and their elements are looked at for each array.
  charge(shape.length)
  const count = shape.reduce((product, size) => product * BigInt(size), 1n)
  const itemSize = isUint8Array(data) ? itemSizeOf(dtype) : 1n
  if (itemSize !== undefined && count * itemSize !== BigInt(data.length)) {
    throw fail('TORCH_CHECKPOINT_CORRUPT', `A numpy array of shape (${shape.join(', ')}) has ${data.length} bytes`)
  }
  array.dtype = dtype
  array.shape = shape
  array.fortranOrder = fortranOrder
  array.data = data
  return array
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function itemSizeOf({ kind }: NumpyDType): bigint | undefined {
  const [, letter, digits] = /^([biufcSV])(\d{1,9})$/.exec(kind) ?? []
  return letter === undefined || digits === undefined ? undefined : BigInt(digits)
}

/** `scalar(dtype, bytes)`: a plain number, boolean or string, where there is one. */
function makeScalar([dtype, data]: Args, { fail, charge }: Construction): CheckpointValue {
  if (!(dtype instanceof NumpyDType)) {
    throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected the dtype of a numpy scalar, found ${describeValue(dtype)}`)
  }
  if (typeof data === 'string' || isUint8Array(data)) charge(data.length, 1)
  const bytes = typeof data === 'string' ? encodeText(data) : data
  const itemSize = itemSizeOf(dtype)
  if (!isUint8Array(bytes) || (itemSize !== undefined && itemSize !== BigInt(bytes.length))) {
    throw fail(
      'TORCH_CHECKPOINT_CORRUPT',
      `Expected the bytes of a ${describeValue(dtype)} scalar, found ${describeValue(data)}`,
    )
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return readScalar(view, dtype) ?? new PickledObject({ module: 'numpy', name: dtype.kind }, [bytes])
}

function readScalar(view: DataView, { kind, byteOrder }: NumpyDType): CheckpointValue | undefined {
  const little = byteOrder !== '>'
  switch (kind) {
    case 'b1':
      return view.getUint8(0) !== 0
    case 'i1':
      return view.getInt8(0)
    case 'i2':
      return view.getInt16(0, little)
    case 'i4':
      return view.getInt32(0, little)
    case 'i8':
      return narrow(view.getBigInt64(0, little))
    case 'u1':
      return view.getUint8(0)
    case 'u2':
      return view.getUint16(0, little)
    case 'u4':
      return view.getUint32(0, little)
    case 'u8':
      return narrow(view.getBigUint64(0, little))
    case 'f2':
      return halfToNumber(view.getUint16(0, little))
    case 'f4':
      return view.getFloat32(0, little)
    case 'f8':
      return view.getFloat64(0, little)
    case 'c8':
      return complex(view.getFloat32(0, little), view.getFloat32(4, little))
    case 'c16':
      return complex(view.getFloat64(0, little), view.getFloat64(8, little))
    default:
      return kind.startsWith('U') ? readUtf32(view, little) : undefined
  }
}

function complex(real: number, imaginary: number): PickledObject {
  return new PickledObject({ module: 'builtins', name: 'complex' }, [real, imaginary])
}

/** Texts of numpy are filled up with zeros. A long one may be nothing else, so that no expression looks for its end. */
function readUtf32(view: DataView, little: boolean): string | undefined {
  let end = Math.floor(view.byteLength / 4)
  while (end > 0 && view.getUint32(4 * (end - 1), true) === 0) end--
  const pieces: string[] = []
  for (let from = 0; from < end; from += CHUNK_POINTS) {
    const points: number[] = []
    for (let index = from; index < Math.min(end, from + CHUNK_POINTS); index++) {
      const point = view.getUint32(4 * index, little)
      if (point > 0x10ffff) return undefined
      points.push(point)
    }
    pieces.push(String.fromCodePoint(...points))
  }
  return pieces.join('')
}

/** Characters that are made a string at once. */
const CHUNK_POINTS = 4096

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
