import { setImmediate } from 'node:timers/promises'

// About a millisecond of plain arithmetic on bytes.
const SLICE = 2 ** 17

/** Runs `body` over the range from 0 to `count` in slices, between which the event loop gets its turn. */
export async function inSlices(count: number, body: (start: number, end: number) => void): Promise<void> {
  for (let start = 0; start < count; start += SLICE) {
    if (start > 0) await setImmediate()
    body(start, Math.min(start + SLICE, count))
  }
}
