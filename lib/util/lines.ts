import { shorten } from './check.js'
import { createReadStream } from 'node:fs'

import { reasonOf } from './errno.js'
import { TorchError } from './errors.js'

/** The longest line that is read, in characters: a file without line breaks must not fill the memory. */
export const MAX_LINE_LENGTH = 2 ** 16

/** A line of a text file. */
export interface Line {
  /** Without the line break. */
  readonly text: string
  /** The line break that ends it; empty at the end of the file. */
  readonly end: string
  /** From 1. */
  readonly number: number
}

/**
 * Reads the lines of a UTF-8 file, a piece of the file at a time. Lines end in `\n`, `\r\n` or `\r`; a byte order mark is dropped.
 *
 * @throws {TorchError} `TORCH_DATASET` if the file cannot be read, or has a line of more than {@link MAX_LINE_LENGTH} characters.
 */
export async function* linesOf(path: string): AsyncGenerator<Line, void, undefined> {
  let rest = ''
  let number = 0
  try {
    for await (const piece of createReadStream(path, 'utf8') as AsyncIterable<string>) {
      // Texts and line breaks by turns. A `\r` at the end of a piece may be the first half of a line break.
      const parts = (rest + piece).split(/(\r\n|\n|\r(?!$))/)
      rest = parts.pop() ?? ''
      for (let index = 0; index < parts.length; index += 2) {
        yield checkedLine(path, { text: parts[index] ?? '', end: parts[index + 1] ?? '', number: ++number })
      }
      if (rest.length > MAX_LINE_LENGTH) throw tooLong(path, number + 1)
    }
  } catch (cause) {
    if (cause instanceof TorchError) throw cause
    throw new TorchError('TORCH_DATASET', `${shorten(path)}: ${reasonOf(cause)}`, { cause })
  }
  const end = rest.endsWith('\r') ? '\r' : ''
  if (rest !== '') yield checkedLine(path, { text: rest.slice(0, rest.length - end.length), end, number: number + 1 })
}

/** Makes the error for a line of a list of images. */
export function lineError(path: string, number: number, text: string): TorchError {
  return new TorchError('TORCH_DATASET', `${shorten(path)}: Line ${number}: ${text}`)
}

function checkedLine(path: string, line: Line): Line {
  if (line.text.length > MAX_LINE_LENGTH) throw tooLong(path, line.number)
  return line.number === 1 ? { ...line, text: line.text.replace(/^\ufeff/, '') } : line
}

function tooLong(path: string, number: number): TorchError {
  return lineError(path, number, `Is longer than ${MAX_LINE_LENGTH} characters`)
}
