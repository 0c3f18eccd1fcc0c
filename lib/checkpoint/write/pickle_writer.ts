import { describe } from '../../util/check.js'
import { StateDict } from '../../tensor/state_dict.js'
import { ByteWriter } from './byte_writer.js'
import { OP } from '../pickle/opcodes.js'
import { encodeText } from '../pickle/text.js'
import { OrderedDict, PickledGlobal, PickledObject, PickleTuple } from '../values.js'
import { isMap, isPlainObject, isSet, isUint8Array } from '../../util/realm.js'

const PROTOCOL = 2
/** Elements between two APPENDS or SETITEMS, as in Python's pickler. */
const BATCH = 1000

/** A call of `callable`, which Python makes when it reads the file. */
export class PickledCall {
  readonly callable: PickledGlobal
  readonly args: readonly unknown[]

  constructor(callable: PickledGlobal, args: readonly unknown[]) {
    this.callable = callable
    this.args = args
  }
}

/** A reference to data outside of the pickle. */
export class PersistentId {
  readonly parts: readonly unknown[]

  constructor(parts: readonly unknown[]) {
    this.parts = parts
  }
}

/** Expresses a value that pickle has no instruction for, such as a tensor, by {@link PickledCall} and {@link PersistentId}. */
export type Lower = (value: object) => PickledCall | PersistentId | undefined

const ORDERED_DICT = new PickledGlobal('collections', 'OrderedDict')
const ENCODE = new PickledGlobal('_codecs', 'encode')
const SET = new PickledGlobal('__builtin__', 'set')

/** What `collections.OrderedDict()` is in a pickle. */
export function emptyOrderedDict(): PickledCall {
  return new PickledCall(ORDERED_DICT, [])
}

/**
 * Writes a pickle of protocol 2 with the instructions that Python's own pickler uses, so that equal trees give equal
 * bytes. Equal strings are written once. Its depth is on the heap. The tree has been checked: it has no cycles.
 */
export function writePickle(root: unknown, lower: Lower): Uint8Array {
  const writer = new PickleWriter(lower)
  return writer.write(root)
}

/** The arguments of a {@link PickledCall}, or the parts of a {@link PersistentId}: a tuple. */
class Parts {
  readonly items: readonly unknown[]

  constructor(items: readonly unknown[]) {
    this.items = items
  }
}

/** A Map that is written as an OrderedDict: the metadata of a StateDict is one in Python. */
class Ordered {
  readonly entries: ReadonlyMap<unknown, unknown>

  constructor(entries: ReadonlyMap<unknown, unknown>) {
    this.entries = entries
  }
}

type Children = Generator<unknown, void>

class PickleWriter {
  readonly #out = new ByteWriter()
  readonly #lower: Lower
  /** Numbers of remembered values: containers by identity, strings by value. */
  readonly #memo = new Map<unknown, number>()
  /** The same for the names of classes and functions, by their two lines. */
  readonly #names = new Map<string, number>()
  #remembered = 0

  constructor(lower: Lower) {
    this.#lower = lower
  }

  write(root: unknown): Uint8Array {
    this.#out.uint8(OP.PROTO).uint8(PROTOCOL)
    const open: Children[] = []
    let children = this.#save(root)
    if (children !== undefined) open.push(children)
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const next = top.next()
      if (next.done === true) {
        open.pop()
        continue
      }
      children = this.#save(next.value)
      if (children !== undefined) open.push(children)
    }
    return this.#out.uint8(OP.STOP).toBytes()
  }

  /** Writes a value without parts, or gives a generator that writes it and yields its parts at their places. */
  #save(value: unknown): Children | undefined {
    if (typeof value === 'object' && value !== null && !(value instanceof PickledGlobal)) {
      return this.#recall(value) ? undefined : this.#object(value)
    }
    this.#atom(value)
    return undefined
  }

  #atom(value: unknown): void {
    if (value === null) this.#out.uint8(OP.NONE)
    else if (typeof value === 'boolean') this.#out.uint8(value ? OP.NEWTRUE : OP.NEWFALSE)
    else if (typeof value === 'number') this.#number(value)
    else if (typeof value === 'bigint') this.#integer(value)
    else if (typeof value === 'string') this.#string(value)
    else if (value instanceof PickledGlobal) this.#global(value)
    else throw new TypeError(`Unchecked value: ${describe(value)}`)
  }

  #object(value: object): Children {
    if (value instanceof PickleTuple) return this.#tuple(value, value)
    if (value instanceof Parts) return this.#tuple(value, value.items)
    if (Array.isArray(value)) return this.#list(value)
    if (value instanceof StateDict) {
      const attributes = value.metadata === null ? null : { _metadata: new Ordered(value.metadata) }
      return this.#orderedDict(value, value, attributes)
    }
    if (value instanceof OrderedDict) return this.#orderedDict(value, value, value.attributes)
    if (value instanceof Ordered) return this.#orderedDict(value, value.entries, null)
    if (isMap(value)) return this.#dict(value, value)
    if (isSet(value)) return this.#call(value, new PickledCall(SET, [[...value]]))
    if (isUint8Array(value)) {
      return this.#call(value, new PickledCall(ENCODE, [Buffer.from(value).toString('latin1'), 'latin1']))
    }
    if (value instanceof PickledObject) {
      const module = value.module === 'builtins' ? '__builtin__' : value.module
      return this.#call(value, new PickledCall(new PickledGlobal(module, value.name), value.args))
    }
    if (value instanceof PickledCall) return this.#call(value, value)
    if (value instanceof PersistentId) return this.#persistentId(value)
    const lowered = this.#lower(value)
    if (lowered instanceof PickledCall) return this.#call(value, lowered)
    if (lowered instanceof PersistentId) return this.#persistentId(lowered)
    if (isPlainObject(value)) return this.#dict(value, new Map(Object.entries(value)))
    throw new TypeError(`Unchecked value: ${describe(value)}`)
  }

  *#call(identity: object, { callable, args }: PickledCall): Children {
    yield callable
    yield new Parts(args)
    this.#out.uint8(OP.REDUCE)
    this.#remember(identity)
  }

  *#persistentId({ parts }: PersistentId): Children {
    yield new Parts(parts)
    this.#out.uint8(OP.BINPERSID)
  }

  *#tuple(identity: object, items: readonly unknown[]): Children {
    if (items.length === 0) {
      this.#out.uint8(OP.EMPTY_TUPLE)
      return
    }
    if (items.length > 3) this.#out.uint8(OP.MARK)
    yield* items
    this.#out.uint8([OP.TUPLE, OP.TUPLE1, OP.TUPLE2, OP.TUPLE3][items.length] ?? OP.TUPLE)
    this.#remember(identity)
  }

  *#list(items: readonly unknown[]): Children {
    this.#out.uint8(OP.EMPTY_LIST)
    this.#remember(items)
    if (items.length === 1) {
      yield items[0]
      this.#out.uint8(OP.APPEND)
      return
    }
    for (let from = 0; from < items.length; from += BATCH) {
      this.#out.uint8(OP.MARK)
      yield* items.slice(from, from + BATCH)
      this.#out.uint8(OP.APPENDS)
    }
  }

  *#dict(identity: object, entries: ReadonlyMap<unknown, unknown>): Children {
    this.#out.uint8(OP.EMPTY_DICT)
    this.#remember(identity)
    yield* this.#entries(entries)
  }

  *#orderedDict(
    identity: object,
    entries: ReadonlyMap<unknown, unknown>,
    attributes: ReadonlyMap<unknown, unknown> | object | null,
  ): Children {
    yield* this.#call(identity, emptyOrderedDict())
    yield* this.#entries(entries)
    if (attributes === null) return
    yield attributes
    this.#out.uint8(OP.BUILD)
  }

  *#entries(entries: ReadonlyMap<unknown, unknown>): Children {
    if (entries.size === 1) {
      for (const entry of entries) yield* entry
      this.#out.uint8(OP.SETITEM)
      return
    }
    let count = 0
    for (const entry of entries) {
      if (count % BATCH === 0) this.#out.uint8(OP.MARK)
      yield* entry
      count++
      if (count % BATCH === 0 || count === entries.size) this.#out.uint8(OP.SETITEMS)
    }
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) this.#integer(BigInt(value))
    else this.#out.uint8(OP.BINFLOAT).float64BigEndian(value)
  }

  #integer(value: bigint): void {
    if (value >= 0n && value <= 0xffn) this.#out.uint8(OP.BININT1).uint8(Number(value))
    else if (value >= 0n && value <= 0xffffn) this.#out.uint8(OP.BININT2).uint16(Number(value))
    else if (BigInt.asIntN(32, value) === value) this.#out.uint8(OP.BININT).int32(Number(value))
    else this.#long(twosComplement(value))
  }

  #long(bytes: Uint8Array): void {
    if (bytes.length <= 0xff) this.#out.uint8(OP.LONG1).uint8(bytes.length)
    else this.#out.uint8(OP.LONG4).uint32(bytes.length)
    this.#out.bytes(bytes)
  }

  #string(text: string): void {
    if (this.#recall(text)) return
    const bytes = encodeText(text)
    this.#out.uint8(OP.BINUNICODE).uint32(bytes.length).bytes(bytes)
    this.#remember(text)
  }

  #global({ module, name }: PickledGlobal): void {
    const lines = `${module}\n${name}\n`
    if (this.#recall(lines, this.#names)) return
    this.#out.uint8(OP.GLOBAL).bytes(encodeText(lines))
    this.#remember(lines, this.#names)
  }

  #remember(value: unknown, memo: Map<unknown, number> = this.#memo): void {
    const index = this.#remembered++
    memo.set(value, index)
    if (index <= 0xff) this.#out.uint8(OP.BINPUT).uint8(index)
    else this.#out.uint8(OP.LONG_BINPUT).uint32(index)
  }

  #recall(value: unknown, memo: ReadonlyMap<unknown, number> = this.#memo): boolean {
    const index = memo.get(value)
    if (index === undefined) return false
    if (index <= 0xff) this.#out.uint8(OP.BINGET).uint8(index)
    else this.#out.uint8(OP.LONG_BINGET).uint32(index)
    return true
  }
}

/** Little-endian, as short as the sign allows; nothing for 0. */
function twosComplement(value: bigint): Uint8Array {
  const magnitude = value < 0n ? -value - 1n : value
  const hex = magnitude.toString(16)
  // A bit for the sign.
  const bits = (hex.length - 1) * 4 + parseInt(hex.slice(0, 1), 16).toString(2).length + 1
  const length = Math.ceil(bits / 8)
  const unsigned = BigInt.asUintN(length * 8, value)
  return Buffer.from(unsigned.toString(16).padStart(length * 2, '0'), 'hex').reverse()
}
