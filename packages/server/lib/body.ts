import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { gunzip, inflate } from 'node:zlib'

import { TorchError } from 'napi-torch'
import { badRequest, tooLarge } from './status.js'

const DECOMPRESS = { gzip: promisify(gunzip), deflate: promisify(inflate) } as const

/** Memory that the bodies of all requests may hold together. */
export class ByteBudget {
  readonly #limit: number
  #used = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get used(): number {
    return this.#used
  }

  /** Gives the part of a request, which is let go as a whole. */
  open(): ByteShare {
    let held = 0
    return {
      take: (bytes) => {
        if (this.#used + bytes > this.#limit) {
          const message = `The bodies of the requests under way have ${this.#used} bytes, and ${this.#limit} may (maxBytesInFlight)`
          throw new TorchError('TORCH_QUEUE_FULL', message)
        }
        this.#used += bytes
        held += bytes
      },
      release: () => {
        this.#used -= held
        held = 0
      },
    }
  }
}

/** The part of a {@link ByteBudget} that a request holds. */
export interface ByteShare {
  /** @throws {TorchError} `TORCH_QUEUE_FULL` */
  take(bytes: number): void
  release(): void
}

/** What {@link readBody} keeps to. */
export interface BodyLimits {
  readonly maxBodyBytes: number
  readonly share: ByteShare
  /** The byte of the body that should lie where a float may, so that tensors need not be copied. Default: `0`. */
  readonly alignedByte?: number | undefined
}

/**
 * Reads the body of a request, and decompresses it: neither form may be longer than the limit, which is looked at before
 * memory is taken.
 *
 * @throws {TorchError} `TORCH_TOO_LARGE`, `TORCH_MEDIA_TYPE` for an unknown encoding, `TORCH_REQUEST` if the body ends early
 * or is damaged, `TORCH_QUEUE_FULL` if all bodies together are too many.
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
    throw tooLarge(`The body has ${declared} bytes, and ${maxBodyBytes} may be (maxBodyBytes)`)
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
          throw tooLarge(`The body has more than ${maxBodyBytes} bytes (maxBodyBytes)`)
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

/** Pieces from this size on are kept as they are. */
const WHOLE_PIECE_BYTES = 2 ** 14
const BLOCK_BYTES = 2 ** 16
const FLOAT_BYTES = 4

/** What has come of a body. Small pieces are put together: a list of pieces of one byte would cost a hundred times the body. */
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

  /** Gives all in one buffer, in which byte `alignedByte` lies at a multiple of 4 bytes. */
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

/** Bytes of the first guess of what a body unpacks to, as a multiple of its packed size. */
const USUAL_RATIO = 4

async function decompress(
  raw: Buffer,
  encoding: keyof typeof DECOMPRESS,
  limit: number,
  share: ByteShare,
): Promise<Buffer> {
  share.take(Math.min(limit, raw.length * USUAL_RATIO))
  try {
    return await DECOMPRESS[encoding](raw, { maxOutputLength: limit })
  } catch (error) {
    if (error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
      throw tooLarge(`The body unpacks to more than ${limit} bytes (maxBodyBytes)`)
    }
    throw badRequest(`The body is not valid ${encoding}`, error)
  }
}
