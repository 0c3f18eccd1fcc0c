import type { ServerHttp2Stream } from 'node:http2'

import { isUint8Array } from 'napi-torch/internal'
import type { BodyShare } from '../body_budget.js'
import { internalsOf } from './internals.js'

/** Memory of a piece of a message beside its bytes: a client may send them one by one. */
const PIECE_BYTES = 256

/** What a byte of gzip or deflate unpacks to at most: https://zlib.net/zlib_tech.html. */
const MAX_RATIO = 1032

/** Options of {@link Arrival}. */
export interface ArrivalOptions {
  readonly share: BodyShare
  readonly maxBodyBytes: number
  /** Whether several messages may come. */
  readonly isStream: boolean
  /** Called if the messages arrive too slowly, or there is no memory for them. */
  readonly refuse: (reason: unknown) => void
}

/**
 * Takes the memory of the messages of a call while they arrive. grpc-js shows a message only when it is there as a whole and
 * unpacked; then, thousands of calls could have filled the memory already.
 */
export class Arrival {
  readonly #options: ArrivalOptions
  readonly #stream: ServerHttp2Stream
  readonly #isPacked: boolean
  readonly #arrived: () => void
  /** Taken since the last message. */
  #taken = 0
  /** Taken of that for what will be unpacked. */
  #unpacked = 0
  #isOver = false
  /** What messages of a stream hold. */
  readonly #held = new WeakMap<object, number>()

  constructor(call: object, options: ArrivalOptions) {
    this.#options = options
    const { stream, incomingEncoding } = internalsOf(call)
    this.#stream = stream
    this.#isPacked = incomingEncoding !== 'identity'
    // The messages of a stream may be minutes apart.
    this.#arrived = options.isStream ? () => undefined : options.share.arriving((reason) => this.#refuse(reason))
    // It is paused, and does not begin to flow by this.
    stream.on('data', (piece: Uint8Array) => this.#note(piece))
  }

  /** Whether the client left, in contrast to a message that grpc-js itself refuses. */
  get isClientGone(): boolean {
    return this.#stream.aborted || this.#stream.destroyed || this.#stream.closed
  }

  /** Notes that a message has arrived. grpc-js joins its pieces, and keeps both. @throws {TorchError} `TORCH_QUEUE_FULL` */
  complete(message: unknown): void {
    this.#arrived()
    this.#give(this.#unpacked)
    this.#unpacked = 0
    if (!isUint8Array(message)) return
    this.#take(message.length)
    this.#held.set(message, this.#taken)
    this.#taken = 0
  }

  /** Gives back what a message of a stream held. */
  release(message: object): void {
    this.#options.share.give(this.#held.get(message) ?? 0)
    this.#held.delete(message)
  }

  /** Ends the counting: the call is over. */
  end(): void {
    this.#isOver = true
    this.#arrived()
  }

  #note(piece: Uint8Array): void {
    if (this.#isOver) return
    try {
      this.#take(piece.length + PIECE_BYTES)
      if (!this.#isPacked) return
      const more = Math.min(MAX_RATIO * piece.length, this.#options.maxBodyBytes - this.#unpacked)
      this.#take(more)
      this.#unpacked += more
    } catch (error) {
      this.#refuse(error)
    }
  }

  #refuse(reason: unknown): void {
    if (this.#isOver) return
    this.end()
    this.#options.refuse(reason)
  }

  #take(bytes: number): void {
    this.#options.share.take(bytes)
    this.#taken += bytes
  }

  #give(bytes: number): void {
    this.#options.share.give(bytes)
    this.#taken -= bytes
  }
}
