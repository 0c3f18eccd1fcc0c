import type { Fail } from '../failure.js'
import { pastLimit, type CheckpointLimits, type LimitName } from '../limits.js'
import { decodeText } from './text.js'

const NEWLINE = 0x0a

/** Bytes of a text up to which it is looked at byte by byte. */
const SHORT_TEXT = 64

/** The bytes of a pickle with a position. Every read is bounded by the bytes that are there. */
export class PickleInput {
  position: number
  readonly #bytes: Uint8Array
  /** The same bytes, to make strings of. */
  readonly #characters: Buffer
  readonly #view: DataView
  readonly #limits: CheckpointLimits
  readonly #fail: Fail

  constructor(bytes: Uint8Array, position: number, limits: CheckpointLimits, fail: Fail) {
    this.position = position
    this.#bytes = bytes
    this.#characters = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#limits = limits
    this.#fail = fail
  }

  get size(): number {
    return this.#bytes.length
  }

  uint8(): number {
    return this.#view.getUint8(this.#advance(1))
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2), true)
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4), true)
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4), true)
  }

  /** Lengths beyond 2^53 lose digits, but none of them passes the comparison with the bytes that are left. */
  uint64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8), true))
  }

  float64BigEndian(): number {
    return this.#view.getFloat64(this.#advance(8), false)
  }

  /** Gives a view of the next bytes, not a copy. */
  bytes(length: number, limit: LimitName): Uint8Array {
    const at = this.#limited(length, limit)
    return this.#bytes.subarray(at, at + length)
  }

  /** Gives a string of Python 2, which was bytes: text if it can be, as torch reads it, else a copy of them. */
  textOrBytes(length: number): string | Uint8Array {
    const at = this.#limited(length, 'stringBytes')
    return this.#textAt(at, length) ?? this.#bytes.slice(at, at + length)
  }

  /** Gives a copy of the next bytes that does not keep the whole pickle in memory. */
  byteString(length: number): Uint8Array {
    const at = this.#limited(length, 'stringBytes')
    return this.#bytes.slice(at, at + length)
  }

  text(length: number): string {
    const text = this.#textAt(this.#limited(length, 'stringBytes'), length)
    if (text === undefined) throw this.#fail('TORCH_CHECKPOINT_CORRUPT', `A string of ${length} bytes is not UTF-8`)
    return text
  }

  /** Gives the bytes before the next newline, each as a character. */
  line(limit: LimitName = 'lineBytes'): string {
    return Buffer.from(this.#line(limit)).toString('latin1')
  }

  /** Gives the text before the next newline, decoded from UTF-8. */
  textLine(): string {
    const text = decodeText(this.#line('lineBytes'))
    if (text === undefined) throw this.#fail('TORCH_CHECKPOINT_CORRUPT', 'A line is not UTF-8')
    return text
  }

  #line(limit: LimitName): Uint8Array {
    const from = this.position
    const window = this.#bytes.subarray(from, from + this.#limits[limit] + 1)
    const length = window.indexOf(NEWLINE)
    if (length >= 0) {
      this.position = from + length + 1
      return window.subarray(0, length)
    }
    if (window.length <= this.#limits[limit]) throw this.#fail('TORCH_CHECKPOINT_CORRUPT', 'The pickle ends in a line')
    throw pastLimit(this.#fail, this.#limits, limit, `A line has at least ${window.length} bytes`)
  }

  /** Most texts are short names: a file can have a million, and a view and a decoder for each take three times as long. */
  #textAt(at: number, length: number): string | undefined {
    const end = at + length
    if (length > SHORT_TEXT) return decodeText(this.#bytes.subarray(at, end))
    for (let index = at; index < end; index++) {
      if ((this.#bytes[index] ?? 0) > 0x7f) return decodeText(this.#bytes.subarray(at, end))
    }
    return this.#characters.toString('latin1', at, end)
  }

  #limited(length: number, limit: LimitName): number {
    if (length > this.#limits[limit]) throw pastLimit(this.#fail, this.#limits, limit, `A value has ${length} bytes`)
    return this.#advance(length)
  }

  #advance(length: number): number {
    const at = this.position
    if (length > this.#bytes.length - at) {
      const text = `The pickle is truncated: expected ${length} more bytes, found ${this.#bytes.length - at}`
      throw this.#fail('TORCH_CHECKPOINT_CORRUPT', text)
    }
    this.position = at + length
    return at
  }
}
