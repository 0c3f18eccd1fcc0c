import { describe, shorten } from '../../util/check.js'
import { isMap } from '../../util/realm.js'
import type { CheckpointError } from '../../util/errors.js'
import type { Fail } from '../failure.js'
import type { JsonValue } from '../safetensors/json.js'

/** What readers of a program share. */
export interface FieldsContext {
  readonly fail: Fail
  /** Called for each value that is looked at. */
  readonly count: () => void
}

/** A value of the program's JSON and where it stands, so that a fault names its place. */
export class JsonField {
  readonly value: JsonValue
  readonly #context: FieldsContext
  readonly #parent: JsonField | null
  readonly #key: string | number

  constructor(value: JsonValue, context: FieldsContext, parent: JsonField | null = null, key: string | number = '') {
    this.value = value
    this.#context = context
    this.#parent = parent
    this.#key = key
    context.count()
  }

  /** Where it stands, such as `graph_module.graph.nodes[3].target`. */
  get path(): string {
    const keys = this.#keys()
    const text = keys.reduce<string>((path, key) => {
      if (typeof key === 'number') return `${path}[${key}]`
      return path === '' ? key : `${path}.${key}`
    }, '')
    return shorten(text)
  }

  /** Makes the error for a value that is not what it should be. */
  wrong(what: string): CheckpointError {
    const received = isMap(this.value) ? 'an object' : describe(this.value)
    const where = this.path === '' ? 'the whole' : this.path
    return this.#context.fail('TORCH_CHECKPOINT_CORRUPT', `Expected ${what} for ${where}, found ${received}`)
  }

  /** Makes the error for something that may be right, and that this package does not know. */
  unknown(what: string): CheckpointError {
    const where = this.path === '' ? '' : ` at ${this.path}`
    return this.#context.fail(
      'TORCH_CHECKPOINT_UNSUPPORTED',
      `The program has ${what}${where}, which this version does not know`,
    )
  }

  get isNull(): boolean {
    return this.value === null
  }

  /** The value under a key; the error of a missing one names it. */
  get(key: string): JsonField {
    const found = this.maybe(key)
    if (found === null) throw this.wrong(`an object with ${key}`)
    return found
  }

  /** The value under a key, null where there is none or it is null. */
  maybe(key: string): JsonField | null {
    if (!isMap(this.value)) throw this.wrong('an object')
    const value = this.value.get(key)
    return value === undefined || value === null ? null : new JsonField(value, this.#context, this, key)
  }

  /** Refuses keys that are not known: what they mean would be left out. */
  only(known: readonly string[]): this {
    if (!isMap(this.value)) throw this.wrong('an object')
    for (const key of this.value.keys()) {
      if (!known.includes(key)) throw this.unknown(`the field ${describe(key)}`)
    }
    return this
  }

  /** The one entry of a union: `{ "as_int": 3 }`. */
  union(): [kind: string, field: JsonField] {
    if (!isMap(this.value)) throw this.wrong('an object with one entry')
    // The writer may list the other kinds as null.
    const entries = [...this.value].filter(([, value]) => value !== null)
    const [only, ...others] = entries
    if (only === undefined || others.length > 0) throw this.wrong('an object with one entry')
    return [only[0], new JsonField(only[1], this.#context, this, only[0])]
  }

  list(): JsonField[] {
    if (!Array.isArray(this.value)) throw this.wrong('a list')
    return this.value.map((value, index) => new JsonField(value, this.#context, this, index))
  }

  entries(): [string, JsonField][] {
    if (!isMap(this.value)) throw this.wrong('an object')
    return Array.from(this.value, ([key, value]) => [key, new JsonField(value, this.#context, this, key)])
  }

  text(): string {
    if (typeof this.value !== 'string') throw this.wrong('a text')
    return this.value
  }

  boolean(): boolean {
    if (typeof this.value !== 'boolean') throw this.wrong('true or false')
    return this.value
  }

  /** An integer of 64 bits; a number where a double holds it. */
  integer(): number | bigint {
    const { value } = this
    if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) throw this.wrong('an integer of 64 bits')
    return Number.isSafeInteger(Number(value)) ? Number(value) : value
  }

  /** A count or a code. */
  natural(): number {
    const value = this.integer()
    if (typeof value !== 'number' || value < 0) throw this.wrong('an integer from 0 to 2^53')
    return value
  }

  /** A float, which JSON has no word for where it is not finite. */
  float(): number {
    const { value } = this
    if (typeof value === 'number') return value
    if (typeof value === 'bigint') return Number(value)
    if (value === 'Infinity' || value === '-Infinity' || value === 'NaN') return Number(value)
    throw this.wrong('a number')
  }

  /** Keys from the root to this value. */
  #keys(): (string | number)[] {
    return this.#parent === null ? [] : [...this.#parent.#keys(), this.#key]
  }
}
