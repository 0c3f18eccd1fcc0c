import type { CheckpointFormat } from './contents.js'
import { failure } from './failure.js'
import { isLegacy } from './legacy/read.js'
import { describeTar } from './legacy/tar.js'
import { nameFile } from './name_file.js'
import type { ByteSource } from './source.js'

const HEAD_BYTES = 512

/**
 * Tells the format of a file by its first bytes; its name does not matter. The two kinds of zip archive differ inside.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_FORMAT` if it is no checkpoint, saying what it is where that is known;
 * `TORCH_CHECKPOINT_UNSUPPORTED` if it is one that is not read here, with what to do.
 */
export async function detectFormat(
  source: ByteSource,
): Promise<Exclude<CheckpointFormat, 'torchscript' | 'distcp' | 'pt2'>> {
  if (source.size === 0) throw failure('TORCH_CHECKPOINT_FORMAT', { path: source.path }, 'The file is empty')
  const head = await source.read(0, Math.min(source.size, HEAD_BYTES))
  if (startsWith(head, [0x50, 0x4b, 0x03, 0x04]) || startsWith(head, [0x50, 0x4b, 0x05, 0x06])) return 'zip'
  if (isLegacy(head)) return 'legacy'
  if (isSafetensors(head, source.size)) return 'safetensors'
  if (/^\s*\{/.test(asText(head))) return 'safetensors-index'
  throw failure(...refusal(head, source))
}

function refusal(head: Uint8Array, { path }: ByteSource): Parameters<typeof failure> {
  const tar = describeTar(head)
  if (tar !== undefined) return ['TORCH_CHECKPOINT_UNSUPPORTED', { path }, tar]
  return ['TORCH_CHECKPOINT_FORMAT', { path }, `Is not a checkpoint: ${nameFile(head)}`]
}

/** A header of JSON behind its 64-bit length. */
function isSafetensors(head: Uint8Array, size: number): boolean {
  if (head.length < 9 || head[8] !== 0x7b) return false
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true)
  return length >= 2n && length + 8n <= BigInt(size)
}

function asText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte)
}
