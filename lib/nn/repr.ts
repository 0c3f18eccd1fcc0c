import type { Pair, Size2d } from './checks.js'

/** What {@link moduleRepr} prints. */
export interface ReprInput {
  /** Name of the class. */
  readonly name: string
  /** Lines of the module's own, or `''`. */
  readonly extra: string
  /** Name and print of each child. */
  readonly children: readonly (readonly [string, string])[]
}

/** Prints a module to the letter as Python does. Follows `torch.nn.Module.__repr__`. */
export function moduleRepr({ name, extra, children }: ReprInput): string {
  const extraLines = extra === '' ? [] : extra.split('\n')
  const childLines = children.map(([key, text]) => indented(`(${key}): ${text}`))
  if (extraLines.length + childLines.length === 0) return `${name}()`
  if (extraLines.length === 1 && childLines.length === 0) return `${name}(${extra})`
  return `${name}(\n  ${[...extraLines, ...childLines].join('\n  ')}\n)`
}

/** Prints a list of modules, with equal neighbors folded into one: `(0-2): 3 x Identity()`. Follows `ModuleList.__repr__`. */
export function moduleListRepr(name: string, items: readonly string[]): string {
  const blocks: { first: number; last: number; text: string }[] = []
  items.forEach((text, index) => {
    const block = blocks.at(-1)
    if (block?.text === text) block.last = index
    else blocks.push({ first: index, last: index, text })
  })
  if (blocks.length === 0) return `${name}()`
  const lines = blocks.map(({ first, last, text }) =>
    indented(first === last ? `(${first}): ${text}` : `(${first}-${last}): ${last - first + 1} x ${text}`),
  )
  return `${name}(\n  ${lines.join('\n  ')}\n)`
}

/** Prints a boolean as Python does. */
export function pythonBool(value: boolean): string {
  return value ? 'True' : 'False'
}

/** Prints a number that is a float in Python, as its `repr` does: `1e-05`, `0.1`, `1.0`. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf'
  const [mantissa = '', exponent = ''] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power < -4 || power >= 16) return `${mantissa}e${exponent.charAt(0)}${String(Math.abs(power)).padStart(2, '0')}`
  return Number.isInteger(value) ? `${value}.0` : String(value)
}

/** Prints a size as Python prints the number or tuple: `3`, `(3, 2)`; `null` is `None`. */
export function pythonSize(size: Size2d | Pair | null | readonly (number | null)[]): string {
  if (size === null) return 'None'
  if (typeof size === 'number') return String(size)
  return `(${size.map((value) => value ?? 'None').join(', ')})`
}

/** Indents all lines but the first. */
function indented(text: string): string {
  return text.replaceAll('\n', '\n  ')
}
