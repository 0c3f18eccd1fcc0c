import { availableParallelism } from 'node:os'

import { watchCpu, type CpuUse } from './cpu_time.js'
import { PeakCheck } from './peak.js'

/** What is known of the machine's other occupations while something was measured. */
export interface Quiet {
  /** 10^9 operations per second of all cores, each time that they were checked; empty where there is no compiler. */
  readonly peaks: readonly number[]
  /** 10^9 bytes per second that all cores read of 64 MB, at the same times. */
  readonly bandwidths: readonly number[]
  /** Cores that other programs kept busy: on average, and in the worst measurement. Null where the system does not say. */
  readonly others: { readonly mean: number; readonly worst: number } | null
  /** Cores that contenders kept busy which had nothing to do. */
  readonly idle: number | null
  /** Why these figures are worth nothing; empty if they are. */
  readonly disturbances: readonly string[]
}

/** Who computes, and who is there but has nothing to do. */
interface Processes {
  readonly own: readonly Process[]
  readonly idle?: readonly Process[]
}

interface Process {
  readonly pid?: number | undefined
}

/** Spread of the checks above which a run was disturbed. */
const MAX_SPREAD = 0.1
/** Cores that other programs may use: on average, and during one measurement. */
const MAX_OTHERS = 0.1
const MAX_IDLE = 0.05

/** Watches whether the machine does anything else while something is measured. */
export class Witness {
  static #peak: PeakCheck | undefined
  readonly #peaks: number[] = []
  readonly #bandwidths: number[] = []
  readonly #uses: { readonly seconds: number; readonly use: CpuUse }[] = []

  /** Why there is no peak check, or null. */
  static get failure(): string | null {
    return (Witness.#peak ??= new PeakCheck()).failure
  }

  /** Removes what was compiled. */
  static dispose(): void {
    Witness.#peak?.dispose()
    Witness.#peak = undefined
  }

  /** Checks how fast the machine is now. */
  check(): void {
    const speed = (Witness.#peak ??= new PeakCheck()).measure(availableParallelism())
    if (speed === null) return
    this.#peaks.push(speed.peak)
    this.#bandwidths.push(speed.bandwidth)
  }

  /** Watches what else the machine does while the processes `own` compute, contenders that are `idle` included. */
  async watch<T>({ own, idle = [] }: Processes, body: () => Promise<T>): Promise<T> {
    const stop = watchCpu(pidsOf(own), pidsOf(idle))
    const start = performance.now()
    const result = await body()
    const use = stop()
    if (use !== null) this.#uses.push({ seconds: (performance.now() - start) / 1e3, use })
    return result
  }

  /** Sums up. */
  report(): Quiet {
    const seconds = this.#uses.reduce((sum, each) => sum + each.seconds, 0)
    const mean = (of: (use: CpuUse) => number): number =>
      this.#uses.reduce((sum, each) => sum + of(each.use) * each.seconds, 0) / seconds
    const known = this.#uses.length > 0
    const others = known
      ? { mean: mean((use) => use.others), worst: Math.max(...this.#uses.map(({ use }) => use.others)) }
      : null
    const idle = known ? mean((use) => use.idle) : null
    const disturbances = [...this.#disturbances(others?.mean ?? 0, idle ?? 0)]
    return { peaks: this.#peaks, bandwidths: this.#bandwidths, others, idle, disturbances }
  }

  *#disturbances(others: number, idle: number): Generator<string> {
    const [low, high] = [Math.min(...this.#peaks), Math.max(...this.#peaks)]
    if (low < high * (1 - MAX_SPREAD)) {
      yield `the machine did from ${low.toFixed(0)} to ${high.toFixed(0)} GFLOP/s`
    }
    if (others > MAX_OTHERS) yield `other programs kept ${others.toFixed(2)} cores busy`
    if (idle > MAX_IDLE) yield `contenders that had nothing to do kept ${idle.toFixed(2)} cores busy`
  }
}

/** Prints it in one line. */
export function formatQuiet({ peaks, bandwidths, others, disturbances }: Quiet): string {
  const peak =
    peaks.length === 0
      ? `peak not available (${Witness.failure ?? 'not measured'})`
      : `peak ${rangeOf(peaks)} GFLOP/s, reads of 64 MB at ${rangeOf(bandwidths)} GB/s, in ${peaks.length} checks`
  const load = others === null ? 'load of others not known' : `others used ${others.mean.toFixed(2)} cores`
  const verdict = disturbances.length === 0 ? 'undisturbed' : `DISTURBED: ${disturbances.join('; ')}`
  return `${peak}; ${load}; ${verdict}`
}

function rangeOf(values: readonly number[]): string {
  return `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)}`
}

function pidsOf(processes: readonly Process[]): number[] {
  return processes.flatMap(({ pid }) => (pid === undefined ? [] : [pid]))
}
