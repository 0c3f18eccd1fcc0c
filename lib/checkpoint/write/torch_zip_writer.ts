import { createHash } from 'node:crypto'

import { writeAtomically } from '../../util/atomic_file.js'
import { failure, type FaultLocation } from '../failure.js'
import { PickledCall, emptyOrderedDict, PersistentId, writePickle } from './pickle_writer.js'
import { savableStorage, type SavableStorage, type TensorHeader } from './savable.js'
import { ELEMENT_TYPES } from '../element_types.js'
import { STORAGE_CLASSES } from '../pickle/storage_class.js'
import { StoredStorage, StoredTensor } from '../stored.js'
import { checkTree, type CheckpointTree } from './tree.js'
import { PickledGlobal, tuple } from '../values.js'
import { ALIGNMENT, ZipWriter } from './zip_writer.js'

const ARCHIVE = 'archive'

/** Storage class by element type; the types that came later have none and are written as bytes. */
const CLASS_OF: ReadonlyMap<string, string> = new Map(
  [...STORAGE_CLASSES].filter(([name]) => name !== 'UntypedStorage').map(([name, dtype]) => [dtype, name]),
)

/** Tells what a tensor is and gives its memory; undefined for what is no tensor, or a stored one to be written as it is. */
export type DescribeLive = (value: object) => { facts: TensorHeader; storage: SavableStorage } | undefined

/** Writes an archive of torch.save; `saveCheckpoint` says what and how. Trees of stored tensors need no libtorch. */
export async function writeTorchZip(
  path: string,
  tree: CheckpointTree,
  describeLive?: DescribeLive,
  signal?: AbortSignal,
): Promise<void> {
  const place = { path }
  checkTree(tree, place, (value) => describeLive?.(value) !== undefined)
  const storages = new StorageTable(place)
  const pickle = writePickle(tree, (value) => {
    const live = describeLive?.(value)
    if (live !== undefined) return rebuild(live.facts, live.storage, storages)
    if (value instanceof StoredStorage) return storages.reference(savableStorage(value), value.dtype)
    return value instanceof StoredTensor ? rebuild(value, savableStorage(value.storage), storages) : undefined
  })
  await writeAtomically(path, (sink) => writeArchive(new ZipWriter(sink), pickle, storages.all()), signal)
}

interface StorageEntry {
  readonly key: string
  readonly storage: SavableStorage
  readonly dtype: string
  readonly length: number
}

/** The storages of a tree in the order in which they are met, which gives them their names. */
class StorageTable {
  readonly #entries = new Map<unknown, StorageEntry>()
  readonly #place: FaultLocation

  constructor(place: FaultLocation) {
    this.#place = place
  }

  all(): Iterable<StorageEntry> {
    return this.#entries.values()
  }

  /** Gives the persistent id that stands for a storage of elements of `dtype`. */
  reference(storage: SavableStorage, dtype: string): PersistentId {
    const className = CLASS_OF.get(dtype)
    const itemSize = className === undefined ? 1 : (ELEMENT_TYPES.get(dtype)?.bytes ?? 1)
    const numel = Math.floor(storage.nbytes / itemSize)
    let entry = this.#entries.get(storage.identity)
    if (entry === undefined) {
      entry = { key: String(this.#entries.size), storage, dtype, length: numel * itemSize }
      this.#entries.set(storage.identity, entry)
    }
    if (entry.dtype !== dtype) {
      const text = `Tensors of ${entry.dtype} and ${dtype} share memory, which PyTorch cannot save: clone one of them`
      throw failure('TORCH_CHECKPOINT_UNSUPPORTED', this.#place, text)
    }
    const type = new PickledGlobal(className === undefined ? 'torch.storage' : 'torch', className ?? 'UntypedStorage')
    return new PersistentId(['storage', type, entry.key, 'cpu', numel])
  }
}

/** Expresses a tensor by the calls that Python makes of it. */
function rebuild(tensor: TensorHeader, storage: SavableStorage, storages: StorageTable): PickledCall {
  const { dtype, shape, strides, storageOffset, requiresGrad, isParameter } = tensor
  const args = [
    storages.reference(storage, dtype),
    storageOffset,
    tuple([...shape]),
    tuple([...strides]),
    requiresGrad && !isParameter,
    emptyOrderedDict(),
  ]
  const plain = CLASS_OF.has(dtype)
    ? new PickledCall(utility('_rebuild_tensor_v2'), args)
    : new PickledCall(utility('_rebuild_tensor_v3'), [...args, new PickledGlobal('torch', dtype)])
  return isParameter ? new PickledCall(utility('_rebuild_parameter'), [plain, requiresGrad, emptyOrderedDict()]) : plain
}

function utility(name: string): PickledGlobal {
  return new PickledGlobal('torch._utils', name)
}

/** Writes the entries that PyTorch 2.13 writes, in its order. */
async function writeArchive(zip: ZipWriter, pickle: Uint8Array, storages: Iterable<StorageEntry>): Promise<void> {
  const sums: string[] = []
  const add = async (
    name: string,
    size: number,
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<void> => {
    const crc = await zip.add(`${ARCHIVE}/${name}`, size, chunks)
    sums.push(`${name} ${crc}`)
  }
  const addText = (name: string, text: string): Promise<void> => add(name, text.length, [Buffer.from(text, 'latin1')])

  await add('data.pkl', pickle.length, [pickle])
  await addText('.format_version', '1')
  await addText('.storage_alignment', String(ALIGNMENT))
  await addText('byteorder', 'little')
  for (const { key, storage, dtype, length } of storages) {
    await add(`data/${key}`, length, storage.chunks(length, ELEMENT_TYPES.get(dtype)?.swapped ?? 1))
  }
  await addText('version', '3\n')
  // PyTorch too makes 40 digits of the names and sums, though by another hash.
  const digest = createHash('sha256').update(sums.join('\n')).digest()
  const digits = [0, 8].map((at) => String(digest.readBigUInt64LE(at)).padStart(20, '0'))
  await addText('.data/serialization_id', digits.join(''))
  await zip.finish()
}
