import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { gunzip, inflate } from 'node:zlib'

import { TorchError } from '../errors.js'
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
}

/**
 * Reads the body of a request, and decompresses it: neither form may be longer than the limit, which is looked at before
 * memory is taken.
 *
 * @throws {TorchError} `TORCH_TOO_LARGE`, `TORCH_MEDIA_TYPE` for an unknown encoding, `TORCH_REQUEST` if the body ends early
 * or is damaged, `TORCH_QUEUE_FULL` if all bodies together are too many.
 */
export async function readBody(request: IncomingMessage, { maxBodyBytes, share }: BodyLimits): Promise<Buffer> {
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
  const raw = await collect(request, maxBodyBytes, share)
  if (encoding === 'identity' || raw.length === 0) return raw
  return decompress(raw, encoding, maxBodyBytes, share)
}

function isKnown(encoding: string): encoding is keyof typeof DECOMPRESS {
  return Object.hasOwn(DECOMPRESS, encoding)
}

const FIRST_BYTES = 4096

/** Puts the pieces into one buffer that grows by doubling: a list of pieces of one byte would cost a hundred times the body. */
function collect(request: IncomingMessage, limit: number, share: ByteShare): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let buffer = Buffer.alloc(0)
    let length = 0
    const finish = (settle: () => void): void => {
      request.off('data', onData).off('end', onEnd).off('error', onClose).off('close', onClose)
      settle()
    }
    const onData = (piece: Buffer): void => {
      try {
        const needed = length + piece.length
        if (needed > limit) throw tooLarge(`The body has more than ${limit} bytes (maxBodyBytes)`)
        if (needed > buffer.length) {
          // Not as much as was declared: a client that declares much and sends little holds little.
          const size = Math.min(limit, Math.max(needed, buffer.length * 2, FIRST_BYTES))
          share.take(size - buffer.length)
          const larger = Buffer.allocUnsafeSlow(size)
          buffer.copy(larger, 0, 0, length)
          buffer = larger
        }
        piece.copy(buffer, length)
        length = needed
      } catch (error) {
        finish(() => {
          request.resume()
          reject(error instanceof Error ? error : new TypeError(String(error)))
        })
      }
    }
    const onEnd = (): void => finish(() => resolve(buffer.subarray(0, length)))
    const onClose = (): void =>
      finish(() => reject(badRequest('The connection was closed before the body was complete')))
    request.on('data', onData).on('end', onEnd).on('error', onClose).on('close', onClose)
  })
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
