/** A line of the matrix that scripts/test_pack.ts prints. */
export interface Row {
  readonly manager: string
  readonly runtime: string
  readonly kind: string
  /** Null where it was left out. */
  readonly ok: boolean | null
  readonly seconds: number
  readonly megabytes: number | null
  readonly note: string
}

/** What a row is about. */
export type What = Pick<Row, 'manager' | 'runtime' | 'kind'>

/** How a row went: `began` is a time of `performance.now()`. */
export interface Outcome {
  readonly began: number
  readonly ok?: boolean | null
  readonly megabytes?: number | null
  readonly note?: string
}

/** Collects the rows, prints each when it is known, and all of them at the end. */
export class Report {
  readonly #rows: Row[] = []

  /** Whether a row failed. */
  get failed(): boolean {
    return this.#rows.some(({ ok }) => ok === false)
  }

  /** Adds a row and prints it. Default: it passed, and has no size and no note. */
  record(what: What, { began, ok = true, megabytes = null, note = '' }: Outcome): void {
    const row = { ...what, ok, megabytes, note, seconds: (performance.now() - began) / 1000 }
    this.#rows.push(row)
    console.log(lineOf(row))
  }

  /** Prints all rows and how many there are of each kind. */
  print(): void {
    const head = 'manager, runtime, kind, seconds, MB on disk (– is left out or not required)'
    console.log(`\n  ${head}\n${this.#rows.map(lineOf).join('\n')}`)
    const failed = this.#rows.filter(({ ok }) => ok === false).length
    const passed = this.#rows.filter(({ ok }) => ok).length
    console.log(`\n${passed} rows passed, ${failed} failed, ${this.#rows.length - passed - failed} left out`)
  }
}

function lineOf({ manager, runtime, kind, ok, seconds, megabytes, note }: Row): string {
  const mark = ok === null ? '–' : ok ? '✓' : '✗'
  const size = megabytes === null ? '' : `${megabytes.toFixed(0)} MB`
  const cells = [
    manager.padEnd(5),
    runtime.padEnd(11),
    kind.padEnd(22),
    `${seconds.toFixed(1)} s`.padStart(8),
    size.padStart(8),
  ]
  return `${mark} ${cells.join(' ')}  ${note}`.trimEnd()
}
