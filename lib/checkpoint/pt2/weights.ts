import { shorten } from '../../util/check.js'
import { ELEMENT_TYPES } from '../element_types.js'
import { failure, type Fail } from '../failure.js'
import { pastLimit, type CheckpointLimits } from '../limits.js'
import { TENSOR_BYTES, type Budget } from '../budget.js'
import { checkGeometry, StoredStorage, StoredTensor } from '../stored.js'
import type { ZipArchive, ZipEntry } from '../zip/archive.js'
import type { JsonField } from './fields.js'
import { checkLayout, readDType } from './operands.js'

/** What the tensors of a program are read with. */
export interface WeightsContext {
  readonly archive: ZipArchive
  readonly byteOrder: 'little' | 'big'
  readonly limits: CheckpointLimits
  readonly budget: Budget
  readonly fail: Fail
}

/**
 * Reads the index of the tensors in a folder: `{ "config": { key: { "path_name", "tensor_meta", … } } }`. Tensors of one entry
 * share its memory.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_UNSUPPORTED` for what was pickled; `TORCH_CHECKPOINT_CORRUPT` if an entry is
 * missing or a tensor reaches outside it.
 */
export function readWeights(index: JsonField, folder: string, context: WeightsContext): Map<string, StoredTensor> {
  const { archive, limits, budget, fail } = context
  const listed = index.get('config').entries()
  if (listed.length > limits.tensors)
    throw pastLimit(fail, limits, 'tensors', `The program has ${listed.length} tensors`)
  budget.takeMemory(TENSOR_BYTES * listed.length, fail)
  const storages = new Map<string, StoredStorage>()
  const tensors = new Map<string, StoredTensor>()
  for (const [key, field] of listed) {
    if (field.get('use_pickle').boolean()) {
      const text = `${shorten(key)} is pickled, as tensors of other classes and objects are, and pickles of programs are not read`
      throw fail('TORCH_CHECKPOINT_UNSUPPORTED', text)
    }
    const name = field.get('path_name').text()
    const entry = archive.entries.get(`${folder}/${name}`)
    if (entry === undefined) throw field.wrong(`an entry ${shorten(`${folder}/${name}`)} of the archive`)
    tensors.set(key, readTensor(field, entry, storages, context))
  }
  return tensors
}

function readTensor(
  field: JsonField,
  entry: ZipEntry,
  storages: Map<string, StoredStorage>,
  { archive, byteOrder, limits }: WeightsContext,
): StoredTensor {
  const meta = field.get('tensor_meta')
  checkLayout(meta.get('layout'))
  const dtype = readDType(meta.get('dtype'))
  const type = ELEMENT_TYPES.get(dtype)
  if (type === undefined) throw meta.unknown(`the element type ${dtype}`)
  const numbers = (key: string): number[] => {
    const list = meta.get(key).list()
    if (list.length > limits.dimensions) throw meta.get(key).wrong(`at most ${limits.dimensions} dimensions`)
    return list.map((size) => size.get('as_int').natural())
  }
  const storage = storages.get(entry.name) ?? storageOf(entry, dtype, { archive, byteOrder })
  storages.set(entry.name, storage)
  const isParameter = field.get('is_param').boolean()
  const requiresGrad = meta.get('requires_grad').boolean()
  const storageOffset = meta.get('storage_offset').get('as_int').natural()
  const parts = { storage, dtype, shape: numbers('sizes'), strides: numbers('strides'), storageOffset, requiresGrad }
  checkGeometry(parts, type, limits, (code, text) =>
    failure(code, { path: archive.source.path, entry: entry.name }, text),
  )
  return new StoredTensor(parts, { isParameter })
}

function storageOf(
  entry: ZipEntry,
  dtype: string,
  { archive, byteOrder }: Pick<WeightsContext, 'archive' | 'byteOrder'>,
): StoredStorage {
  const { name, dataOffset, compressedSize, method } = entry
  const source = archive.source.path ?? archive.source.bytes ?? new Uint8Array(0)
  const offset = (archive.source.start ?? 0) + dataOffset
  const record = { source, entry: name, offset, length: compressedSize, method }
  return new StoredStorage({ key: name, dtype, nbytes: entry.size, location: 'cpu', byteOrder, record })
}
