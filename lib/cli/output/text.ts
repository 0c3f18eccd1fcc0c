/** Prints a count with separators of thousands: `11,173,962`. */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** Prints a number of things: `1 tensor`, `1,200 tensors`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`
}

/** Prints a number with four digits, but integers below a billion with all digits: `-0.1234`, `1.2e-7`, `42`. */
export function shortNumber(value: number | bigint): string {
  if (typeof value === 'bigint' || (Number.isInteger(value) && Math.abs(value) < 1e9)) return String(value)
  return String(Number(value.toPrecision(4)))
}

/** Makes a number fit for JSON: NaN, infinities and integers that a double does not hold become strings. */
export function jsonNumber(value: number | bigint | null): number | string | null {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  return value === null || Number.isFinite(value) ? value : String(value)
}

/** Rows of a table of tensors that are printed without `--tensors`: more of them would hide the summary. */
export const MAX_ROWS = 400

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']

/** Prints bytes in decimal units with three digits, as file managers do: `512 B`, `22.4 MB`. */
export function bytes(value: number): string {
  let scaled = value
  let unit = 0
  // 999.5 would round to a fourth digit.
  while (scaled >= 999.5 && unit < UNITS.length - 1) {
    scaled /= 1000
    unit++
  }
  return `${unit === 0 ? scaled : threeDigits(scaled)} ${UNITS[unit] ?? ''}`
}

/** Prints a share from 0 to 1: `93.94 %`. */
export function percent(share: number, digits = 2): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(digits)} %` : '-'
}

/** Prints a duration of milliseconds with three digits: `7.31 ms`, `1.24 s`, `2 min 05 s`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 999.5) return `${threeDigits(milliseconds)} ms`
  const seconds = milliseconds / 1000
  if (seconds < 99.95) return `${threeDigits(seconds)} s`
  const whole = Math.round(seconds)
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`
}

/** Prints a rate with three digits, or with all digits from 1,000 on: `88.2`, `1,204`. */
export function rate(value: number): string {
  return value < 999.5 ? threeDigits(value) : count(Math.round(value))
}

/** Makes a name that came from a file safe to print: control characters, which could drive the terminal, are escaped. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- the control characters are what is replaced
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

function threeDigits(value: number): string {
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)
}
