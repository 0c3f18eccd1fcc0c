// With load.ts and save.ts the only files of checkpoint/ that need libtorch: whatever only inspects imports none of them.
import { endianness } from 'node:os'

import { native } from '../libtorch/binding.js'
import type { TensorHandle } from '../libtorch/handles.js'
import { DTYPES, type DType } from '../util/dtype.js'
import { CheckpointError, TorchError } from '../util/errors.js'
import { Tensor } from '../tensor/tensor.js'
import { failure, type FaultLocation } from './failure.js'
import { openSource } from './source.js'
import { ELEMENT_TYPES } from './element_types.js'
import type { StoredStorage, StoredTensor } from './stored.js'
import { readEntry } from './zip/archive.js'

/** Reads that overlap: enough to keep a disk busy, few enough to leave the thread pool to others. */
const READS_AT_ONCE = 4

/** Storages are read together up to this size: most are small, and handing each to a thread costs more than reading it. */
const BATCH_BYTES = 4 * 2 ** 20

const HOST_ORDER = endianness() === 'LE' ? 'little' : 'big'

/** How {@link materialize} reads. */
export interface MaterializeOptions {
  /** Map the file instead of reading it, where its layout allows. */
  readonly mmap: boolean
}

/**
 * Makes tensors of stored ones, in the same order, each storage once: tensors that shared memory in Python share it here.
 * On failure nothing is left alive.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_UNSUPPORTED` for an element type outside `DTYPES`, before anything is read.
 */
export async function materialize(stored: readonly StoredTensor[], { mmap }: MaterializeOptions): Promise<Tensor[]> {
  const dtypes = stored.map((tensor) => checkElementType(tensor, 'A tensor'))
  const plans = planStorages(stored)
  const tensors: Tensor[] = new Array<Tensor>(stored.length)
  // Of many thousand small storages few are alive at a time: a handle takes more memory than what it holds.
  const share = (storage: StoredStorage, handle: TensorHandle): void => {
    const { swapped, users } = plans.get(storage) ?? UNUSED
    if (swapped > 1) native.swapBytes_(handle, swapped)
    try {
      for (const user of users) {
        const [tensor, dtype] = [stored[user], dtypes[user]]
        if (tensor !== undefined && dtype !== undefined) tensors[user] = viewOf(handle, tensor, dtype)
      }
    } catch (cause) {
      throw placed(cause, placeOf(storage))
    }
  }
  try {
    const unread = mmap ? mapAll(plans, share) : [...plans.keys()]
    await readAll(batchesOf(unread), async (batch) => shareAll(batch, await readBatch(batch), share))
    return tensors
  } catch (error) {
    // Holes of the array, tensors that were not made, are passed over.
    tensors.forEach((tensor) => tensor.dispose())
    throw error
  }
}

type Share = (storage: StoredStorage, handle: TensorHandle) => void

/** Shares out storages that were read, whose own handles then end. */
function shareAll(storages: readonly StoredStorage[], handles: readonly TensorHandle[], share: Share): void {
  try {
    storages.forEach((storage, index) => {
      const handle = handles[index]
      if (handle !== undefined) share(storage, handle)
    })
  } finally {
    for (const handle of handles) native.dispose(handle)
  }
}

function viewOf(handle: TensorHandle, { storageOffset, shape, strides, numel }: StoredTensor, dtype: DType): Tensor {
  return new Tensor(native.viewOfStorage(handle, dtype, numel === 0 ? 0 : storageOffset, shape, strides))
}

/**
 * Gives the dtype of a stored tensor, which `name` names.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_UNSUPPORTED` if no Tensor can have it.
 */
export function checkElementType({ dtype, storage }: StoredTensor, name: string): DType {
  const known = DTYPES.find((candidate) => candidate === dtype)
  if (known !== undefined) return known
  const text = `${name} is of type ${dtype}, expected one of ${DTYPES.join(', ')}`
  throw failure('TORCH_CHECKPOINT_UNSUPPORTED', placeOf(storage), text)
}

/** What becomes of a storage. */
interface StoragePlan {
  /** Bytes to turn around in it: those of its elements if the file has the other order, else 1. */
  readonly swapped: number
  /** Indices of the tensors that lie in it. */
  readonly users: number[]
}

const UNUSED: StoragePlan = { swapped: 1, users: [] }

function planStorages(stored: readonly StoredTensor[]): Map<StoredStorage, StoragePlan> {
  const plans = new Map<StoredStorage, StoragePlan>()
  for (const [index, { storage, dtype }] of stored.entries()) {
    const own = ELEMENT_TYPES.get(dtype)?.swapped ?? 1
    const swapped = storage.byteOrder === HOST_ORDER ? 1 : own
    const known = plans.get(storage)
    if ((known !== undefined && known.swapped !== swapped) || storage.nbytes % swapped !== 0) {
      const text = `Tensors of several types share a storage of ${storage.byteOrder}-endian bytes`
      throw failure('TORCH_CHECKPOINT_UNSUPPORTED', placeOf(storage), text)
    }
    if (known === undefined) plans.set(storage, { swapped, users: [index] })
    else known.users.push(index)
  }
  return plans
}

/** Maps the storages whose bytes can be used as they lie, those of a file together, and gives the others. */
function mapAll(plans: ReadonlyMap<StoredStorage, StoragePlan>, share: Share): StoredStorage[] {
  const byFile = new Map<string, StoredStorage[]>()
  const others: StoredStorage[] = []
  for (const [storage, { swapped }] of plans) {
    const path = pathOf(storage)
    if (path === undefined || swapped > 1 || !isAligned(storage)) {
      others.push(storage)
      continue
    }
    const storages = byFile.get(path)
    if (storages === undefined) byFile.set(path, [storage])
    else storages.push(storage)
  }
  for (const [path, storages] of byFile) {
    try {
      shareAll(storages, native.mapStorages(path, ...stretchesOf(storages)), share)
    } catch (cause) {
      throw placed(cause, { path })
    }
  }
  return others
}

/** Elements of a mapped file lie where they lie, and libtorch wants them aligned. */
function isAligned({ dtype, record }: StoredStorage): boolean {
  const itemSize = ELEMENT_TYPES.get(dtype)?.bytes ?? 1
  return record.offset % (dtype === 'uint8' ? 8 : itemSize) === 0
}

/** Puts storages that follow each other and lie in one file, as they are, together; all others are alone. */
function batchesOf(storages: readonly StoredStorage[]): StoredStorage[][] {
  const batches: StoredStorage[][] = []
  let bytes = 0
  let path: string | undefined
  for (const storage of storages) {
    const last = batches.at(-1)
    const own = pathOf(storage)
    if (last !== undefined && own !== undefined && own === path && bytes + storage.nbytes <= BATCH_BYTES) {
      last.push(storage)
      bytes += storage.nbytes
    } else {
      batches.push([storage])
      bytes = storage.nbytes
      path = own
    }
  }
  return batches
}

async function readBatch(storages: readonly StoredStorage[]): Promise<TensorHandle[]> {
  const [first] = storages
  if (first === undefined) return []
  const path = pathOf(first)
  const place = storages.length === 1 ? placeOf(first) : { path }
  const read = path === undefined ? copyOne(first) : native.readStorages(path, ...stretchesOf(storages))
  return read.catch((cause: unknown) => {
    throw placed(cause, place)
  })
}

/** Reads a storage that is deflated, or in memory already. */
async function copyOne({ record, nbytes }: StoredStorage): Promise<TensorHandle[]> {
  const { source, offset: dataOffset, length: compressedSize, method, entry } = record
  const opened = await openSource(source)
  try {
    const size = nbytes
    const bytes = await readEntry(opened, { name: entry ?? '', method, dataOffset, compressedSize, size })
    return [native.fromBytes(bytes, [nbytes], 'uint8', 'cpu')]
  } finally {
    await opened.close()
  }
}

/** The file in which a storage lies as it is. */
function pathOf({ record: { source, method } }: StoredStorage): string | undefined {
  return typeof source === 'string' && method === 'stored' ? source : undefined
}

function stretchesOf(storages: readonly StoredStorage[]): [offsets: number[], lengths: number[]] {
  return [storages.map(({ record }) => record.offset), storages.map(({ record }) => record.length)]
}

/** Runs `read` on each item, some at a time. After a failure it starts no more, and waits for those under way. */
async function readAll<T>(items: readonly T[], read: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) {
      try {
        await read(item)
      } catch (error) {
        next = items.length
        throw error
      }
    }
  }
  const results = await Promise.allSettled(Array.from({ length: READS_AT_ONCE }, worker))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

/** Says of a native error where it was. */
function placed(cause: unknown, place: FaultLocation): unknown {
  const isNative = cause instanceof TorchError && !(cause instanceof CheckpointError)
  return isNative ? failure(cause.code, place, cause.message, cause) : cause
}

function placeOf({ record }: StoredStorage): FaultLocation {
  return { path: typeof record.source === 'string' ? record.source : undefined, entry: record.entry }
}
