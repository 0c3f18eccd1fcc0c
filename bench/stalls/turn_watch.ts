import { readFileSync } from 'node:fs'

/** The longest turn of an event loop, in ms. */
export interface Turn {
  /** Time on a core of the main thread: other programs do not count. */
  readonly cpu: number
  /** Time that passed. */
  readonly wall: number
}

const RESOLUTION_MS = 1
const NS = 1e6

/** Measures the turns of this event loop by a timer, hence to a millisecond. */
export class TurnWatch {
  #timer: NodeJS.Timeout | undefined
  #longest: Turn = { cpu: 0, wall: 0 }
  #cpuAt = 0
  #wallAt = 0

  start(): void {
    this.#longest = { cpu: 0, wall: 0 }
    this.#mark()
    this.#timer = setInterval(() => this.#look(), RESOLUTION_MS)
  }

  stop(): Turn {
    this.#look()
    clearInterval(this.#timer)
    return this.#longest
  }

  #look(): void {
    const [cpuBefore, wallBefore] = [this.#cpuAt, this.#wallAt]
    this.#mark()
    this.#longest = {
      cpu: Math.max(this.#longest.cpu, this.#cpuAt - cpuBefore),
      wall: Math.max(this.#longest.wall, this.#wallAt - wallBefore - RESOLUTION_MS),
    }
  }

  #mark(): void {
    this.#cpuAt = mainThreadCpuMs()
    this.#wallAt = performance.now()
  }
}

/** Linux alone tells the time of one thread to a microsecond; the main thread is that of the number of the process. */
function mainThreadCpuMs(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ', 1)[0]) / NS
}
