/** How much a new time counts beside all before it. */
const WEIGHT = 0.1
/** Answers take now more, now less than usual: so many times the usual time is enough for nearly all. */
const MARGIN = 1.5

/** Follows how long an image takes once it is begun, so that none is begun too late. */
export class Pace {
  #usualMs = 0

  note(ms: number): void {
    this.#usualMs += WEIGHT * (ms - this.#usualMs)
  }

  /**
   * The time, in ms, that has to be left for an image of which all may take `totalMs`. Not more than half of that: what was
   * usual under load must not keep a lone request with a near deadline from being tried.
   */
  reserve(totalMs: number): number {
    return Math.min(MARGIN * this.#usualMs, totalMs / 2)
  }
}
