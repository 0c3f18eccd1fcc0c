import { describe, shorten } from '../../util/check.js'
import { Budget } from '../budget.js'
import type { CheckpointContents } from '../contents.js'
import { failure, type Fail } from '../failure.js'
import type { CheckpointLimits } from '../limits.js'
import { pastLimit } from '../limits.js'
import { unpickle } from '../pickle/read.js'
import type { ByteSource } from '../source.js'
import { elementTypeOf, isCount } from '../pickle/storage_class.js'
import { ELEMENT_TYPES } from '../element_types.js'
import { StoredStorage } from '../stored.js'
import { isTorchScript, scriptState } from '../torchscript/read.js'
import { describeValue, PickleTuple, type CheckpointValue } from '../values.js'
import { readEntries, readEntry, readZip, type ZipArchive, type ZipEntry } from './archive.js'

/** Versions of the archive that PyTorch wrote so far. */
const OLDEST_VERSION = 1
const NEWEST_VERSION = 10
/** `version` and `byteorder` hold a word. */
const MAX_WORD_BYTES = 64

/** Reads an archive of torch.save, version 1.6 and later, or of torch.jit.save, without the data of its tensors. */
export async function readTorchZip(
  source: ByteSource,
  limits: CheckpointLimits,
  budget = new Budget(limits, source.size),
  entries?: readonly ZipEntry[],
): Promise<CheckpointContents> {
  const archive = await readZip(source, limits, entries ?? (await readEntries(source, limits, budget)))
  const pickle = findPickle(archive)
  await checkVersion(archive)
  const byteOrder = await readByteOrder(archive)
  const root = await readPickle(pickle, archive, { byteOrder, limits, budget })
  const facts = { byteOrder, size: source.size, metadata: null }
  if (!isTorchScript(archive)) return { format: 'zip', root, ...facts }
  return { format: 'torchscript', ...(await scriptState(root, archive, { limits, budget })), ...facts }
}

async function readPickle(
  pickle: ZipEntry,
  archive: ZipArchive,
  {
    byteOrder,
    limits,
    budget,
  }: { readonly byteOrder: 'little' | 'big'; readonly limits: CheckpointLimits; readonly budget: Budget },
): Promise<CheckpointValue> {
  const { source } = archive
  const place = { path: source.path, entry: pickle.name }
  if (pickle.size > limits.pickleBytes) {
    const fail: Fail = (code, text) => failure(code, place, text)
    throw pastLimit(fail, limits, 'pickleBytes', `The pickle has ${pickle.size} bytes`)
  }
  const bytes = await readEntry(source, pickle)
  const storages = new Map<string, StoredStorage>()
  const persistentLoad = (id: CheckpointValue, fail: Fail): CheckpointValue => {
    return findStorage(id, { archive, byteOrder, storages, fail })
  }
  const { value, end } = await unpickle(bytes, { limits, budget, place, persistentLoad })
  if (end === bytes.length) return value
  throw failure('TORCH_CHECKPOINT_CORRUPT', { ...place, offset: end }, 'Bytes follow the end of the pickle')
}

function findPickle({ source, root, entries }: ZipArchive): ZipEntry {
  const place = { path: source.path }
  const pickle = entries.get('data.pkl')
  if (pickle !== undefined) return pickle
  throw failure(
    'TORCH_CHECKPOINT_FORMAT',
    place,
    `Is a zip archive without ${shorten(root)}/data.pkl, so torch.save did not write it`,
  )
}

async function checkVersion(archive: ZipArchive): Promise<void> {
  const entry = archive.entries.get('version') ?? archive.entries.get('.data/version')
  if (entry === undefined) {
    throw failure(
      'TORCH_CHECKPOINT_CORRUPT',
      { path: archive.source.path },
      `The entry ${shorten(archive.root)}/version is missing`,
    )
  }
  const text = await readWord(archive, entry)
  const version = /^\d{1,3}$/.test(text) ? Number(text) : NaN
  if (version >= OLDEST_VERSION && version <= NEWEST_VERSION) return
  const found = `Expected a version from ${OLDEST_VERSION} to ${NEWEST_VERSION}, found ${describe(text)}`
  throw failure('TORCH_CHECKPOINT_UNSUPPORTED', { path: archive.source.path, entry: entry.name }, found)
}

/** Files of torch < 2.1 do not say; nearly all machines were little-endian. */
async function readByteOrder(archive: ZipArchive): Promise<'little' | 'big'> {
  const entry = archive.entries.get('byteorder')
  if (entry === undefined) return 'little'
  const text = await readWord(archive, entry)
  if (text === 'little' || text === 'big') return text
  const found = `Expected little or big, found ${describe(text)}`
  throw failure('TORCH_CHECKPOINT_CORRUPT', { path: archive.source.path, entry: entry.name }, found)
}

async function readWord({ source }: ZipArchive, entry: ZipEntry): Promise<string> {
  if (entry.size > MAX_WORD_BYTES) {
    const text = `Expected a word, found ${entry.size} bytes`
    throw failure('TORCH_CHECKPOINT_CORRUPT', { path: source.path, entry: entry.name }, text)
  }
  return Buffer.from(await readEntry(source, entry))
    .toString('latin1')
    .trim()
}

interface StorageLookup {
  readonly archive: ZipArchive
  readonly byteOrder: 'little' | 'big'
  readonly storages: Map<string, StoredStorage>
  readonly fail: Fail
}

/** The persistent id of a storage: `('storage', torch.FloatStorage, '0', 'cpu', number of elements)`. */
function findStorage(id: CheckpointValue, lookup: StorageLookup): StoredStorage {
  const { archive, byteOrder, storages, fail } = lookup
  const [tag, type, key, location, numel] = id instanceof PickleTuple ? id : []
  if (tag !== 'storage' || typeof key !== 'string' || typeof location !== 'string' || !isCount(numel)) {
    throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a storage for persistent id, found ${describeValue(id)}`)
  }
  const dtype = elementTypeOf(type, fail)
  const itemSize = ELEMENT_TYPES.get(dtype)?.bytes ?? 1
  // Before the name of its entry is put together, which may be long, and which a few bytes ask for again and again.
  const known = storages.get(key)
  // Exact, which a product is not: sizes are powers of two.
  if (known?.dtype === dtype && numel === known.nbytes / itemSize) return known
  const entry = archive.entries.get(`data/${key}`)
  if (entry === undefined) {
    throw fail('TORCH_CHECKPOINT_CORRUPT', `The entry ${shorten(archive.root)}/data/${shorten(key)} is missing`)
  }
  if (numel !== entry.size / itemSize) {
    const text = `The entry ${shorten(entry.name)} has ${entry.size} bytes, expected ${numel} elements of ${itemSize} bytes`
    throw fail('TORCH_CHECKPOINT_CORRUPT', text)
  }
  if (known !== undefined) {
    throw fail('TORCH_CHECKPOINT_CORRUPT', `Storage ${shorten(key)} is used as ${known.dtype} and as ${dtype}`)
  }
  const { name, dataOffset, compressedSize, method } = entry
  const source = archive.source.path ?? archive.source.bytes ?? new Uint8Array(0)
  const offset = (archive.source.start ?? 0) + dataOffset
  const record = { source, entry: name, offset, length: compressedSize, method }
  const storage = new StoredStorage({ key, dtype, nbytes: entry.size, location, byteOrder, record })
  storages.set(key, storage)
  return storage
}
