import { Budget } from '../budget.js'
import type { CheckpointContents } from '../contents.js'
import { failAt, type Fail } from '../failure.js'
import type { CheckpointLimits } from '../limits.js'
import { LegacyStorages } from './storages.js'
import { unpickle } from '../pickle/read.js'
import type { UnpickleOptions } from '../pickle/machine.js'
import { findPickleEnd } from '../pickle/extent.js'
import type { ByteSource } from '../source.js'
import { describeValue, type CheckpointValue } from '../values.js'
import { isMap } from '../../util/realm.js'

/** The first pickle: what PyTorch before 1.6 wrote to be recognized. */
const MAGIC_NUMBER = 0x1950a86a20f9469cfc6cn
const PROTOCOL_VERSION = 1001

/** Magic number, protocol, system information, the object, the keys of the storages. */
const PICKLES = 5

/** How the pickled magic number begins: in protocols 0 and 1, 2 and 3, 4 and 5. */
const BEGINNINGS: readonly RegExp[] = [
  /^L119547037146038801333356L\n/,
  // eslint-disable-next-line no-control-regex -- These are bytes.
  /^\x80[\x02-\x05](\x95[^]{8})?\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19/,
]

/** Tells by its first 64 bytes whether a file is of PyTorch before 1.6, or was written in that format later. */
export function isLegacy(head: Uint8Array): boolean {
  const text = Buffer.from(head.subarray(0, 64)).toString('latin1')
  return BEGINNINGS.some((beginning) => beginning.test(text))
}

/**
 * Reads the format of torch.save before version 1.6, which later versions write on request: five pickles in a row, then
 * for each storage its number of elements and their bytes. Of the latter only the numbers are read.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_CORRUPT` if a part is missing, or the parts do not name the same storages.
 */
export async function readLegacy(
  source: ByteSource,
  limits: CheckpointLimits,
  budget = new Budget(limits, source.size),
): Promise<CheckpointContents> {
  const place = { path: source.path }
  let end = 0
  for (let pickle = 0; pickle < PICKLES; pickle++) end = await findPickleEnd(source, end, limits)
  const bytes = await source.read(0, end)

  let start = 0
  const read = async (persistentLoad?: UnpickleOptions['persistentLoad']): Promise<CheckpointValue> => {
    const unpickled = await unpickle(bytes, { limits, budget, place, start, ...(persistentLoad && { persistentLoad }) })
    start = unpickled.end
    return unpickled.value
  }
  checkMagic(await read(), failAt({ ...place, offset: 0 }))
  checkProtocol(await read(), failAt(place))
  const byteOrder = readByteOrder(await read(), failAt(place))
  const storages = new LegacyStorages(source, budget)
  const root = await read((id, fail) => storages.load(id, fail))
  await storages.locate(await read(), end)
  return { format: 'legacy', root, byteOrder, size: source.size, metadata: null }
}

function checkMagic(magic: CheckpointValue, fail: Fail): void {
  if (magic === MAGIC_NUMBER) return
  throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected PyTorch's magic number, found ${describeValue(magic)}`)
}

function checkProtocol(protocol: CheckpointValue, fail: Fail): void {
  if (protocol === PROTOCOL_VERSION) return
  const text = `Expected version ${PROTOCOL_VERSION} of the format, found ${describeValue(protocol)}`
  throw fail('TORCH_CHECKPOINT_UNSUPPORTED', text)
}

/** What the machine was. The file is little-endian all the same: PyTorch converted before it wrote. */
function readByteOrder(system: CheckpointValue, fail: Fail): 'little' | 'big' {
  if (!isMap(system)) {
    throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected facts of the system, found ${describeValue(system)}`)
  }
  const isLittle = system.get('little_endian')
  if (isLittle === undefined || isLittle === true) return 'little'
  if (isLittle === false) return 'big'
  throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a boolean for little_endian, found ${describeValue(isLittle)}`)
}
