import { DESCRIBE, describe, shorten } from '../util/check.js'
import type { StoredStorage, StoredTensor } from './stored.js'
import { isMap, isSet, isUint8Array } from '../util/realm.js'

/**
 * A value of a checkpoint. Nothing in it was looked up, imported or run.
 *
 * | Python | here |
 * | --- | --- |
 * | None, bool, str | null, boolean, string |
 * | int | number, or bigint where a double would not hold it |
 * | float | number |
 * | bytes, bytearray | Uint8Array |
 * | list, deque | array |
 * | tuple, torch.Size | {@link PickleTuple} |
 * | dict, defaultdict, Counter | Map |
 * | OrderedDict | {@link OrderedDict} |
 * | set, frozenset | Set |
 * | torch.Tensor, torch.nn.Parameter | {@link StoredTensor} |
 * | a tensor that is not read here, such as a sparse one | {@link UnreadableTensor} |
 * | a storage | {@link StoredStorage} |
 * | numpy scalar | number, bigint, boolean or string |
 * | numpy array, numpy dtype | {@link NumpyArray}, {@link NumpyDType} |
 * | a class, a function, a torch dtype | {@link PickledGlobal} |
 * | any other object | {@link PickledObject} |
 *
 * Values may share parts, and lists and dicts may contain themselves: walk them as a graph.
 */
export type CheckpointValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | CheckpointValue[]
  | PickleTuple
  | Map<CheckpointValue, CheckpointValue>
  | Set<CheckpointValue>
  | StoredTensor
  | UnreadableTensor
  | StoredStorage
  | NumpyArray
  | NumpyDType
  | PickledGlobal
  | PickledObject

/** A Python tuple: an array that is written back as a tuple. */
export class PickleTuple extends Array<CheckpointValue> {
  /** What `map` and its like make is a plain array. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array
  }
}

/** Turns an array into a tuple in place, so no one else may hold it: a checkpoint has thousands, and copies take longer. */
export function tuple(items: CheckpointValue[]): PickleTuple {
  return Object.setPrototypeOf(items, PickleTuple.prototype) as PickleTuple
}

/** A `collections.OrderedDict`: a Map that is written back as one. */
export class OrderedDict extends Map<CheckpointValue, CheckpointValue> {
  /** Attributes of the Python object, such as the `_metadata` of a state dict. */
  attributes: Map<CheckpointValue, CheckpointValue> | null = null
}

/** The name of a class, a function or a constant, such as `torch.float32`: a name and nothing else. */
export class PickledGlobal {
  readonly module: string
  readonly name: string
  #path: string | undefined

  constructor(module: string, name: string) {
    this.module = module
    this.name = name
  }

  /** Module and name with a dot between. Made once: a name of a few thousand characters is asked for its path by each of its uses. */
  get path(): string {
    return (this.#path ??= `${this.module}.${this.name}`)
  }

  [DESCRIBE](): string {
    return shorten(this.path)
  }
}

/** A Python object as data: what its class is called, and what the class would have been given. Nothing was called. */
export class PickledObject {
  readonly module: string
  readonly name: string
  /** Arguments of the constructor. */
  readonly args: readonly CheckpointValue[]
  /** Named arguments of the constructor. */
  readonly kwargs: Map<CheckpointValue, CheckpointValue> | null
  /** What the object's attributes, or its own `__setstate__`, would have been given; most often a Map. */
  state: CheckpointValue = null
  /** Elements, if the class is a kind of list or set. */
  items: CheckpointValue[] | null = null
  /** Elements, if the class is a kind of dict. */
  entries: Map<CheckpointValue, CheckpointValue> | null = null
  readonly #type: { readonly path: string }

  constructor(
    type: { readonly module: string; readonly name: string },
    args: readonly CheckpointValue[],
    kwargs: Map<CheckpointValue, CheckpointValue> | null = null,
  ) {
    const { module, name } = type
    this.module = module
    this.name = name
    this.args = args
    this.kwargs = kwargs
    this.#type = type instanceof PickledGlobal ? type : new PickledGlobal(module, name)
  }

  /** Module and name of the class with a dot between. */
  get path(): string {
    return this.#type.path
  }

  [DESCRIBE](): string {
    return `an object of Python class ${shorten(this.path)}`
  }
}

/** A tensor whose elements are not read here. It stands in the way of nothing else until it is asked for. */
export class UnreadableTensor {
  /** What it is, such as `a sparse tensor`. */
  readonly what: string
  /** What to do in Python, so that it can be read. */
  readonly advice: string

  constructor(what: string, advice: string) {
    this.what = what
    this.advice = advice
  }

  [DESCRIBE](): string {
    return `${shorten(this.what)}, which cannot be read: ${this.advice}`
  }
}

/** A `numpy.dtype`, in numpy's own notation. */
export class NumpyDType {
  /** Kind and bytes, such as `f8`. */
  readonly kind: string
  /** `<` little-endian, `>` big-endian, `|` where it does not matter. */
  byteOrder: string

  constructor(kind: string, byteOrder: string) {
    this.kind = kind
    this.byteOrder = byteOrder
  }

  [DESCRIBE](): string {
    return `numpy.dtype('${this.byteOrder}${shorten(this.kind)}')`
  }
}

/** A `numpy.ndarray` with its bytes as they stand in the file. */
export class NumpyArray {
  dtype: NumpyDType | null = null
  shape: readonly number[] = []
  /** The first dimension varies fastest. */
  fortranOrder = false
  /** Raw elements, or values for an array of Python objects. */
  data: Uint8Array | readonly CheckpointValue[] = new Uint8Array(0);

  [DESCRIBE](): string {
    return `a numpy array of shape (${this.shape.join(', ')})`
  }
}

/** Prints a value in an error message without looking into it: it may be nested a million deep. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'None'
  if (value instanceof PickleTuple) return `a tuple of ${value.length} values`
  if (Array.isArray(value)) return `a list of ${value.length} values`
  if (value instanceof OrderedDict) return `an OrderedDict of ${value.size} entries`
  if (isMap(value)) return `a dict of ${value.size} entries`
  if (isSet(value)) return `a set of ${value.size} values`
  if (isUint8Array(value)) return `${value.length} bytes`
  return describe(value)
}

/** Gives a number where a double holds the integer exactly. */
export function narrow(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
