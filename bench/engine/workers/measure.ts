import type { Runner } from './runner.js'

/** How long something is run. */
export interface MeasureOptions {
  readonly batch: number
  readonly seconds: number
}

/** Share of the time for which a batch is run before anything is measured: other processes had the caches. */
const WARMUP = 0.1
const MIN_RUNS = 2

/** Runs a batch back to back and gives the time of each run in ms, from array to array. */
export async function measure(
  runner: Runner,
  inputs: Float32Array,
  sampleLength: number,
  { batch, seconds }: MeasureOptions,
): Promise<number[]> {
  const images = batchOf(inputs, sampleLength, batch)
  const repeat = async (ms: number, fewest: number): Promise<number[]> => {
    const times: number[] = []
    const start = performance.now()
    for (let last = start; last - start < ms || times.length < fewest;) {
      await runner.run(images)
      const now = performance.now()
      times.push(now - last)
      last = now
    }
    return times
  }
  await repeat(seconds * 1e3 * WARMUP, 1)
  return repeat(seconds * 1e3, MIN_RUNS)
}

/** Gives the first images, or those from `first` on. */
export function batchOf(inputs: Float32Array, sampleLength: number, batch: number, first = 0): Float32Array {
  return inputs.subarray(first * sampleLength, (first + batch) * sampleLength)
}

/** Watches how long the event loop is kept from running anything else; the function that it gives tells the longest. */
export function watchEventLoop(): () => number {
  let last = performance.now()
  let longest = 0
  const look = (): void => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }
  const timer = setInterval(look, 1)
  return () => {
    clearInterval(timer)
    look()
    return longest
  }
}
