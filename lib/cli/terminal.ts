import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'

import { colorPreference } from '../util/environment.js'

/** Colors and weights of text: functions that return their argument unchanged where there is no color. Do not nest them. */
export type Colors = Readonly<Record<'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan', (text: string) => string>>

/** Wider lines are hard to follow, however wide the window is. */
const WIDEST = 100

const WIDTH_OF_A_FILE = 80

/** Where a command writes: results to standard output, all else to standard error. */
export class Terminal {
  readonly #stdout: WriteStream
  readonly #stderr: WriteStream
  /** For standard output: on if that is a terminal or `FORCE_COLOR` is set, off wherever `NO_COLOR` is set. */
  readonly colors: Colors
  /** For standard error. */
  readonly errorColors: Colors

  constructor(stdout: WriteStream, stderr: WriteStream) {
    this.#stdout = stdout
    this.#stderr = stderr
    this.colors = colorsOf(stdout)
    this.errorColors = colorsOf(stderr)
  }

  /** Whether people read what is printed, and not a program. */
  get isTerminal(): boolean {
    return this.#stdout.isTTY
  }

  /** Columns to lay out for. */
  get width(): number {
    return Math.min(this.#stdout.columns ?? WIDTH_OF_A_FILE, WIDEST)
  }

  /** The stream on which progress is drawn: standard error, so that results can be piped. */
  get progressStream(): WriteStream {
    return this.#stderr
  }

  /** Writes a line of the result. */
  print(line = ''): void {
    this.#stdout.write(`${line}\n`)
  }

  /** Writes the result as JSON: one document, readable. */
  printJson(value: unknown): void {
    // A shape is easier to read in one line. Strings hold no raw line breaks, so none of them fits the pattern.
    const text = JSON.stringify(value, null, 2)
    this.print(
      text.replace(/\[\n\s+[-\d.e+]+(,\n\s+[-\d.e+]+)*\n\s+\]/g, (list) =>
        list.replace(/\n\s*/g, ' ').replace(/\[ | \]/g, (end) => end.trim()),
      ),
    )
  }

  /** Writes a line that is no part of the result. */
  note(line: string): void {
    this.#stderr.write(`${line}\n`)
  }
}

function colorsOf(stream: WriteStream): Colors {
  const enabled = colorPreference() ?? (stream.isTTY && stream.hasColors())
  const painter = (style: keyof Colors) => (text: string) =>
    enabled ? styleText(style, text, { validateStream: false }) : text
  return {
    bold: painter('bold'),
    dim: painter('dim'),
    red: painter('red'),
    green: painter('green'),
    yellow: painter('yellow'),
    cyan: painter('cyan'),
  }
}
