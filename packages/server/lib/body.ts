import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { gunzip, inflate } from 'node:zlib'

import { TorchError } from 'napi-torch'
import type { BodyShare } from './admission.js'
import { badRequest, tooLarge } from './status.js'

const DECOMPRESS = { gzip: promisify(gunzip), deflate: promisify(inflate) } as const

/** Limits of {@link readBody}. */
export interface BodyLimits {
  readonly maxBodyBytes: number
  readonly share: BodyShare
  /** A byte of the body that should be aligned for float32, so that tensors need not be copied. Default: `0`. */
  readonly alignedByte?: number | undefined
}

/**
 * Reads the body of a request and decompresses it. Neither form may be longer than `maxBodyBytes`, which is checked before
 * memory is allocated.
 *
 * @throws {TorchError} `TORCH_TOO_LARGE`; `TORCH_MEDIA_TYPE` for an unknown encoding; `TORCH_REQUEST` if the body ends early
 * or is damaged; `TORCH_QUEUE_FULL` if all bodies together are too large.
 */
export async function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  const { maxBodyBytes, share } = limits
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  if (encoding !== 'identity' && !isKnown(encoding)) {
    throw new TorchError(
      'TORCH_MEDIA_TYPE',
      `Expected gzip, deflate or identity for Content-Encoding, received '${encoding}'`,
    )
  }
  const declared = Number(request.headers['content-length'] ?? 0)
  if (declared > maxBodyBytes) {
    throw tooLarge(`Expected a body of at most ${maxBodyBytes} bytes (maxBodyBytes), received ${declared}`)
  }
  const raw = await collect(request, limits)
  if (encoding === 'identity' || raw.length === 0) return raw
  return decompress(raw, encoding, maxBodyBytes, share)
}

function isKnown(encoding: string): encoding is keyof typeof DECOMPRESS {
  return Object.hasOwn(DECOMPRESS, encoding)
}

function collect(request: IncomingMessage, { maxBodyBytes, share, alignedByte = 0 }: BodyLimits): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces = new Pieces()
    const finish = (settle: () => void): void => {
      request.off('data', onData).off('end', onEnd).off('error', onClose).off('close', onClose)
      settle()
    }
    const onData = (piece: Buffer): void => {
      try {
        if (pieces.length + piece.length > maxBodyBytes) {
          throw tooLarge(`Expected a body of at most ${maxBodyBytes} bytes (maxBodyBytes), received more`)
        }
        share.take(piece.length)
        pieces.add(piece)
      } catch (error) {
        finish(() => {
          request.resume()
          reject(error instanceof Error ? error : new TypeError(String(error)))
        })
      }
    }
    const onEnd = (): void => finish(() => resolve(pieces.join(alignedByte)))
    const onClose = (): void =>
      finish(() => reject(badRequest('The connection was closed before the body was complete')))
    request.on('data', onData).on('end', onEnd).on('error', onClose).on('close', onClose)
  })
}

/** Pieces of at least this size are kept as they are. */
const WHOLE_PIECE_BYTES = 2 ** 14
const BLOCK_BYTES = 2 ** 16
const FLOAT_BYTES = 4

/** The pieces of a body. Small ones are merged: a list of pieces of one byte would take a hundred times the memory of the body. */
class Pieces {
  readonly #pieces: Buffer[] = []
  #block = Buffer.alloc(0)
  #used = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  add(piece: Buffer): void {
    this.#length += piece.length
    if (piece.length >= WHOLE_PIECE_BYTES) {
      this.#endRun()
      this.#pieces.push(piece)
      return
    }
    for (let at = 0; at < piece.length;) {
      if (this.#used === this.#block.length) {
        this.#endRun()
        this.#block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
      }
      const copied = piece.copy(this.#block, this.#used, at)
      at += copied
      this.#used += copied
    }
  }

  /** Joins all pieces into one buffer, in which byte `alignedByte` is at a multiple of 4 bytes. */
  join(alignedByte: number): Buffer {
    this.#endRun()
    const [only] = this.#pieces
    if (only !== undefined && this.#pieces.length === 1 && (only.byteOffset + alignedByte) % FLOAT_BYTES === 0)
      return only
    const start = (FLOAT_BYTES - (alignedByte % FLOAT_BYTES)) % FLOAT_BYTES
    const whole = Buffer.allocUnsafeSlow(start + this.#length)
    let at = start
    for (const piece of this.#pieces) at += piece.copy(whole, at)
    return whole.subarray(start)
  }

  #endRun(): void {
    if (this.#used === 0) return
    this.#pieces.push(this.#block.subarray(0, this.#used))
    this.#block = this.#block.subarray(this.#used)
    this.#used = 0
  }
}

/** First estimate of the decompressed size of a body, as a multiple of its compressed size. */
const USUAL_RATIO = 4

async function decompress(
  raw: Buffer,
  encoding: keyof typeof DECOMPRESS,
  limit: number,
  share: BodyShare,
): Promise<Buffer> {
  share.take(Math.min(limit, raw.length * USUAL_RATIO))
  try {
    return await DECOMPRESS[encoding](raw, { maxOutputLength: limit })
  } catch (error) {
    if (error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
      throw tooLarge(`Expected a body of at most ${limit} bytes after decompression (maxBodyBytes), received more`)
    }
    throw badRequest(`The body is not valid ${encoding}`, error)
  }
}
