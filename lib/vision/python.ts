// Numbers as Python rounds and prints them.

/** Python's `round`: a half goes to the even side. */
export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value)
  if (value - floor !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}

/** Prints a value as Python does. */
export function python(value: number | readonly number[] | null): string {
  if (value === null) return 'None'
  return typeof value === 'number' ? String(value) : `(${value.join(', ')}${value.length === 1 ? ',' : ''})`
}

/** Prints a number as Python prints a float. */
export function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf'
  const text = String(value)
  if (text.includes('e')) return text.replace(/e([+-])(\d)$/, 'e$10$2')
  if (value !== 0 && Math.abs(value) < 1e-4) return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  return text.includes('.') ? text : `${text}.0`
}

/** Prints numbers as Python prints a tuple, or a list, of floats. */
export function pythonFloats(values: readonly number[], [open, close]: '()' | '[]' = '()'): string {
  return `${open}${values.map(pythonFloat).join(', ')}${close}`
}
