import { TextDecoder } from 'node:util'

import { quote } from '../../util/check.js'
import { setImmediate } from 'node:timers/promises'

import { failure, type Fail, type FaultLocation } from '../failure.js'
import { Budget } from '../budget.js'
import { pastLimit, type CheckpointLimits } from '../limits.js'
import { isMap } from '../../util/realm.js'

/** A JSON value as it was written: integers exact, objects as Maps in the order of the text. */
export type JsonValue = null | boolean | string | bigint | number | JsonValue[] | Map<string, JsonValue>

/** How JSON is read. */
export interface JsonOptions {
  readonly limits: CheckpointLimits
  /** What the file may still cost. Default: that of a file of nothing but this text. */
  readonly budget?: Budget | undefined
  /** The file, for messages. */
  readonly place: FaultLocation
  /** Byte of the file at which the text begins, for messages. Default: 0. */
  readonly start?: number
}

/**
 * What values cost in memory with all that is kept around them, in bytes: what V8 took at most. The strings are those of the text,
 * once as they stand there and once decoded.
 */
const COSTS = { value: 40, container: 200 } as const

/** About 2 ms of values. */
const VALUES_PER_TURN = 20_000

/**
 * Reads JSON strictly. `JSON.parse` keeps the last of two equal keys, moves keys that look like integers to the front
 * and rounds large integers; each would let two readers see two different files. Here a duplicate key is
 * refused, integers come as bigint and all other numbers as number. Nesting costs no stack.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_CORRUPT` if it is not JSON; `TORCH_CHECKPOINT_LIMIT` past a limit.
 */
export async function readJson(bytes: Uint8Array, options: JsonOptions): Promise<JsonValue> {
  const reader = new JsonReader(bytes, options)
  for (;;) {
    const result = reader.run(VALUES_PER_TURN)
    if (result !== undefined) return result
    await setImmediate()
  }
}

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_LIST = 0x5b
const BACKSLASH = 0x5c
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** By their first bytes. */
const WORDS: ReadonlyMap<number, { readonly text: string; readonly value: boolean | null }> = new Map([
  [0x74, { text: 'true', value: true }],
  [0x66, { text: 'false', value: false }],
  [0x6e, { text: 'null', value: null }],
])

/** Digits of an integer that a double always holds. */
const SAFE_DIGITS = 15

/** Characters of a number: more than any that a header can mean. */
const MAX_NUMBER_LENGTH = 64

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

type OpenContainer = JsonValue[] | Map<string, JsonValue>

class JsonReader {
  readonly #bytes: Uint8Array
  readonly #limits: CheckpointLimits
  readonly #place: FaultLocation
  readonly #start: number
  /** Lists and objects that have not ended, and the key under which the next value goes into each. */
  readonly #open: { readonly container: OpenContainer; key: string }[] = []
  #at = 0
  #containers = 0
  #values = 0
  readonly #budget: Budget
  readonly #memoryLeft: number

  readonly #fail: Fail = (code, text) => failure(code, { ...this.#place, offset: this.#start + this.#at }, text)

  constructor(bytes: Uint8Array, { limits, budget, place, start = 0 }: JsonOptions) {
    this.#budget = budget ?? new Budget(limits, bytes.length)
    this.#memoryLeft = this.#budget.memoryLeft
    this.#bytes = bytes
    this.#limits = limits
    this.#place = place
    this.#start = start
  }

  /** Reads up to `budget` values; gives the whole once it has ended. */
  run(budget: number): JsonValue | undefined {
    for (let left = budget; left > 0; left--) {
      const root = this.#step()
      if (root === undefined) continue
      this.#skipSpace()
      if (this.#at < this.#bytes.length) throw this.#unexpected('nothing more')
      this.#budget.takeMemory(this.#memory, this.#fail)
      return root
    }
    return undefined
  }

  /** Reads a value and what follows it, up to the beginning of the next value. Gives the outermost when it ends. */
  #step(): JsonValue | undefined {
    const parent = this.#open.at(-1)
    if (isMap(parent?.container)) parent.key = this.#key(parent.container)
    if (++this.#values > this.#limits.headerValues) {
      throw pastLimit(this.#fail, this.#limits, 'headerValues', `The header has ${this.#values} values`)
    }
    if (this.#memory > this.#memoryLeft) this.#budget.takeMemory(this.#memory, this.#fail)
    let value = this.#value()
    if (Array.isArray(parent?.container)) parent.container.push(value)
    else if (parent !== undefined) parent.container.set(parent.key, value)

    if (isOpen(value) && !this.#closes(value)) {
      this.#open.push({ container: value, key: '' })
      return undefined
    }
    for (let open = this.#open.at(-1); open !== undefined; open = this.#open.at(-1)) {
      if (this.#takes(COMMA)) return undefined
      if (!this.#closes(open.container)) throw this.#unexpected(isMap(open.container) ? ', or }' : ', or ]')
      value = open.container
      this.#open.pop()
    }
    return value
  }

  get #memory(): number {
    return 2 * this.#bytes.length + COSTS.value * this.#values + COSTS.container * this.#containers
  }

  #closes(container: OpenContainer): boolean {
    return this.#takes(isMap(container) ? CLOSE_OBJECT : CLOSE_LIST)
  }

  #key(object: ReadonlyMap<string, JsonValue>): string {
    if (!this.#takes(QUOTE)) throw this.#unexpected('a key')
    const key = this.#string()
    if (object.has(key)) throw this.#fail('TORCH_CHECKPOINT_CORRUPT', `The key ${quote(key)} is a duplicate`)
    if (!this.#takes(COLON)) throw this.#unexpected('a colon')
    return key
  }

  #value(): JsonValue {
    if (this.#takes(QUOTE)) return this.#string()
    if (this.#takes(OPEN_OBJECT)) return this.#container(new Map())
    if (this.#takes(OPEN_LIST)) return this.#container([])
    const word = WORDS.get(this.#bytes[this.#at] ?? 0)
    return word === undefined ? this.#number() : this.#word(word)
  }

  #word<T>({ text, value }: { readonly text: string; readonly value: T }): T {
    if (this.#ascii(text.length) !== text) throw this.#unexpected('a value')
    this.#at += text.length
    return value
  }

  #container<T extends OpenContainer>(container: T): T {
    if (++this.#containers <= this.#limits.containers) return container
    throw pastLimit(this.#fail, this.#limits, 'containers', `The header has ${this.#containers} lists and objects`)
  }

  /** Reads a string behind its opening quote. */
  #string(): string {
    const from = this.#at
    let isPlain = true
    for (; this.#at < this.#bytes.length; this.#at++) {
      const byte = this.#bytes[this.#at]
      if (byte === QUOTE) return this.#decode(this.#bytes.subarray(from, this.#at++), isPlain)
      if (byte === undefined || byte < 0x20) break
      if (byte !== BACKSLASH) continue
      isPlain = false
      this.#at++
    }
    // A backslash at the end stands for no character.
    this.#at = Math.min(this.#at, this.#bytes.length)
    throw this.#unexpected('the end of a string')
  }

  #decode(bytes: Uint8Array, isPlain: boolean): string {
    try {
      const text = utf8.decode(bytes)
      if (isPlain) return text
      const value: unknown = JSON.parse(`"${text}"`)
      // An escape can stand for half a character, which UTF-8 cannot.
      if (typeof value === 'string' && !/\p{Surrogate}/u.test(value)) return value
    } catch {
      // Either is told below, with the place.
    }
    throw this.#fail('TORCH_CHECKPOINT_CORRUPT', 'Expected UTF-8 with the escapes of JSON in a string')
  }

  #number(): bigint | number {
    const digits = this.#digits()
    if (digits !== undefined) return digits
    const [text = ''] = /^[-+.\w]*/.exec(this.#ascii(MAX_NUMBER_LENGTH)) ?? []
    const [, fraction] = /^-?(?:0|[1-9]\d*)((?:\.\d+)?(?:[eE][-+]?\d+)?)$/.exec(text) ?? []
    if (fraction === undefined || text.length === MAX_NUMBER_LENGTH) throw this.#unexpected('a value')
    this.#at += text.length
    return fraction === '' ? BigInt(text) : Number(text)
  }

  /** Reads an integer of few digits, which nearly all are, without making a string of it. */
  #digits(): bigint | undefined {
    let value = 0
    let at = this.#at
    let byte = this.#bytes[at] ?? 0
    const isZero = byte === 0x30
    for (; isDigit(byte) && at - this.#at < SAFE_DIGITS; byte = this.#bytes[++at] ?? 0) value = value * 10 + byte - 0x30
    const length = at - this.#at
    // What else belongs to a number, or another digit: the long way tells.
    if (length === 0 || (isZero && length > 1) || isDigit(byte) || byte === 0x2e || (byte | 0x20) === 0x65)
      return undefined
    this.#at = at
    return BigInt(value)
  }

  /** The next bytes, each as a character, without going past them. */
  #ascii(length: number): string {
    const { buffer, byteOffset, byteLength } = this.#bytes.subarray(this.#at, this.#at + length)
    return Buffer.from(buffer, byteOffset, byteLength).toString('latin1')
  }

  /** Tells whether the next byte behind white space is `byte`, and goes past it if so. */
  #takes(byte: number): boolean {
    this.#skipSpace()
    if (this.#bytes[this.#at] !== byte) return false
    this.#at++
    return true
  }

  #skipSpace(): void {
    for (;;) {
      const byte = this.#bytes[this.#at]
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return
      this.#at++
    }
  }

  #unexpected(what: string): Error {
    const byte = this.#bytes[this.#at]
    const isVisible = byte !== undefined && byte > 0x20 && byte < 0x7f
    const found = isVisible ? String.fromCharCode(byte) : `byte 0x${byte?.toString(16).padStart(2, '0')}`
    return this.#fail('TORCH_CHECKPOINT_CORRUPT', `Expected ${what}, found ${byte === undefined ? 'its end' : found}`)
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

function isOpen(value: JsonValue): value is OpenContainer {
  return typeof value === 'object' && value !== null
}
