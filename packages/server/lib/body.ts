import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { createGunzip, createInflate } from 'node:zlib'

import { TorchError } from 'napi-torch'
import type { BodyShare } from './body_budget.js'
import type { BodyPool } from './body_pool.js'
import { freeMemory } from './free_memory.js'
import { badRequest, tooLarge } from './status.js'
import { Turns } from './turns.js'
import { isError } from 'napi-torch/internal'

const DECOMPRESS = { gzip: createGunzip, deflate: createInflate } as const

/** Bytes that a decompressor gives at a time: memory of this size goes back to the system as soon as it is free. */
const INFLATED_PIECE_BYTES = 2 ** 18

/** Limits of {@link readBody}. */
export interface BodyLimits {
  readonly maxBodyBytes: number
  readonly share: BodyShare
  /** A byte of the body that should be aligned for float32, so that tensors need not be copied. Default: `0`. */
  readonly alignedByte?: number | undefined
  /** Memory of former bodies. */
  readonly pool: BodyPool
  /** Called when the headers are as they should be, and the body will be read. */
  readonly welcome?: () => void
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
  limits.welcome?.()
  const raw = await collect(request, limits)
  if (encoding === 'identity' || raw.length === 0) return raw
  const body = await decompress(raw, encoding, limits)
  limits.pool.give(raw)
  share.give(raw.length)
  return body
}

function isKnown(encoding: string): encoding is keyof typeof DECOMPRESS {
  return Object.hasOwn(DECOMPRESS, encoding)
}

function collect(
  request: IncomingMessage,
  { maxBodyBytes, share, alignedByte = 0, pool }: BodyLimits,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces = new Pieces(pool, alignedByte, Number(request.headers['content-length'] ?? 0))
    const refuse = (error: unknown): void => {
      pieces.drop()
      finish(() => reject(isError(error) ? error : new TypeError(String(error))))
    }
    const arrived = share.arriving(refuse)
    const finish = (settle: () => void): void => {
      arrived()
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
        refuse(error)
      }
    }
    const onEnd = (): void => finish(() => resolve(pieces.join()))
    const onClose = (): void => refuse(badRequest('The connection was closed before the body was complete'))
    request.on('data', onData).on('end', onEnd).on('error', onClose).on('close', onClose)
  })
}

/** Pieces of at least this size are kept as they are. */
const WHOLE_PIECE_BYTES = 2 ** 14
const BLOCK_BYTES = 2 ** 16
const FLOAT_BYTES = 4

/**
 * The pieces of a body. Those of one whose length is known go straight into memory of a former body, if there is any. Otherwise small
 * ones are merged: a list of pieces of one byte would take a hundred times the memory of the body.
 */
class Pieces {
  readonly #pool: BodyPool
  /** Where the body begins in its memory, so that its aligned byte is at a multiple of 4 bytes. */
  readonly #start: number
  readonly #pieces: Buffer[] = []
  #whole: Buffer | null
  #block = Buffer.alloc(0)
  #used = 0
  #length = 0

  constructor(pool: BodyPool, alignedByte: number, length = 0) {
    this.#pool = pool
    this.#start = (FLOAT_BYTES - (alignedByte % FLOAT_BYTES)) % FLOAT_BYTES
    this.#whole = pool.reuse(this.#start + length)
  }

  get length(): number {
    return this.#length
  }

  add(piece: Buffer): void {
    if (this.#whole !== null) {
      this.#length += piece.copy(this.#whole, this.#start + this.#length)
      freeMemory(piece)
      return
    }
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
    freeMemory(piece)
  }

  /** Joins all pieces into one buffer. */
  async join(): Promise<Buffer> {
    this.#endRun()
    const [only] = this.#pieces
    if (only !== undefined && this.#pieces.length === 1 && (only.byteOffset - this.#start) % FLOAT_BYTES === 0)
      return only
    const end = this.#start + this.#length
    const whole = this.#whole ?? this.#pool.allocate(end)
    let at = this.#start
    const turns = new Turns()
    for (const piece of this.#pieces) {
      at += piece.copy(whole, at)
      freeMemory(piece)
      await turns.next()
    }
    return whole.subarray(this.#start, end)
  }

  /** Gives its memory back: what arrived of the body is not wanted. */
  drop(): void {
    if (this.#whole !== null) this.#pool.give(this.#whole)
    this.#whole = null
    this.#pieces.length = 0
  }

  #endRun(): void {
    if (this.#used === 0) return
    this.#pieces.push(this.#block.subarray(0, this.#used))
    this.#block = this.#block.subarray(this.#used)
    this.#used = 0
  }
}

async function decompress(
  raw: Buffer,
  encoding: keyof typeof DECOMPRESS,
  { maxBodyBytes, share, alignedByte = 0, pool }: BodyLimits,
): Promise<Buffer> {
  const pieces = new Pieces(pool, alignedByte)
  const inflated = Readable.from([raw]).pipe(DECOMPRESS[encoding]({ chunkSize: INFLATED_PIECE_BYTES }))
  try {
    for await (const piece of inflated as AsyncIterable<Buffer>) {
      if (pieces.length + piece.length > maxBodyBytes) {
        throw tooLarge(
          `Expected a body of at most ${maxBodyBytes} bytes after decompression (maxBodyBytes), received more`,
        )
      }
      share.take(piece.length)
      pieces.add(piece)
    }
  } catch (error) {
    if (error instanceof TorchError) throw error
    throw badRequest(`The body is not valid ${encoding}`, error)
  }
  return pieces.join()
}

/** Limits of {@link discard}. */
export interface DiscardLimits {
  readonly discardMs: number
  readonly maxDiscardBytes: number
}

/**
 * Reads the rest of a body that was refused, and drops it: a client that is still sending would otherwise see a reset connection
 * instead of the response. One that sends for too long, or too much, loses the connection.
 */
export function discard(request: IncomingMessage, { discardMs, maxDiscardBytes }: DiscardLimits): void {
  if (request.complete || request.destroyed) return
  let bytes = 0
  const close = (): void => void request.socket.destroy()
  const timer = setTimeout(close, discardMs)
  const onData = (piece: Buffer): void => {
    bytes += piece.length
    if (bytes > maxDiscardBytes) close()
  }
  const onEnd = (): void => {
    clearTimeout(timer)
    request.off('data', onData).off('end', onEnd).off('close', onEnd)
  }
  request.on('data', onData).on('end', onEnd).on('close', onEnd)
}
