import cliProgress from 'cli-progress'

import { duration, percent } from './text.js'
import { bar } from './table.js'
import type { Terminal } from './terminal.js'

const MAX_BAR = 28
/** A narrower bar shows nothing. */
const MIN_BAR = 8
/** A space before the text, and one that keeps the cursor in the line. */
const MARGIN = 2

/** In a log, each tenth is a line, unless lines would come faster than a reader can use. */
const LOG_STEPS = 10
const LOG_INTERVAL_MS = 2000

/** Says how much is done, such as `2,000 of 10,000 images`. */
export type Amount = (done: number, total: number) => string

/**
 * Shows the progress of a long job: a bar on a terminal, which disappears when the job ends, and occasional lines elsewhere.
 *
 * Make it, {@link update} it, and {@link stop} it in a `finally`: it hides the cursor.
 */
export class Progress {
  readonly #terminal: Terminal
  readonly #total: number
  readonly #amount: Amount
  readonly #from: number
  readonly #bar: cliProgress.SingleBar | null
  readonly #begin = performance.now()
  /** -1 makes the first update a line, as a sign of life. */
  #lastStep = -1
  #lastLine = -Infinity

  /** {@link update} counts from `from`, which was done earlier and says nothing about the speed, up to `total`. */
  constructor(terminal: Terminal, total: number, amount: Amount, from = 0) {
    this.#terminal = terminal
    this.#total = total
    this.#amount = amount
    this.#from = from
    this.#bar = terminal.progressStream.isTTY ? this.#createBar() : null
    this.#bar?.start(total, from, { note: '' })
  }

  /** Shows how much is done, with a note such as the accuracy so far. */
  update(done: number, note = ''): void {
    if (this.#bar === null) this.#log(done, note)
    else this.#bar.update(done, { note })
  }

  /** Removes the bar and shows the cursor again. */
  stop(): void {
    this.#bar?.stop()
  }

  #createBar(): cliProgress.SingleBar {
    return new cliProgress.SingleBar({
      stream: this.#terminal.progressStream,
      hideCursor: true,
      clearOnComplete: true,
      // main.ts handles Ctrl-C: one place decides how a command ends.
      gracefulExit: false,
      fps: 10,
      format: (_options, { value, progress }, payload: unknown) => {
        const rest = `${percent(progress, 0).padStart(5)}  ${this.#text(value, noteOf(payload))}`
        const columns = this.#terminal.progressStream.columns ?? 0
        const width = Math.min(MAX_BAR, columns - rest.length - MARGIN)
        return width < MIN_BAR ? rest : `${this.#draw(progress, width)} ${rest}`
      },
    })
  }

  #draw(progress: number, width: number): string {
    const { cyan, dim } = this.#terminal.errorColors
    const full = bar(progress, width)
    return cyan(full) + dim('░'.repeat(width - full.length))
  }

  #log(done: number, note: string): void {
    const now = performance.now()
    const step = Math.floor((LOG_STEPS * done) / this.#total)
    if (step === this.#lastStep || (now - this.#lastLine < LOG_INTERVAL_MS && done < this.#total)) return
    this.#lastStep = step
    this.#lastLine = now
    this.#terminal.note(`${percent(done / this.#total, 0)}  ${this.#text(done, note)}`)
  }

  #text(done: number, note: string): string {
    const parts = [this.#amount(done, this.#total)]
    if (note !== '') parts.push(note)
    if (done > this.#from && done < this.#total) {
      const left = ((performance.now() - this.#begin) / (done - this.#from)) * (this.#total - done)
      parts.push(`${duration(Math.ceil(left / 1000) * 1000).replace(/\.\d+ s/, ' s')} left`)
    }
    return parts.join(' · ')
  }
}

function noteOf(payload: unknown): string {
  return typeof payload === 'object' && payload !== null && 'note' in payload ? String(payload.note) : ''
}
