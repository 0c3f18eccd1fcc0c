import type { CheckpointFormat } from './contents.js'
import { failure } from './failure.js'
import { isLegacy } from './legacy/read.js'
import { describeTar } from './legacy/tar.js'
import type { ByteSource } from './source.js'

const HEAD_BYTES = 512
const PICKLE_PROTO = 0x80

/**
 * Tells the format of a file by its first bytes; its name does not matter. The two kinds of zip archive differ inside.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_FORMAT` if it is no checkpoint, saying what it is where that is known;
 * `TORCH_CHECKPOINT_UNSUPPORTED` if it is one that is not read here, with what to do.
 */
export async function detectFormat(source: ByteSource): Promise<Exclude<CheckpointFormat, 'torchscript'>> {
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
  return ['TORCH_CHECKPOINT_FORMAT', { path }, `Is not a checkpoint: ${nameOther(head)}`]
}

/** A header of JSON behind its 64-bit length. */
function isSafetensors(head: Uint8Array, size: number): boolean {
  if (head.length < 9 || head[8] !== 0x7b) return false
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true)
  return length >= 2n && length + 8n <= BigInt(size)
}

function nameOther(head: Uint8Array): string {
  const text = asText(head)
  if (text.startsWith('version https://git-lfs'))
    return 'it is a Git LFS pointer; fetch the real file with `git lfs pull`'
  if (/^\s*(<!doctype html|<html)/i.test(text))
    return 'it is a web page; the download got an HTML page instead of the file'
  if (startsWith(head, [0x89, 0x48, 0x44, 0x46])) return 'it is an HDF5 file, such as Keras writes'
  if (startsWith(head, [0x1f, 0x8b])) return 'it is compressed with gzip; unpack it first'
  if (startsWith(head, [0x93, 0x4e, 0x55, 0x4d])) return 'it is a numpy array'
  if (text.startsWith('GGUF')) return 'it is a GGUF file, such as llama.cpp reads'
  if (head[0] === PICKLE_PROTO) return 'it is a plain pickle; only what torch.save wrote is read'
  if (isText(head)) return 'it is text'
  const bytes = Buffer.from(head.subarray(0, 8)).toString('hex').replace(/../g, '$& ').trim()
  return `its first bytes are ${bytes}`
}

function isText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d)
}

function asText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte)
}
