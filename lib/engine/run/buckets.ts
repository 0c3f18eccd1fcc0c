import { ITEM_SIZE } from '../../util/dtype.js'
import type { Graph } from '../graph.js'
import { outputsOf } from '../ops/index.js'

/** Images of one plan, unless the user says so: more do not make it faster. */
const MAX_BUCKET = 32
/**
 * Size of the largest value of a plan, unless the user says so: a value is soon read again, and should still be in a cache.
 * Measured for ResNet-18 at 224 pixels, 25 MB: with oneDNN batches of 8 in one plan are 6 % faster than of 32. Native kernels go
 * through large images in pieces anyway, and are as fast with 8; but 32 would take three times the memory, and four times
 * as long until another engine has its turn.
 */
const MAX_VALUE_BYTES = 32 * 2 ** 20

/** Sizes of the batches for which plans are made: powers of two, from the largest to 1. */
export function defaultBuckets(graph: Graph, maxBatchSize: number): number[] {
  const batch = graph.inputs[0]?.shape[0] ?? 1
  const bytes = graph.nodes.flatMap(outputsOf).map(({ shape, dtype }) => {
    return shape.reduce((product, size) => product * size, ITEM_SIZE[dtype]) / batch
  })
  const fits = Math.min(maxBatchSize, MAX_BUCKET, MAX_VALUE_BYTES / Math.max(1, ...bytes))
  const largest = 2 ** Math.floor(Math.log2(Math.max(1, fits)))
  return Array.from({ length: Math.log2(largest) + 1 }, (_, index) => largest / 2 ** index)
}

/** Cuts a batch into pieces of the sizes of `buckets`, which go down to 1, as few as can be. */
export function chunk(batchSize: number, buckets: readonly number[]): number[] {
  const chunks: number[] = []
  let left = batchSize
  for (const size of buckets) {
    for (; left >= size; left -= size) chunks.push(size)
  }
  return chunks
}
