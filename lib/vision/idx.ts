import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'

import { checkString, describeShape, shorten } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { hasCode, readBytes, reasonOf } from '../util/errno.js'

/** An array of bytes out of an IDX file. */
export interface IdxArray {
  /** Sizes of the dimensions, from the outermost: (N,) for labels, (N, H, W) for images. */
  readonly shape: readonly number[]
  /** The elements, row-major. */
  readonly data: Uint8Array
}

/** The most bytes that a packed IDX file may unpack to: 1 GiB, against archives of few bytes that fill the memory. */
export const MAX_IDX_BYTES = 2 ** 30

const UNSIGNED_BYTE = 0x08

/**
 * Reads an IDX file of unsigned bytes, the format of MNIST and Fashion-MNIST, plain or packed with gzip.
 *
 * @throws {TorchError} `TORCH_DATASET` if the file cannot be read, or is not such a file.
 */
export async function readIdx(path: string): Promise<IdxArray> {
  checkString('path', path)
  const stored = await readBytes(path, 'TORCH_DATASET')
  const isPacked = stored[0] === 0x1f && stored[1] === 0x8b
  return parseIdx(path, isPacked ? await unpack(path, stored) : stored)
}

function parseIdx(path: string, bytes: Uint8Array): IdxArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 4)
    throw failure(path, `Expected 4 bytes of an IDX header, but the file ends at byte ${bytes.length}`)
  const magic = view.getUint32(0)
  const type = (magic >> 8) & 0xff
  const rank = magic & 0xff
  if (magic >>> 16 !== 0 || type !== UNSIGNED_BYTE || rank === 0) {
    const wanted = '0x00000803 for images or 0x00000801 for labels'
    throw failure(
      path,
      `Expected the magic number ${wanted} at byte 0, received 0x${magic.toString(16).padStart(8, '0')}`,
    )
  }

  const headerSize = 4 + 4 * rank
  if (bytes.length < headerSize) {
    throw failure(path, `Expected ${headerSize} bytes of an IDX header, but the file ends at byte ${bytes.length}`)
  }
  const shape = Array.from({ length: rank }, (_, dim) => view.getUint32(4 + 4 * dim))
  // As bigints: the sizes of a damaged header multiply past what a double holds.
  const expected = shape.reduce((product, size) => product * BigInt(size), 1n)
  const received = bytes.length - headerSize
  if (expected !== BigInt(received)) {
    const sizes = describeShape(shape)
    throw failure(path, `Expected ${expected} bytes at byte ${headerSize} for the sizes ${sizes}, received ${received}`)
  }
  return { shape, data: bytes.subarray(headerSize) }
}

async function unpack(path: string, packed: Uint8Array): Promise<Uint8Array> {
  return promisify(gunzip)(packed, { maxOutputLength: MAX_IDX_BYTES }).catch((cause: unknown) => {
    const isTooLarge = hasCode(cause, 'ERR_BUFFER_TOO_LARGE')
    const text = isTooLarge ? `more than MAX_IDX_BYTES, which is ${MAX_IDX_BYTES}` : reasonOf(cause)
    throw failure(path, `Cannot be unpacked: ${text}`, cause)
  })
}

function failure(path: string, text: string, cause?: unknown): TorchError {
  return new TorchError('TORCH_DATASET', `${shorten(path)}: ${text}`, { cause })
}
