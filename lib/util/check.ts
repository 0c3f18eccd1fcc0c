import { TorchError } from './errors.js'
import { nearest } from './nearest.js'
import { isPlainObject } from './realm.js'

/** A method of this name tells how a value prints in an error message (a tensor: `float32 (2, 3)`). */
export const DESCRIBE: unique symbol = Symbol.for('napi-torch.describe')

const MAX_VALUE_LENGTH = 60
const MAX_VALUE_DEPTH = 8
const MAX_NAME_LENGTH = 200

/** PyTorch takes these names too, for those who come from NumPy. */
const NUMPY_NAMES: Readonly<Record<string, string>> = { axis: 'dim', keepdims: 'keepdim' }

/**
 * Makes the error for an argument that is not what it should be: `Expected a positive integer for numFeatures, received 0`.
 *
 * Throw it at the call site, so that the reader sees the branch. `form` is what the caller is to write instead.
 */
export function expected(what: string, name: string, received: unknown, form?: string): TorchError {
  const advice = form === undefined ? '' : `; write: ${form}`
  return new TorchError(
    'TORCH_INVALID_ARGUMENT',
    `Expected ${what} for ${name}, received ${describe(received)}${advice}`,
  )
}

/** Characters of a name or path that a message echoes. */
const MAX_ECHO_LENGTH = 160

/** Cuts a text out of a file or an argument in its middle, so that a message stays readable whatever it echoes. */
export function shorten(text: string, length = MAX_ECHO_LENGTH): string {
  if (text.length <= length) return text
  const half = Math.floor((length - 1) / 2)
  return `${text.slice(0, half)}…${text.slice(-half)}`
}

/** Prints a value as it stands in error messages: strings quoted, tensors as dtype and shape, long values cut. */
export function describe(value: unknown): string {
  return describeAt(value, 0)
}

/** Quotes a name out of a file in an error message; it keeps more of it than {@link describe}, as a user searches for it. */
export function quote(name: string): string {
  return JSON.stringify(name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH - 1)}…` : name)
}

function describeAt(value: unknown, depth: number): string {
  // Cut before it is quoted: it may have a hundred million characters, and is described for each place that holds it.
  if (typeof value === 'string') return cut(JSON.stringify(value.slice(0, MAX_VALUE_LENGTH + 1)))
  if (typeof value === 'bigint') return describeBigInt(value)
  if (typeof value === 'function')
    return value.name === '' ? 'a function' : `function ${shorten(value.name, MAX_VALUE_LENGTH)}`
  if (typeof value !== 'object' || value === null) return String(value)
  if (describesItself(value)) return value[DESCRIBE]()
  if (Array.isArray(value)) return describeArray(value, depth)
  const own: unknown = value.constructor?.name
  const name = typeof own === 'string' ? shorten(own, MAX_VALUE_LENGTH) : undefined
  if (ArrayBuffer.isView(value)) return `${name} of ${lengthOf(value)}`
  return typeof name === 'string' && name !== 'Object' ? `an instance of ${name}` : 'an object'
}

/** The time of printing decimal digits grows with the square of their number, that of hexadecimal ones does not. */
function describeBigInt(value: bigint): string {
  const hex = value.toString(16).replace('-', '')
  return hex.length > MAX_VALUE_LENGTH
    ? `an integer of ${4 * hex.length} bits`
    : `${shorten(String(value), MAX_VALUE_LENGTH)}n`
}

/** Arrays are measured in elements, as tensors are. */
function lengthOf(view: ArrayBufferView): string {
  const [count, unit] = 'length' in view ? [view.length, 'element'] : [view.byteLength, 'byte']
  return count === 1 ? `1 ${unit}` : `${String(count)} ${unit}s`
}

/** Reads no more of an array than is shown: it may be large, deep, or contain itself. */
function describeArray(values: readonly unknown[], depth: number): string {
  if (depth === MAX_VALUE_DEPTH) return '[…]'
  let text = ''
  for (const value of values) {
    if (text.length > MAX_VALUE_LENGTH) break
    text += `${text === '' ? '' : ', '}${describeAt(value, depth + 1)}`
  }
  return cut(`[${text}]`)
}

/** Prints a shape as PyTorch does: `(2, 3)`, `(4,)`, `()`. */
export function describeShape(shape: readonly number[]): string {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is an integer of at least 1. */
export function checkPositiveInteger(name: string, value: unknown): number {
  if (!isInteger(value) || value < 1) throw expected('a positive integer', name, value)
  return value
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is an integer of at least 0. */
export function checkNonNegativeInteger(name: string, value: unknown): number {
  if (!isInteger(value) || value < 0) throw expected('a non-negative integer', name, value)
  return value
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is an integer that a double holds exactly. */
export function checkInteger(name: string, value: unknown): number {
  if (!isInteger(value)) throw expected('an integer', name, value)
  return value
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is a number; `NaN` is refused, infinities are not. */
export function checkNumber(name: string, value: unknown): number {
  if (typeof value !== 'number' || Number.isNaN(value)) throw expected('a number', name, value)
  return value
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is a number, of which `NaN` is one. */
export function checkNumberOrNaN(name: string, value: unknown): number {
  return Number.isNaN(value) ? NaN : checkNumber(name, value)
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is a number from 0 to 1. */
export function checkProbability(name: string, value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= 1)) throw expected('a number from 0 to 1', name, value)
  return value
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is true or false. */
export function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw expected('a boolean', name, value)
  return value
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is a string. */
export function checkString(name: string, value: unknown): string {
  if (typeof value !== 'string') throw expected('a string', name, value)
  return value
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is one of `choices`. */
export function checkOneOf<const T extends string | number>(name: string, value: unknown, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value)
  if (found === undefined)
    throw expected(
      `one of ${choices.map((choice) => (typeof choice === 'string' ? `'${choice}'` : choice)).join(', ')}`,
      name,
      value,
    )
  return found
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is an array of integers of at least 0. */
export function checkShape(name: string, value: unknown): readonly number[] {
  if (!isIntegerArray(value) || value.some((size) => size < 0)) {
    throw expected('an array of non-negative integers', name, value)
  }
  return value
}

/** Names of all options of `T`, each once: a list that misses one, or has one too many, does not compile. */
export type OptionNames<T extends object, N extends readonly string[]> = [keyof T & string] extends [N[number]]
  ? [N[number]] extends [keyof T & string]
    ? N
    : readonly [never, `is no option: ${Exclude<N[number], keyof T & string>}`]
  : readonly [never, `is missing: ${Exclude<keyof T & string, N[number]>}`]

/**
 * Refuses option names that nothing reads: a typo that silently keeps the default is the worst bug of an options object.
 * The compiler compares `known` with the type of `options`.
 *
 * @param first The option that PyTorch takes by position where the options are: an error says how to name it.
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `options` is not an object or holds a name outside `known`.
 */
export function checkOptions<T extends object, const N extends readonly string[]>(
  name: string,
  options: T,
  known: OptionNames<NoInfer<T>, N>,
  first?: NoInfer<keyof T & string>,
): void {
  checkOptionNames(name, options, known, first)
}

/**
 * Does what {@link checkOptions} does, for options whose names are known only at run time.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `options` is not an object or holds a name outside `known`.
 */
export function checkOptionNames(name: string, options: unknown, known: readonly string[], first?: string): void {
  if (!isOptions(options, known)) {
    const value = typeof options === 'string' ? `'${shorten(options)}'` : typeof options === 'number' ? options : null
    const form = first === undefined || value === null ? undefined : `{ ${first}: ${value} }`
    throw expected('an options object', name, options, form)
  }
  const unknown = unknownOption(name, options, known)
  if (unknown !== null) throw unknown
}

/** Makes the error for an option that is not among `known`; null if there is none. */
export function unknownOption(name: string, options: object, known: readonly string[]): TorchError | null {
  const unknown = Object.keys(options).find((key) => !known.includes(key))
  if (unknown === undefined) return null
  const list = known.length === 0 ? 'no options' : `options among ${known.join(', ')}`
  const { code, message } = expected(list, name, unknown)
  const meant = optionNamed(unknown, known) ?? nearest(unknown, known)
  return new TorchError(code, message + (meant === undefined ? '' : ` (did you mean ${meant}?)`))
}

/** Finds the name that is meant by another spelling, such as Python's `padding_mode` for `paddingMode`. */
export function optionNamed(spelling: string, known: readonly string[]): string | undefined {
  const meant = plainName(spelling)
  return known.find((name) => plainName(name) === meant || NUMPY_NAMES[meant] === name)
}

function plainName(name: string): string {
  return name.replaceAll('_', '').toLowerCase()
}

/**
 * Tells whether `value` can be an options object: not a tensor, a date or another instance of a class in which no option is
 * set, as they would be taken for no options.
 */
export function isOptions(value: unknown, known: readonly string[]): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return isPlainObject(value) || !isInstance(value) || known.some((name) => Object.hasOwn(value, name))
}

/** Tells whether `value` is an array of integers that doubles hold exactly. */
export function isIntegerArray(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(isInteger)
}

/** Tells whether a class made `value`, other than the root of all classes of its realm. */
function isInstance(value: object): boolean {
  for (let made: object | null = value; made !== null;) {
    const above: unknown = Object.getPrototypeOf(made)
    if (made !== value && above !== null && Object.hasOwn(made, 'constructor')) return true
    made = typeof above === 'object' ? above : null
  }
  return false
}

function describesItself(value: object): value is { [DESCRIBE](): string } {
  return DESCRIBE in value && typeof value[DESCRIBE] === 'function'
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function cut(text: string): string {
  return text.length <= MAX_VALUE_LENGTH ? text : `${text.slice(0, MAX_VALUE_LENGTH - 1)}…`
}
