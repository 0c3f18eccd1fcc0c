import { createReadStream } from 'node:fs'

import { TorchError } from 'napi-torch'
import { reasonOf } from 'napi-torch/internal'
import { MAX_LINE_LENGTH } from '../limits.js'

/** A line of a text file, without its end. */
export interface Line {
  readonly text: string
  /** From 1. */
  readonly number: number
}

/**
 * Reads the lines of a UTF-8 file, a piece of the file at a time.
 *
 * @throws {TorchError} `TORCH_DATASET` if it cannot be read, or has a line of more than {@link MAX_LINE_LENGTH} characters.
 */
export async function* linesOf(path: string): AsyncGenerator<Line, void, undefined> {
  let rest = ''
  let number = 0
  try {
    for await (const piece of createReadStream(path, 'utf8') as AsyncIterable<string>) {
      const lines = (rest + piece).split('\n')
      rest = lines.pop() ?? ''
      for (const text of lines) yield lineOf(path, text, ++number)
      if (rest.length > MAX_LINE_LENGTH) throw tooLong(path, number + 1)
    }
  } catch (cause) {
    if (cause instanceof TorchError) throw cause
    throw new TorchError('TORCH_DATASET', `${path}: ${reasonOf(cause)}`, { cause })
  }
  if (rest !== '') yield lineOf(path, rest, number + 1)
}

/** Makes the error for a line of a list. */
export function faultAt(path: string, number: number, text: string): TorchError {
  return new TorchError('TORCH_DATASET', `${path}: Line ${number}: ${text}`)
}

function lineOf(path: string, text: string, number: number): Line {
  if (text.length > MAX_LINE_LENGTH) throw tooLong(path, number)
  const whole = number === 1 ? text.replace(/^\ufeff/, '') : text
  return { text: whole.endsWith('\r') ? whole.slice(0, -1) : whole, number }
}

function tooLong(path: string, number: number): TorchError {
  return faultAt(path, number, `Is longer than ${MAX_LINE_LENGTH} characters`)
}
