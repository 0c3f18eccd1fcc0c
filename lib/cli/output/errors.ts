import { inspect } from 'node:util'

import { TorchError } from '../../util/errors.js'
import { printable } from './text.js'
import { isError } from '../../util/realm.js'

/** A state dict that does not fit names hundreds of keys: `--verbose` shows what a screen cannot. */
const MAX_LINE = 700

/** Characters that are kept at the end of a line that is cut: messages end in what to do. */
const TAIL = 200

/** Makes the line that says why a command failed: `napi-torch: model.pth: No such file (TORCH_FILE)`. */
export function errorLine(error: unknown): string {
  return `napi-torch: ${oneLine(messageOf(error))} (${codeOf(error)})`
}

/** Puts the text of an error into one line, without its middle where it is too long for a screen. */
export function oneLine(message: string): string {
  const [first = '', ...others] = message
    .split('\n')
    .map((line) => printable(line.trim()))
    .filter((line) => line !== '')
  const line = others.length === 0 ? first : `${first} ${others.join('; ')}`
  if (line.length <= MAX_LINE) return line
  return `${line.slice(0, MAX_LINE - TAIL)} … ${line.slice(-TAIL)} [--verbose shows all]`
}

/** Gives the details of an error for `--verbose`: stack, causes, and the trace of native code. */
export function errorDetails(error: unknown): string {
  const parts: string[] = []
  const seen = new Set<unknown>()
  for (let current = error; current !== undefined && !seen.has(current);) {
    seen.add(current)
    const label = parts.length === 0 ? '' : 'Caused by: '
    parts.push(label + (isError(current) ? (current.stack ?? String(current)) : inspect(current)))
    if (current instanceof TorchError && current.nativeTrace !== undefined && current.nativeTrace !== '') {
      parts.push(`Native trace:\n${current.nativeTrace.trimEnd()}`)
    }
    current = isError(current) ? current.cause : undefined
  }
  return parts.join('\n')
}

/** Text of whatever was thrown; an option that it advises is named as on the command line. */
export function messageOf(error: unknown): string {
  if (!isError(error)) return String(error)
  if (!(error instanceof TorchError) || error.suggestion === undefined) return error.message
  const { suggestion } = error
  let { message } = error
  for (const { name, value, text } of [suggestion, ...(suggestion.others ?? [])]) {
    // A function, as `$&` in a string would stand for the match.
    message = message.replace(text, () => flagOf(name, value))
  }
  return message
}

/** Makes `--whole-module` or `--key 'a b'` of an option and its value. */
function flagOf(name: string, value: string | boolean): string {
  const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
  if (typeof value === 'boolean') return flag
  return /^[\w.+/:-]+$/.test(value) ? `${flag} ${value}` : `${flag} '${value.replaceAll("'", "'\\''")}'`
}

/** Stable code of an error; an error without one is a defect of this package. */
export function codeOf(error: unknown): string {
  return isError(error) && 'code' in error && typeof error.code === 'string' ? error.code : 'TORCH_INTERNAL'
}
