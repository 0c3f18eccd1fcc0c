import { Slices } from '../util/slices.js'

/** Rows between two looks at the clock. */
const ROWS = 8

/** Does the rows of an image one after the other; the event loop goes round between them where they take long. */
export async function eachRow(height: number, body: (row: number) => void): Promise<void> {
  const slices = new Slices()
  for (let row = 0; row < height; row++) {
    if (row % ROWS === 0) await slices.next()
    body(row)
  }
}
