import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SOURCE = fileURLToPath(new URL('peak.cpp', import.meta.url))
const SECONDS = '0.2'

/** How fast a machine is, all threads together. */
export interface MachineSpeed {
  /** 10^9 float32 operations per second. */
  readonly peak: number
  /** 10^9 bytes per second that are read of 64 MB. */
  readonly bandwidth: number
}

/** Tells how fast the machine is at this moment, by a loop of multiply-adds and one of reads. */
export class PeakCheck {
  /** Why there is none, or null. */
  readonly failure: string | null
  readonly #folder = mkdtempSync(join(tmpdir(), 'napi-torch-peak-'))
  readonly #program = join(this.#folder, 'peak')

  /** Compiles the loops for this machine. */
  constructor() {
    const args = ['-O3', '-march=native', '-pthread', SOURCE, '-o', this.#program]
    try {
      execFileSync('g++', args, { stdio: 'pipe' })
      this.failure = null
    } catch (error) {
      this.failure = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    }
  }

  /** Measures so many threads together; gives null where nothing could be compiled. */
  measure(threads: number): MachineSpeed | null {
    if (this.failure !== null) return null
    const text = execFileSync(this.#program, [String(threads), SECONDS], { encoding: 'utf8' })
    const [peak = NaN, bandwidth = NaN] = text.split(' ').map(Number)
    return { peak, bandwidth }
  }

  /** Removes the program. */
  dispose(): void {
    rmSync(this.#folder, { recursive: true })
  }
}
