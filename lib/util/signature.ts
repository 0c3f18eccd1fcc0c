import { expected, isOptions, optionNamed, unknownOption } from './check.js'
import { isPlainObject } from './realm.js'
import { isDevice } from './device.js'
import { DTYPES } from './dtype.js'

/**
 * How an optional argument is given.
 *
 * - `position`: by position, as in PyTorch, or by name.
 * - `name`: by name. PyTorch takes it by position too.
 * - `keyword`: by name. PyTorch takes it by name alone, or does not know it.
 */
export type Passing = 'position' | 'name' | 'keyword'

/** The options of a function that has none. */
export type NoOptions = Readonly<Partial<Record<string, never>>>

/** Characters of a value that the form of a call repeats; a longer one is named. */
const MAX_SOURCE_LENGTH = 40
/** Values of an array that are read to show it: it may be large, deep, or contain itself. */
const MAX_SOURCE_VALUES = 12
const MAX_SOURCE_DEPTH = 3

/**
 * The arguments of a function of PyTorch: those that it requires, by position, then the optional ones of `T`.
 *
 * An argument that is given as in Python, where this package does not take it so, is refused with an error that ends with
 * the form to write, made of the values given.
 */
export class Signature<T extends object> {
  readonly #call: string
  readonly #label: string
  readonly #required: readonly string[]
  readonly #known: readonly string[]
  /** Names in the order in which PyTorch takes them by position. */
  readonly #positions: readonly string[]
  /** How many of them may be given by position. */
  readonly #leading: number

  /**
   * @param call What stands before the parenthesis: `new Conv2d`, `cat`.
   * @param required Names of the required arguments.
   * @param optional Each option of `T`, in the order in which PyTorch takes them by position.
   */
  constructor(call: string, required: readonly string[], optional: Readonly<Record<keyof T & string, Passing>>) {
    const places = Object.entries<Passing>(optional)
    this.#call = call
    this.#label = call.startsWith('new ') ? call.slice('new '.length) : `${call}()`
    this.#required = required
    this.#known = places.map(([name]) => name)
    this.#positions = places.filter(([, place]) => place !== 'keyword').map(([name]) => name)
    this.#leading = places.filter(([, place]) => place === 'position').length
  }

  /**
   * Reads the optional arguments of a call. `required` are the values of the required ones, which the caller checks, and
   * `given` is what follows them.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if an argument is given in a form that is not taken, or an option is unknown.
   */
  read(required: readonly unknown[], given: readonly unknown[]): T {
    for (const value of required) if (isPlainObject(value)) this.#refuseNames(required, value)
    const positional: Record<string, unknown> = {}
    let at = 0
    while (at < Math.min(this.#leading, given.length) && !isBareObject(given[at])) {
      const name = this.#positions[at]
      if (name !== undefined && given[at] !== undefined) positional[name] = given[at]
      at++
    }
    const options = given[at]
    const extra = given.slice(at + 1).find((value) => value !== undefined)
    if (options === undefined && extra === undefined) return positional as T
    if (!isOptions(options, this.#known)) {
      throw expected(
        'an options object',
        this.#label,
        options === undefined ? extra : options,
        this.#form(required, given),
      )
    }
    if (extra !== undefined) throw expected('nothing after the options', this.#label, extra)
    const known = this.#known.filter((name) => !(name in positional))
    const unknown = unknownOption(this.#label, options, known)
    if (unknown !== null) throw unknown
    return (at === 0 ? options : { ...positional, ...options }) as T
  }

  /** Required arguments are given by position, also by those who name them in Python. */
  #refuseNames(required: readonly unknown[], named: object): void {
    const first = required.indexOf(named)
    const given = Object.entries<unknown>(named as Readonly<Record<string, unknown>>)
    const byName = new Map(given.map(([name, value]) => [optionNamed(name, this.#names) ?? name, value]))
    const missing = this.#required.slice(first).filter((name) => byName.has(name))
    if (missing.length === 0) return
    const values = this.#required.map((name, index) => (index < first ? required[index] : byName.get(name)))
    const options = Object.fromEntries(
      this.#known.filter((name) => byName.has(name)).map((name) => [name, byName.get(name)]),
    )
    throw expected(`${missing.join(', ')} by position`, this.#label, named, this.#form(values, [options]))
  }

  get #names(): readonly string[] {
    return [...this.#required, ...this.#known]
  }

  /** What to write for a call; undefined where nothing here takes what was given. */
  #form(required: readonly unknown[], given: readonly unknown[]): string | undefined {
    const parts = required.map((value, index) => sourceOf(value) ?? this.#required[index] ?? 'value')
    const options = new Map<string, unknown>()
    let isPlaced = true
    // A lone null is rather no options than a value of the first.
    if (given.length === 1 && given[0] === null) return undefined
    given.forEach((value, index) => {
      if (value === undefined) return
      if (isPlainObject(value)) {
        for (const [name, each] of Object.entries(value)) options.set(name, each)
        return
      }
      const name = this.#nameOf(value, index)
      if (name === undefined) isPlaced = false
      else if (index < this.#leading) parts.push(sourceOf(value) ?? name)
      else options.set(name, value)
    })
    const entries = Array.from(options, ([name, value]) => {
      const source = sourceOf(value)
      return source === undefined ? name : `${name}: ${source}`
    })
    if (!isPlaced) {
      const others = this.#known.slice(this.#leading).filter((name) => !options.has(name))
      if (others.length === 0) return undefined
      entries.push(...others)
    }
    if (entries.length > 0) parts.push(`{ ${entries.join(', ')} }`)
    return `${this.#call}(${parts.join(', ')})`
  }

  #nameOf(value: unknown, index: number): string | undefined {
    if (DTYPES.some((dtype) => dtype === value) && this.#known.includes('dtype')) return 'dtype'
    if (isDevice(value) && this.#known.includes('device')) return 'device'
    return this.#positions[index]
  }
}

/** Tells whether a value is neither a number or the like nor an array of them. */
function isBareObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Prints a value as JavaScript reads it, undefined where it is long or no literal. */
function sourceOf(value: unknown, depth = 0): string | undefined {
  const source = literalOf(value, depth)
  return source === undefined || source.length > MAX_SOURCE_LENGTH ? undefined : source
}

function literalOf(value: unknown, depth: number): string | undefined {
  if (typeof value === 'string') return value.length > MAX_SOURCE_LENGTH ? undefined : quoted(value)
  if (typeof value === 'bigint') return value < 2n ** 64n && value > -(2n ** 64n) ? `${value}n` : undefined
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value)
  if (!Array.isArray(value) || depth === MAX_SOURCE_DEPTH || value.length > MAX_SOURCE_VALUES) return undefined
  const parts = value.map((each) => sourceOf(each, depth + 1))
  return parts.includes(undefined) ? undefined : `[${parts.join(', ')}]`
}

function quoted(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
}
