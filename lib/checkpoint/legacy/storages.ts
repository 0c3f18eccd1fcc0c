import { setImmediate } from 'node:timers/promises'

import type { Budget } from '../budget.js'
import { shorten } from '../../util/check.js'
import { failAt, type Fail } from '../failure.js'
import type { ByteSource } from '../source.js'
import { elementTypeOf, isCount } from '../pickle/storage_class.js'
import { ELEMENT_TYPES } from '../element_types.js'
import { StoredStorage } from '../stored.js'
import { describeValue, PickledGlobal, PickleTuple, type CheckpointValue } from '../values.js'

/** The number of elements stands before their bytes. */
const COUNT_BYTES = 8
/** Small storages lie close together: one read for several. */
const WINDOW_BYTES = 4096
/** Each costs a turn of the event loop and a thread; waiting for them one by one would be half the time of a load. */
const READS_AT_ONCE = 16

/** A storage whose bytes lie behind the pickles: `place.offset` is filled in once they have been found. */
interface StorageReference {
  readonly storage: StoredStorage
  readonly place: { offset: number }
  readonly numel: number
}

/** A storage, and the byte where its number of elements should be. */
interface LocatedStorage {
  readonly key: string
  readonly root: StorageReference
  readonly at: number
}

/** A stretch of a storage; before version 0.4 of PyTorch a storage could be a view of another. */
interface StorageView {
  readonly reference: StorageReference
  readonly rootKey: string
  /** In elements. */
  readonly first: number
}

/** The storages of a file of PyTorch before 1.6. The pickle of the object names them; they lie behind all pickles. */
export class LegacyStorages {
  readonly #source: ByteSource
  readonly #budget: Budget
  readonly #roots = new Map<string, StorageReference>()
  readonly #views = new Map<string, StorageView>()

  constructor(source: ByteSource, budget: Budget) {
    this.#source = source
    this.#budget = budget
  }

  /**
   * Gives what a persistent id stands for: `('storage', torch.FloatStorage, key, 'cpu', number of elements, view)`,
   * where `view` is None or `(key, first element, number of elements)`, or `('module', class, file, source code)`.
   *
   * A view comes as a storage of its own: **it no longer shares memory with what it views.**
   */
  load(id: CheckpointValue, fail: Fail): CheckpointValue {
    const [tag, type, key, location, numel, view = null] = id instanceof PickleTuple ? id : []
    if (tag === 'module' && type instanceof PickledGlobal) return type
    if (tag !== 'storage' || typeof key !== 'string' || typeof location !== 'string' || !isCount(numel)) {
      throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a storage for persistent id, found ${describeValue(id)}`)
    }
    const dtype = elementTypeOf(type, fail)
    const root = this.#roots.get(key) ?? this.#create({ key, dtype, location, numel }, fail)
    if (root.storage.dtype !== dtype || root.numel !== numel) {
      const first = `${root.numel} elements of ${root.storage.dtype}`
      throw fail('TORCH_CHECKPOINT_CORRUPT', `Storage ${shorten(key)} has ${first}, and elsewhere ${numel} of ${dtype}`)
    }
    this.#roots.set(key, root)
    return view === null ? root.storage : this.#view(root, view, fail)
  }

  #view(root: StorageReference, view: CheckpointValue, fail: Fail): StoredStorage {
    const [key, first, numel] = view instanceof PickleTuple ? view : []
    if (typeof key !== 'string' || !isCount(first) || !isCount(numel)) {
      throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a view of a storage, found ${describeValue(view)}`)
    }
    const { key: rootKey, dtype, location } = root.storage
    if (first + numel > root.numel) {
      const text = `A view of elements ${first} to ${first + numel} reaches outside storage ${shorten(rootKey)} of ${root.numel}`
      throw fail('TORCH_CHECKPOINT_CORRUPT', text)
    }
    const known = this.#views.get(key)
    if (known !== undefined) {
      if (known.rootKey === rootKey && known.first === first && known.reference.numel === numel)
        return known.reference.storage
      throw fail('TORCH_CHECKPOINT_CORRUPT', `The key ${shorten(key)} stands for two views`)
    }
    const reference = this.#create({ key, dtype, location, numel }, fail)
    // Each view is read by itself, and many can view the same bytes.
    this.#budget.takeMemory(reference.storage.nbytes, fail)
    this.#views.set(key, { reference, rootKey, first })
    return reference.storage
  }

  #create(
    { key, dtype, location, numel }: { key: string; dtype: string; location: string; numel: number },
    fail: Fail,
  ): StorageReference {
    const nbytes = numel * itemSizeOf(dtype)
    if (nbytes > this.#source.size) {
      throw fail(
        'TORCH_CHECKPOINT_CORRUPT',
        `Storage ${shorten(key)} claims ${nbytes} bytes, the file has ${this.#source.size}`,
      )
    }
    const source = this.#source.path ?? this.#source.bytes ?? new Uint8Array(0)
    const place = { source, entry: undefined, offset: 0, length: nbytes, method: 'stored' as const }
    const storage = new StoredStorage({ key, dtype, nbytes, location, byteOrder: 'little', record: place })
    return { storage, place, numel }
  }

  /**
   * Finds where the bytes of each storage lie, in the order of `keys`, from `offset` on. It reads only the counts.
   *
   * @throws {CheckpointError} `TORCH_CHECKPOINT_CORRUPT` if the keys are not those of the object, or the file ends early.
   * PyTorch leaves the memory of a storage that is not listed as it happens to be.
   */
  async locate(keys: CheckpointValue, offset: number): Promise<void> {
    const { path } = this.#source
    const fail = failAt({ path })
    if (!Array.isArray(keys) || keys instanceof PickleTuple) {
      throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a list of storage keys, found ${describeValue(keys)}`)
    }
    const left = new Map(this.#roots)
    const located: LocatedStorage[] = []
    let at = offset
    for (const key of keys) {
      const root = typeof key === 'string' ? left.get(key) : undefined
      if (typeof key !== 'string' || root === undefined) {
        const twice = typeof key === 'string' && this.#roots.has(key) ? 'is listed twice' : 'is not used by the object'
        throw fail('TORCH_CHECKPOINT_CORRUPT', `Storage ${describeKey(key)} ${twice}`)
      }
      left.delete(key)
      located.push({ key, root, at })
      root.place.offset = at + COUNT_BYTES
      at = root.place.offset + root.storage.nbytes
    }
    const [missing] = left.keys()
    if (missing !== undefined) {
      throw fail(
        'TORCH_CHECKPOINT_CORRUPT',
        `The data of storage ${shorten(missing)} are not in the file: it is not listed`,
      )
    }
    await this.#checkCounts(located)
    for (const { reference, rootKey, first } of this.#views.values()) {
      const root = this.#roots.get(rootKey)
      reference.place.offset = (root?.place.offset ?? 0) + first * itemSizeOf(reference.storage.dtype)
    }
  }

  /** The pickles say where all counts should be, so that many can be read at the same time. */
  async #checkCounts(located: readonly LocatedStorage[]): Promise<void> {
    const { path, size } = this.#source
    const isWhole = ({ root, at }: LocatedStorage): boolean => at + COUNT_BYTES + root.storage.nbytes <= size
    const cut = located.find((storage) => !isWhole(storage))
    // A file that is cut may have a wrong count before, which says more.
    const readable = located.filter(({ at }) => at + COUNT_BYTES <= size)
    const windows = windowsOf(readable)
    for (let next = 0; next < windows.length; next += READS_AT_ONCE) {
      const reads = windows.slice(next, next + READS_AT_ONCE).map((window) => this.#checkWindow(window))
      // The first in the file is the one that is wrong; all behind it are looked for in the wrong place.
      const failed = (await Promise.allSettled(reads)).find((result) => result.status === 'rejected')
      if (failed !== undefined) throw failed.reason
      // Reading from memory does not let the event loop run.
      await setImmediate()
    }
    if (cut === undefined) return
    const { key, root, at } = cut
    const { offset } = root.place
    const text =
      at + COUNT_BYTES > size
        ? `it ends before the data of storage ${shorten(key)}`
        : `storage ${shorten(key)} has ${root.storage.nbytes} bytes from byte ${offset} on, but the file ends at byte ${size}`
    throw failAt({ path, offset: at })('TORCH_CHECKPOINT_CORRUPT', `The file is truncated: ${text}`)
  }

  async #checkWindow(window: readonly LocatedStorage[]): Promise<void> {
    const start = window[0]?.at ?? 0
    const end = (window.at(-1)?.at ?? 0) + COUNT_BYTES
    const bytes = await this.#source.read(start, end - start)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (const { key, root, at } of window) {
      const count = view.getBigInt64(at - start, true)
      if (count === BigInt(root.numel)) continue
      const text = `Expected ${root.numel} elements of storage ${shorten(key)}, found ${count}`
      throw failAt({ path: this.#source.path, offset: at })('TORCH_CHECKPOINT_CORRUPT', text)
    }
  }
}

/** Puts storages together whose counts lie close to each other. */
function windowsOf(located: readonly LocatedStorage[]): LocatedStorage[][] {
  const windows: LocatedStorage[][] = []
  for (const storage of located) {
    const last = windows.at(-1)
    if (storage.at + COUNT_BYTES - (last?.[0]?.at ?? -Infinity) <= WINDOW_BYTES) last?.push(storage)
    else windows.push([storage])
  }
  return windows
}

function itemSizeOf(dtype: string): number {
  return ELEMENT_TYPES.get(dtype)?.bytes ?? 1
}

function describeKey(key: CheckpointValue): string {
  return typeof key === 'string' ? shorten(key) : describeValue(key)
}
