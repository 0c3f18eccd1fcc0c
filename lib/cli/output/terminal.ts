import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'

import { colorPreference } from '../../util/environment.js'
import { writeJson } from './json.js'

/** Colors and weights of text: functions that return their argument unchanged where there is no color. Do not nest them. */
export type Colors = Readonly<Record<'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan', (text: string) => string>>

/** Columns of the widest line: longer ones are hard to follow, however wide the window is. */
const MAX_WIDTH = 100

/** Columns where the output is no terminal. */
const FILE_WIDTH = 80

/** Output of a command: results go to standard output, everything else to standard error. */
export class Terminal {
  readonly #stdout: WriteStream
  readonly #stderr: WriteStream
  /** Colors of standard output: on if it is a terminal or `FORCE_COLOR` is set, off if `NO_COLOR` is set. */
  readonly colors: Colors
  /** Colors of standard error. */
  readonly errorColors: Colors

  constructor(stdout: WriteStream, stderr: WriteStream) {
    this.#stdout = stdout
    this.#stderr = stderr
    this.colors = colorsOf(stdout)
    this.errorColors = colorsOf(stderr)
  }

  /** Whether standard output is a terminal. */
  get isTerminal(): boolean {
    return this.#stdout.isTTY
  }

  /** Columns that a line may take. */
  get width(): number {
    return Math.min(this.#stdout.columns ?? FILE_WIDTH, MAX_WIDTH)
  }

  /** Stream on which progress is drawn: standard error, so that results can be piped. */
  get progressStream(): WriteStream {
    return this.#stderr
  }

  /** Writes a line of the result. */
  print(line = ''): void {
    this.#stdout.write(`${line}\n`)
  }

  /** Writes the result as one JSON document, indented. */
  printJson(value: unknown): void {
    writeJson(value, (text) => this.#stdout.write(text))
  }

  /** Writes a line that is not part of the result. */
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
