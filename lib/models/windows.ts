import { fromArray } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'

/**
 * For each pair of the M = `size` × `size` patches of a window, the row of a table that tells how they lie to each other: (M, M), int64.
 */
export function relativePositionIndex(size: number): Tensor<'int64'> {
  const patches = size * size
  const index = new BigInt64Array(patches * patches)
  for (let a = 0; a < patches; a++) {
    for (let b = 0; b < patches; b++) {
      const rows = Math.floor(a / size) - Math.floor(b / size) + size - 1
      const columns = (a % size) - (b % size) + size - 1
      index[a * patches + b] = BigInt(rows * (2 * size - 1) + columns)
    }
  }
  return fromArray(index, [patches, patches])
}

/** Gives each pair of patches the numbers of its row: maps a table (R, heads) and an index of M² elements to (1, heads, M, M). */
export function relativePositionBias(table: Tensor, index: Tensor, size: number): Tensor {
  const patches = size * size
  const bias = table.indexSelect(0, index.flatten())
  return bias.reshape(patches, patches, -1).permute([2, 0, 1]).unsqueeze(0)
}

/** How far patches of a window may lie apart, in rows and columns, as logarithms: (1, 2 · size - 1, 2 · size - 1, 2). */
export function relativeCoordinates(size: number): Tensor<'float32'> {
  const length = 2 * size - 1
  const logarithms = Array.from({ length }, (_, index) => {
    // In windows of one patch there is no distance.
    const distance = Math.fround((8 * (index - size + 1)) / Math.max(1, size - 1))
    return (Math.sign(distance) * Math.log2(Math.abs(distance) + 1)) / 3
  })
  const table = logarithms.flatMap((row) => logarithms.flatMap((column) => [row, column]))
  return fromArray(new Float32Array(table), [1, length, length, 2])
}

interface Shift {
  /** Windows of a column. */
  readonly rows: number
  /** Windows of a row. */
  readonly columns: number
  /** Patches of a side of a window. */
  readonly size: number
  /** Patches by which the windows were moved down and to the right. */
  readonly shift: readonly [down: number, right: number]
}

/**
 * -100 for patches that came into one window from opposite borders, and 0 for all others, to be added to their attention:
 * (windows, 1, M, M).
 */
export function shiftMask({ rows, columns, size, shift: [down, right] }: Shift): Tensor<'float32'> {
  const patches = size * size
  const regionOf = (place: number, length: number, moved: number): number =>
    place < length - size ? 0 : place < length - moved ? 1 : 2
  const mask = new Float32Array(rows * columns * patches * patches)
  let at = 0
  for (let window = 0; window < rows * columns; window++) {
    const [top, left] = [Math.floor(window / columns) * size, (window % columns) * size]
    const regions = Array.from({ length: patches }, (_, patch) => {
      const row = regionOf(top + Math.floor(patch / size), rows * size, down)
      return 3 * row + regionOf(left + (patch % size), columns * size, right)
    })
    for (const a of regions) for (const b of regions) mask[at++] = a === b ? 0 : -100
  }
  return fromArray(mask, [rows * columns, 1, patches, patches])
}
