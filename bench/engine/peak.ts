import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SOURCE = fileURLToPath(new URL('peak.cpp', import.meta.url))
const SECONDS = '0.2'

/** Tells how fast the machine is at this moment, by a loop of multiply-adds. */
export class PeakCheck {
  /** Why there is none, or null. */
  readonly failure: string | null
  readonly #folder = mkdtempSync(join(tmpdir(), 'napi-torch-peak-'))
  readonly #program = join(this.#folder, 'peak')

  /** Compiles the loop for this machine. */
  constructor() {
    const args = ['-O3', '-march=native', '-pthread', SOURCE, '-o', this.#program]
    try {
      execFileSync('g++', args, { stdio: 'pipe' })
      this.failure = null
    } catch (error) {
      this.failure = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    }
  }

  /** Gives 10^9 float32 operations per second of so many threads together, or null. */
  measure(threads: number): number | null {
    if (this.failure !== null) return null
    return parseFloat(execFileSync(this.#program, [String(threads), SECONDS], { encoding: 'utf8' }))
  }

  /** Removes the program. */
  dispose(): void {
    rmSync(this.#folder, { recursive: true })
  }
}
