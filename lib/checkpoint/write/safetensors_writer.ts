import { describe, expected, quote } from '../../util/check.js'
import { writeAtomically, type Sink } from '../../util/atomic_file.js'
import { failure } from '../failure.js'
import { DEFAULT_LIMITS } from '../limits.js'
import { METADATA_KEY, SAFETENSORS_TYPES } from '../safetensors/types.js'

/** What the reference implementation aligns the data to, with spaces behind the header. */
const ALIGNMENT = 8

/** A tensor that is to be written. */
export interface DenseTensor {
  readonly name: string
  /** PyTorch's name; one that the format has too. */
  readonly dtype: string
  readonly shape: readonly number[]
  /** Gives the elements in row-major order, little-endian. */
  chunks(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/** By PyTorch's name: the name in the file, the bytes, and the place in the order. */
const TYPES = new Map(
  SAFETENSORS_TYPES.filter(({ bits }) => bits % 8 === 0).map(({ name, dtype, bits }, rank) => [
    dtype,
    { name, bytes: bits / 8, rank },
  ]),
)

/**
 * Makes a tensor for {@link writeSafetensors}; `chunks` is called when it is written.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for a name that the format cannot hold.
 * @throws {CheckpointError} `TORCH_CHECKPOINT_UNSUPPORTED` for an element type that it does not have.
 */
export function denseTensor(
  path: string,
  name: string,
  { dtype, shape }: Pick<DenseTensor, 'dtype' | 'shape'>,
  chunks: DenseTensor['chunks'],
): DenseTensor {
  if (TYPES.has(dtype)) return { name: checkName(name), dtype, shape, chunks }
  const text = `Tensor ${describe(name)} is of type ${dtype}, which safetensors does not have`
  throw failure('TORCH_CHECKPOINT_UNSUPPORTED', { path }, text)
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `name` is one that a tensor can have in the format. */
export function checkName(name: unknown): string {
  if (!isText(name) || name === METADATA_KEY) throw expected('names of tensors', 'the keys of tensors', name)
  return name
}

/** Tells strings that have a UTF-8 form: half of a character, which JavaScript's strings can hold, has none. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && !/\p{Surrogate}/u.test(value)
}

/**
 * Writes a safetensors file with the bytes that the reference implementation writes: tensors of wider types first, those
 * of one type by name. Names and metadata are text that UTF-8 can express; no name is `__metadata__`.
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly DenseTensor[],
  metadata: ReadonlyMap<string, string> | null,
  signal?: AbortSignal,
): Promise<void> {
  const sorted = sort(tensors)
  const header = headerOf(sorted, metadata)
  if (header.length > DEFAULT_LIMITS.headerBytes) {
    const text = `The header would have ${header.length} bytes, more than any reader accepts`
    throw failure('TORCH_CHECKPOINT_UNSUPPORTED', { path }, text)
  }
  const write = async (sink: Sink): Promise<void> => {
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(header.length))
    await sink(length)
    await sink(header)
    for (const tensor of sorted) {
      let written = 0
      for await (const chunk of tensor.chunks()) {
        written += chunk.length
        await sink(chunk)
      }
      if (written !== bytesOf(tensor)) {
        throw new RangeError(`Tensor ${quote(tensor.name)} has ${written} bytes, expected ${bytesOf(tensor)}`)
      }
    }
  }
  await writeAtomically(path, write, signal)
}

/** The reference compares names by their bytes, which is not how JavaScript compares strings. */
function sort(tensors: readonly DenseTensor[]): DenseTensor[] {
  const keyed = tensors.map((tensor) => ({ tensor, key: Buffer.from(tensor.name, 'utf8') }))
  const rank = ({ dtype }: DenseTensor): number => TYPES.get(dtype)?.rank ?? 0
  keyed.sort((a, b) => rank(b.tensor) - rank(a.tensor) || Buffer.compare(a.key, b.key))
  return keyed.map(({ tensor }) => tensor)
}

function headerOf(tensors: readonly DenseTensor[], metadata: ReadonlyMap<string, string> | null): Uint8Array {
  const parts: string[] = []
  // Not `JSON.stringify` of an object: it would move keys that look like integers.
  if (metadata !== null) {
    const texts = [...metadata].map(([key, text]) => `${JSON.stringify(key)}:${JSON.stringify(text)}`)
    parts.push(`"${METADATA_KEY}":{${texts.join(',')}}`)
  }
  let begin = 0
  for (const tensor of tensors) {
    const end = begin + bytesOf(tensor)
    const dtype = TYPES.get(tensor.dtype)?.name
    parts.push(
      `${JSON.stringify(tensor.name)}:${JSON.stringify({ dtype, shape: tensor.shape, data_offsets: [begin, end] })}`,
    )
    begin = end
  }
  const text = Buffer.from(`{${parts.join(',')}}`, 'utf8')
  const padding = (ALIGNMENT - (text.length % ALIGNMENT)) % ALIGNMENT
  return Buffer.concat([text, Buffer.alloc(padding, ' ')])
}

function bytesOf({ dtype, shape }: DenseTensor): number {
  return shape.reduce((product, size) => product * size, TYPES.get(dtype)?.bytes ?? 1)
}
