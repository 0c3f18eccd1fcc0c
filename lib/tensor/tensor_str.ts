import { describeShape } from '../util/check.js'
import { isFloatingPoint, type DType } from '../util/dtype.js'

// PyTorch's default print options.
const PRECISION = 4
const THRESHOLD = 1000
const EDGE_ITEMS = 3
const LINE_WIDTH = 80

const PREFIX = 'tensor('

// More digits than the exact decimal of any double that lies halfway between two printed decimals has.
const EXACT_DIGITS = 100

/** What {@link formatTensor} needs to know of a tensor. */
export interface FormatInput {
  readonly shape: readonly number[]
  readonly dtype: DType
  /** `cpu`, or `cuda:N` with its index, as `Tensor.device` has it. */
  readonly device: string
  /** Add `requires_grad=True`. Default: `false`. */
  readonly requiresGrad?: boolean | undefined
  /** Name of the operation that made it, which is printed instead of `requires_grad=True`. Default: none. */
  readonly gradFn?: string | null | undefined
  /**
   * Reads the sub-grid at the given indices, one ascending list per dimension (none for a scalar), in row-major order.
   *
   * Called at most once, never for an empty tensor. In a tensor that is printed in part, a list holds at most the three first
   * and the three last indices. 16-bit floats are to come as numbers, bool as booleans or as 0 and 1.
   */
  gather(indices: readonly (readonly number[])[]): ArrayLike<number | bigint | boolean>
}

/**
 * Prints a tensor to the letter as Python does: `tensor([1., 2.])`.
 *
 * Beyond 1000 elements only the three first and last of each dimension are read and shown. Follows `torch.Tensor.__repr__`
 * with the default print options.
 */
export function formatTensor(input: FormatInput): string {
  const { shape, dtype, device, requiresGrad = false, gradFn = null } = input
  const isEmpty = shape.includes(0)
  const suffixes: string[] = []
  if (device !== 'cpu') suffixes.push(`device='${device}'`)
  if (isEmpty && shape.length !== 1) suffixes.push(`size=${describeShape(shape)}`)
  // The elements tell a default dtype; without elements only float32 goes without saying.
  if (dtype !== 'float32' && (isEmpty || (dtype !== 'int64' && dtype !== 'bool'))) suffixes.push(`dtype=torch.${dtype}`)
  if (gradFn !== null) suffixes.push(`grad_fn=<${gradFn}>`)
  else if (requiresGrad) suffixes.push('requires_grad=True')
  return addSuffixes(PREFIX + (isEmpty ? '[]' : formatElements(input)), suffixes)
}

/** Prints a parameter as Python does: `Parameter containing:`, then the tensor. Follows `torch.nn.Parameter.__repr__`. */
export function formatParameter(input: FormatInput): string {
  return `Parameter containing:\n${formatTensor(input)}`
}

function formatElements(input: FormatInput): string {
  const { shape, dtype } = input
  const isSummary = shape.reduce((count, size) => count * size, 1) > THRESHOLD
  const indices = shape.map((size) => shownIndices(size, isSummary))
  const { texts, width } = alignTexts(Array.from(input.gather(indices)), dtype)

  // Prints the block that starts at texts[start] and spans the dimensions from dim on.
  function block(dim: number, start: number): string {
    const shown = indices[dim]
    if (shown === undefined) return texts[start] ?? ''

    const stride = indices.slice(dim + 1).reduce((count, { length }) => count * length, 1)
    const items = shown.map((_, position) => block(dim + 1, start + position * stride))
    const isVector = dim === shape.length - 1
    // PyTorch puts a blank before the dots in a row, not between rows.
    if (shown.length !== shape[dim]) items.splice(EDGE_ITEMS, 0, isVector ? ' ...' : '...')

    const indent = PREFIX.length + dim
    const rows = isVector ? wrap(items, Math.floor((LINE_WIDTH - indent) / (width + 2))) : items
    const lineBreaks = '\n'.repeat(Math.max(1, shape.length - dim - 1))
    return `[${rows.join(`,${lineBreaks}${' '.repeat(indent + 1)}`)}]`
  }

  return block(0, 0)
}

function shownIndices(size: number, isSummary: boolean): number[] {
  if (!isSummary || size <= 2 * EDGE_ITEMS) return Array.from({ length: size }, (_, index) => index)
  return Array.from({ length: 2 * EDGE_ITEMS }, (_, index) =>
    index < EDGE_ITEMS ? index : size - 2 * EDGE_ITEMS + index,
  )
}

function wrap(items: readonly string[], itemsPerLine: number): string[] {
  const step = Math.max(1, itemsPerLine)
  return Array.from({ length: Math.ceil(items.length / step) }, (_, line) =>
    items.slice(line * step, (line + 1) * step).join(', '),
  )
}

/** Gives the text of each element, padded to the common width; that width also decides how many fit in a line. */
function alignTexts(values: readonly (number | bigint | boolean)[], dtype: DType): { texts: string[]; width: number } {
  const raw = isFloatingPoint(dtype) ? floatTexts(values.map(Number)) : plainTexts(values, dtype === 'bool')
  // A loop, as spreading a million texts over the arguments of Math.max would overflow the stack.
  const width = raw.measured.reduce((widest, text) => Math.max(widest, text.length), 1)
  return { texts: raw.texts.map((text) => text.padStart(width)), width }
}

/** The text of each element, and those texts that decide the width. */
interface ElementTexts {
  readonly texts: readonly string[]
  readonly measured: readonly string[]
}

function plainTexts(values: readonly (number | bigint | boolean)[], isBool: boolean): ElementTexts {
  const texts = values.map((value) => (isBool ? (value ? 'True' : 'False') : String(value)))
  return { texts, measured: texts }
}

function floatTexts(values: readonly number[]): ElementTexts {
  // PyTorch measures neither zeros nor NaN and infinity: beside short numbers, a wider `-0.` or `nan` stands out of line.
  const isMeasured = values.map((value) => Number.isFinite(value) && value !== 0)
  const numberText = numberFormat(values.filter((_, index) => isMeasured[index]))
  const texts = values.map((value) => {
    if (Number.isNaN(value)) return 'nan'
    if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf'
    return numberText(value)
  })
  return { texts, measured: texts.filter((_, index) => isMeasured[index]) }
}

/** Chooses one notation for all elements of a tensor, by its finite values other than zero. */
function numberFormat(values: readonly number[]): (value: number) => string {
  let min = Infinity
  let max = 0
  for (const value of values) {
    min = Math.min(min, Math.abs(value))
    max = Math.max(max, Math.abs(value))
  }
  if (values.length > 0 && (max / min > 1000 || max > 1e8 || min < 1e-4)) return scientific
  return values.every(Number.isInteger) ? (value) => `${signed(value, (size) => size.toFixed(0))}.` : fixed
}

/** Python's `%.4f`, for sizes up to 1e8. */
function fixed(value: number): string {
  return signed(value, (size) => halfToEven(size.toFixed(PRECISION), size.toFixed(EXACT_DIGITS)))
}

/** Python's `%.4e`, whose exponent has at least two digits. */
function scientific(value: number): string {
  return signed(value, (size) => {
    const [mantissa = '', exponent = ''] = size.toExponential(PRECISION).split('e')
    const [exact = ''] = size.toExponential(EXACT_DIGITS).split('e')
    return `${halfToEven(mantissa, exact)}e${exponent.charAt(0)}${exponent.slice(1).padStart(2, '0')}`
  })
}

/** Writes the sign of a negative zero too, which JavaScript drops. */
function signed(value: number, format: (size: number) => string): string {
  return (value < 0 || Object.is(value, -0) ? '-' : '') + format(Math.abs(value))
}

/** Rounds a number that lies exactly halfway to the even digit, as Python does: JavaScript has rounded it up. */
function halfToEven(rounded: string, exact: string): string {
  const end = exact.length - (EXACT_DIGITS - PRECISION)
  const kept = exact.slice(0, end)
  const isTie = /^50*$/.test(exact.slice(end))
  return isTie && /[02468]$/.test(kept) ? kept : rounded
}

/** Appends `, suffix` for each, on a new line where the line would grow too long, and closes the parenthesis. */
function addSuffixes(text: string, suffixes: readonly string[]): string {
  let result = text
  // PyTorch counts two characters too many here, so the break comes that much earlier.
  let lineLength = text.length - text.lastIndexOf('\n') + 1
  for (const suffix of suffixes) {
    if (lineLength + suffix.length + 2 > LINE_WIDTH) {
      result += `,\n${' '.repeat(PREFIX.length)}${suffix}`
      lineLength = PREFIX.length + suffix.length
    } else {
      result += `, ${suffix}`
      lineLength += suffix.length + 2
    }
  }
  return `${result})`
}
