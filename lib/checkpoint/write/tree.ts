import { expected } from '../../util/check.js'
import { failure, type FaultLocation } from '../failure.js'
import { StateDict } from '../../tensor/state_dict.js'
import type { Tensor } from '../../tensor/tensor.js'
import { StoredStorage, StoredTensor } from '../stored.js'
import {
  describeValue,
  NumpyArray,
  NumpyDType,
  OrderedDict,
  PickledGlobal,
  PickledObject,
  UnreadableTensor,
} from '../values.js'
import { isMap, isPlainObject, isSet, isUint8Array } from '../../util/realm.js'

/**
 * What {@link saveCheckpoint} writes. Plain objects and Maps become dicts, `PickleTuple`s tuples, other arrays lists,
 * integers ints and other numbers floats, `Uint8Array`s bytes, and a StateDict an OrderedDict with its metadata.
 *
 * Of the inert records those that `torch.load(weights_only=True)` knows are written: dtypes, `torch.device`, complex, Counter.
 * The others are refused.
 */
export type CheckpointTree =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Tensor
  | StateDict
  | StoredTensor
  | StoredStorage
  | UnreadableTensor
  | PickledGlobal
  | PickledObject
  | NumpyArray
  | NumpyDType
  | readonly CheckpointTree[]
  | ReadonlyMap<CheckpointTree, CheckpointTree>
  | ReadonlySet<CheckpointTree>
  | { readonly [key: string]: CheckpointTree }

/** Classes and constants that Python's restricted reader knows. */
const WRITABLE_OBJECTS: ReadonlySet<string> = new Set(['torch.device', 'builtins.complex', 'collections.Counter'])

interface NodeVisit {
  readonly value: object
  readonly children: Iterator<readonly [label: string, child: unknown]>
  label: string
}

/**
 * Checks a tree as a whole, before a byte of it is written, and tells whether objects were met that must be tensors
 * for `isTensor` to accept. Each object is looked into once, however often it is shared.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for a value that has no counterpart, naming where it stands.
 * @throws {CheckpointError} `TORCH_CHECKPOINT_UNSUPPORTED` if a value contains itself, or if Python would not read it back.
 */
export function checkTree(root: unknown, place: FaultLocation, isTensor: (value: object) => boolean): void {
  const met = new Map<object, 'open' | 'done'>()
  const frames: NodeVisit[] = []
  const here = (): string => describePath(frames)

  const enter = (value: unknown): void => {
    if (!isBranch(value, here, place, isTensor)) return
    const before = met.get(value)
    if (before === 'done') return
    if (before === 'open')
      throw failure('TORCH_CHECKPOINT_UNSUPPORTED', place, `The value at ${here()} contains itself`)
    met.set(value, 'open')
    frames.push({ value, children: childrenOf(value), label: '' })
  }

  enter(root)
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    const next = frame.children.next()
    if (next.done === true) {
      frames.pop()
      met.set(frame.value, 'done')
    } else {
      const [label, child] = next.value
      frame.label = label
      enter(child)
    }
  }
}

/** Tells whether `value` has children; refuses what cannot be written. */
function isBranch(
  value: unknown,
  here: () => string,
  place: FaultLocation,
  isTensor: (value: object) => boolean,
): value is object {
  if (value === null) return false
  if (typeof value !== 'object') {
    if (typeof value !== 'undefined' && typeof value !== 'function' && typeof value !== 'symbol') return false
    throw expected('a value that a checkpoint can hold', here(), value)
  }
  if (isUint8Array(value) || value instanceof StoredTensor || value instanceof StoredStorage) return false
  if (value instanceof UnreadableTensor) {
    throw failure('TORCH_CHECKPOINT_UNSUPPORTED', place, `The value at ${here()} is ${describeValue(value)}`)
  }
  if (value instanceof PickledGlobal) {
    if (value.module === 'torch') return false
    throw notReadBack(value, here(), place)
  }
  if (value instanceof PickledObject) {
    if (WRITABLE_OBJECTS.has(value.path)) return true
    throw notReadBack(value, here(), place)
  }
  if (value instanceof NumpyArray || value instanceof NumpyDType) throw notReadBack(value, here(), place)
  if (Array.isArray(value) || isMap(value) || isSet(value) || isPlainObject(value)) return true
  if (isTensor(value)) return false
  throw expected('a value that a checkpoint can hold', here(), value)
}

function notReadBack(value: object, where: string, place: FaultLocation): Error {
  const text = `The value at ${where} is ${describeValue(value)}, which torch.load(weights_only=True) would not read back`
  return failure('TORCH_CHECKPOINT_UNSUPPORTED', place, text)
}

function* childrenOf(value: object): Generator<readonly [string, unknown]> {
  if (value instanceof PickledObject) {
    for (const [index, item] of value.args.entries()) yield [`.args[${index}]`, item]
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield [`[${index}]`, item]
  } else if (isMap(value)) {
    for (const [key, item] of value) {
      yield [`'s key ${describeKey(key)}`, key]
      yield [`[${describeKey(key)}]`, item]
    }
    if (value instanceof StateDict && value.metadata !== null) yield ['.metadata', value.metadata]
    if (value instanceof OrderedDict && value.attributes !== null) yield ['.attributes', value.attributes]
  } else if (isSet(value)) {
    for (const item of value) yield [' (a member)', item]
  } else {
    for (const [key, item] of Object.entries(value)) yield [`[${describeKey(key)}]`, item]
  }
}

const MAX_PATH_LABELS = 8

/** `tree['model']['fc.weight']`, its middle cut if it is deep. */
function describePath(frames: readonly NodeVisit[]): string {
  const labels = frames.map(({ label }) => label)
  if (labels.length <= MAX_PATH_LABELS) return `tree${labels.join('')}`
  return `tree${labels.slice(0, MAX_PATH_LABELS / 2).join('')}…${labels.slice(-MAX_PATH_LABELS / 2).join('')}`
}

function describeKey(key: unknown): string {
  return typeof key === 'string' ? `'${key.slice(0, 60)}'` : typeof key === 'number' ? String(key) : typeof key
}
