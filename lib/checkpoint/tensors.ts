// With load.ts and save.ts the only files of checkpoint/ that need libtorch: whatever only inspects imports none of them.
import { endianness } from 'node:os'

import { native, type TensorHandle } from '../binding.js'
import { DTYPES, type DType } from '../dtype.js'
import { CheckpointError, TorchError } from '../errors.js'
import { Tensor } from '../tensor.js'
import { handleOf } from '../tensor/handle.js'
import { failure, type Place } from './failure.js'
import { CHUNK_BYTES, littleEndian } from './savable.js'
import { openSource } from './source.js'
import { ELEMENT_TYPES } from './storage_types.js'
import type { StoredStorage, StoredTensor } from './stored.js'
import type { DescribeLive } from './torch_zip_writer.js'
import { readEntry } from './zip.js'

/** Reads of storages that overlap: enough to keep a disk busy, few enough to leave the thread pool to others. */
const READS_AT_ONCE = 4

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
  const handles = new Map<StoredStorage, TensorHandle>()
  const tensors: Tensor[] = []
  try {
    await readAll([...plans], async ([storage, swapped]) => {
      handles.set(storage, await readHandle(storage, { mmap, swapped }))
    })
    stored.forEach(({ storage, storageOffset, shape, strides }, index) => {
      const handle = handles.get(storage)
      const dtype = dtypes[index]
      if (handle === undefined || dtype === undefined) return
      tensors.push(new Tensor(native.viewOfStorage(handle, dtype, storageOffset, shape, strides)))
    })
    return tensors
  } catch (error) {
    for (const tensor of tensors) tensor.dispose()
    throw error
  } finally {
    for (const handle of handles.values()) native.dispose(handle)
  }
}

/** Describes a tensor for a writer: its whole storage, as PyTorch saves it, from whichever device. */
export const describeLive: DescribeLive = (value) => {
  if (!(value instanceof Tensor)) return undefined
  const tensor = value as Tensor
  const handle = handleOf(tensor)
  const identity = native.storageId(handle)
  const { dtype, shape, strides, storageOffset } = tensor
  function* chunks(length: number, swapped: number): Generator<Uint8Array> {
    for (let at = 0; at < length; at += CHUNK_BYTES) {
      const bytes = new Uint8Array(native.copyStorage(handle, at, Math.min(CHUNK_BYTES, length - at)))
      yield littleEndian(bytes, swapped)
    }
  }
  const storage = { identity, nbytes: native.storageBytes(handle), chunks }
  const facts = { dtype, shape, strides, storageOffset, requiresGrad: false, isParameter: false }
  return { facts, storage }
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

/** Gives, for each storage, the bytes to turn around in it: those of its elements if the file has the other order. */
function planStorages(stored: readonly StoredTensor[]): Map<StoredStorage, number> {
  const plans = new Map<StoredStorage, number>()
  for (const { storage, dtype } of stored) {
    const own = ELEMENT_TYPES.get(dtype)?.swapped ?? 1
    const swapped = storage.byteOrder === HOST_ORDER ? 1 : own
    if ((plans.get(storage) ?? swapped) !== swapped || storage.nbytes % swapped !== 0) {
      const text = `Tensors of several types share a storage of ${storage.byteOrder}-endian bytes`
      throw failure('TORCH_CHECKPOINT_UNSUPPORTED', placeOf(storage), text)
    }
    plans.set(storage, swapped)
  }
  return plans
}

async function readHandle(
  storage: StoredStorage,
  { mmap, swapped }: { readonly mmap: boolean; readonly swapped: number },
): Promise<TensorHandle> {
  const place = placeOf(storage)
  const handle = await readBytes(storage, mmap && swapped === 1).catch((cause: unknown) => {
    const isNative = cause instanceof TorchError && !(cause instanceof CheckpointError)
    throw isNative ? failure(cause.code, place, cause.message, cause) : cause
  })
  if (swapped > 1) native.swapBytes_(handle, swapped)
  return handle
}

async function readBytes(storage: StoredStorage, mmap: boolean): Promise<TensorHandle> {
  const { source, offset, length, method, entry } = storage.record
  if (method === 'deflated') {
    const opened = await openSource(source)
    try {
      const bytes = await readEntry(opened, {
        name: entry,
        method,
        dataOffset: offset,
        compressedSize: length,
        size: storage.nbytes,
      })
      return native.fromBytes(bytes, [storage.nbytes], 'uint8', 'cpu')
    } finally {
      await opened.close()
    }
  }
  if (typeof source !== 'string') {
    return native.fromBytes(source.subarray(offset, offset + length), [length], 'uint8', 'cpu')
  }
  // Elements of a mapped file lie where they lie, and libtorch wants them aligned.
  const itemSize = ELEMENT_TYPES.get(storage.dtype)?.bytes ?? 1
  const aligned = storage.dtype === 'uint8' ? 8 : itemSize
  if (mmap && offset % aligned === 0) return native.mapStorage(source, offset, length)
  return native.readStorage(source, offset, length)
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

function placeOf({ record }: StoredStorage): Place {
  return { path: typeof record.source === 'string' ? record.source : undefined, entry: record.entry }
}
