import type { BodyShare } from '../body_budget.js'
import { PackedElements } from '../oip/request.js'
import type { Turns } from '../turns.js'
import { malformed, readVarint, WIRE_TYPES, type MessageField } from './message_fields.js'

/** Bytes that are decoded between two looks at the clock: less than a millisecond. */
const PIECE_BYTES = 2 ** 16

const FLOAT_BYTES = 4

/**
 * The elements of a repeated field of numbers, as bytes: float32 as they are, numbers of variable length as bytes of their own, of
 * which the first that is larger is kept. A list comes packed, element by element, or as any mixture of the two.
 */
export class ElementList {
  readonly #kind: 'varint' | 'float32'
  readonly #share: Pick<BodyShare, 'take'>
  /** The only piece so far: that of a whole tensor is used where it is. */
  #only: Uint8Array | null = null
  #bytes = new Uint8Array(0)
  #length = 0
  #tooLarge: number | null = null

  constructor(kind: 'varint' | 'float32', share: Pick<BodyShare, 'take'>) {
    this.#kind = kind
    this.#share = share
  }

  /** Number of elements. */
  get length(): number {
    return this.#kind === 'float32' ? this.#length / FLOAT_BYTES : this.#length
  }

  /** Adds what a field holds. @throws {TorchError} `TORCH_REQUEST` if it is malformed, `TORCH_QUEUE_FULL` where there is no memory. */
  async add(message: Buffer, { type, start, end }: MessageField, turns: Turns): Promise<void> {
    const isPacked = type === WIRE_TYPES.delimited
    if (this.#kind === 'float32') {
      const isWhole = isPacked ? (end - start) % FLOAT_BYTES === 0 : type === WIRE_TYPES.fixed32
      if (!isWhole) throw malformed()
      this.#append(message.subarray(start, end))
      return
    }
    if (!isPacked && type !== WIRE_TYPES.varint) throw malformed()
    // No element takes more bytes than it had.
    this.#makeRoom(end - start)
    for (let at = start; at < end;) {
      const stop = Math.min(at + PIECE_BYTES, end)
      for (; at < stop;) at = this.#appendVarint(message, at, end)
      if (isPacked) await turns.next()
    }
  }

  /** All that was added. */
  end(): PackedElements {
    const bytes = this.#only ?? this.#bytes.subarray(0, this.#length)
    return new PackedElements(bytes, this.length, this.#tooLarge)
  }

  #appendVarint(message: Buffer, at: number, to: number): number {
    const byte = message[at] ?? 0
    if (byte < 128) {
      this.#bytes[this.#length++] = byte
      return at + 1
    }
    const { value, end } = readVarint(message, at, to)
    if (value > 255) this.#tooLarge ??= value
    this.#bytes[this.#length++] = value
    return end
  }

  #append(piece: Uint8Array): void {
    if (this.#length === 0) {
      this.#only = piece
      this.#length = piece.length
      return
    }
    this.#makeRoom(piece.length)
    this.#bytes.set(piece, this.#length)
    this.#length += piece.length
  }

  #makeRoom(more: number): void {
    const needed = this.#length + more
    const bytes = this.#only ?? this.#bytes
    if (this.#only === null && needed <= bytes.length) return
    const size = Math.max(needed, Math.min(2 * bytes.length, needed + PIECE_BYTES))
    this.#share.take(size - this.#bytes.length)
    const grown = new Uint8Array(size)
    grown.set(bytes.subarray(0, this.#length))
    this.#bytes = grown
    this.#only = null
  }
}
