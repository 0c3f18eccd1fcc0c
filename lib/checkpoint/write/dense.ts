import { CHUNK_BYTES, swappedCopy } from './savable.js'
import { contiguousStrides } from '../safetensors/read.js'
import { openSource, type ByteSource } from '../source.js'
import { ELEMENT_TYPES } from '../element_types.js'
import type { StoredTensor } from '../stored.js'
import { readEntry } from '../zip/archive.js'

/** Runs of fewer bytes are copied byte by byte: a call for each would cost more. */
const SHORT_RUN = 16

/**
 * Reads the elements of a stored tensor in row-major order, little-endian, a few MiB at a time. A chunk is good until the next
 * one is asked for. It needs no libtorch.
 */
export async function* denseChunks(tensor: StoredTensor): AsyncGenerator<Uint8Array> {
  const { storage, dtype, shape, strides, storageOffset, nbytes } = tensor
  if (nbytes === 0) return
  const { bytes: itemSize, swapped } = ELEMENT_TYPES.get(dtype) ?? { bytes: 1, swapped: 1 }
  const width = storage.byteOrder === 'little' ? 1 : swapped
  const first = storageOffset * itemSize
  const source = await openSource(storage.record.source)
  try {
    const read = await rangeReader(tensor, source)
    if (isRowMajor(shape, strides)) {
      const buffer = new Uint8Array(Math.min(CHUNK_BYTES, nbytes))
      for (let at = 0; at < nbytes; at += CHUNK_BYTES) {
        yield swappedCopy(await read(first + at, Math.min(CHUNK_BYTES, nbytes - at), buffer), width)
      }
      return
    }
    const last = shape.reduce((sum, size, dim) => sum + (size - 1) * (strides[dim] ?? 0), 0)
    const span = await read(first, (last + 1) * itemSize)
    for (const chunk of gather(span, shape, strides, itemSize)) yield swappedCopy(chunk, width)
  } finally {
    await source.close()
  }
}

/** Gives a function that reads bytes of the storage; deflated ones are inflated once. */
async function rangeReader({ storage }: StoredTensor, source: ByteSource): Promise<ByteSource['read']> {
  const { record } = storage
  if (record.method === 'stored') return (offset, length, into) => source.read(record.offset + offset, length, into)
  const { entry: name, method, offset: dataOffset, length: compressedSize } = record
  const bytes = await readEntry(source, { name, method, dataOffset, compressedSize, size: storage.nbytes })
  return (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length))
}

/** Copies elements out of `span`, which begins with the first, in row-major order. */
function* gather(
  span: Uint8Array,
  shape: readonly number[],
  strides: readonly number[],
  itemSize: number,
): Generator<Uint8Array> {
  // Trailing dimensions without gaps are copied as one run.
  let outer = shape.length
  let run = itemSize
  for (; outer > 0 && (shape[outer - 1] === 1 || (strides[outer - 1] ?? 0) * itemSize === run); outer--) {
    run *= shape[outer - 1] ?? 1
  }
  const sizes = shape.slice(0, outer)
  const steps = strides.slice(0, outer).map((stride) => stride * itemSize)
  const runs = sizes.reduce((product, size) => product * size, 1)
  const perChunk = Math.max(1, Math.floor(CHUNK_BYTES / run))
  const index = sizes.map(() => 0)
  let from = 0
  for (let done = 0; done < runs; done += perChunk) {
    const count = Math.min(perChunk, runs - done)
    const chunk = new Uint8Array(count * run)
    for (let at = 0; at < chunk.length; at += run) {
      if (run < SHORT_RUN) for (let byte = 0; byte < run; byte++) chunk[at + byte] = span[from + byte] ?? 0
      else chunk.set(span.subarray(from, from + run), at)
      from = advance(from, index, sizes, steps)
    }
    yield chunk
  }
}

/** Counts `index` up by one and moves the offset with it. */
function advance(from: number, index: number[], sizes: readonly number[], steps: readonly number[]): number {
  let offset = from
  for (let dim = index.length - 1; dim >= 0; dim--) {
    const next = (index[dim] ?? 0) + 1
    const step = steps[dim] ?? 0
    if (next < (sizes[dim] ?? 0)) {
      index[dim] = next
      return offset + step
    }
    index[dim] = 0
    offset -= step * (next - 1)
  }
  return offset
}

/** Strides of dimensions of one element do not matter. */
function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  const expected = contiguousStrides(shape)
  return shape.every((size, dim) => size === 1 || strides[dim] === expected?.[dim])
}
