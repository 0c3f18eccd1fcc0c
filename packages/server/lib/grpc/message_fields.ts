import { badRequest } from '../status.js'
import type { Turns } from '../turns.js'

/** Kinds of fields, by the numbers of the encoding: https://protobuf.dev/programming-guides/encoding. */
export const WIRE_TYPES = { varint: 0, fixed64: 1, delimited: 2, fixed32: 5 } as const

/** Fields between two looks at the clock: less than a millisecond. */
const FIELDS_PER_LOOK = 4096

/** A field of a message. */
export interface MessageField {
  readonly number: number
  readonly type: number
  /** Where its tag begins. */
  readonly from: number
  /** Where its value begins, behind its length. */
  readonly start: number
  readonly end: number
}

/** Goes through the fields of a message, or of a part of it, without decoding them. */
export class MessageFields implements MessageField {
  readonly #bytes: Uint8Array
  readonly #end: number
  #at: number
  #seen = 0
  number = 0
  type = 0
  from = 0
  start = 0
  end = 0

  constructor(bytes: Uint8Array, from: number, to: number) {
    this.#bytes = bytes
    this.#at = from
    this.#end = to
  }

  /** Whether it has a length: messages, bytes, texts and packed lists have one. */
  get isDelimited(): boolean {
    return this.type === WIRE_TYPES.delimited
  }

  /** Goes to the next field; false at the end. @throws {TorchError} `TORCH_REQUEST` if it is malformed. */
  next(): boolean {
    if (this.#at >= this.#end) return false
    this.from = this.#at
    const tag = this.#varint()
    this.number = Math.floor(tag / 8)
    this.type = tag % 8
    const { varint, fixed64, delimited, fixed32 } = WIRE_TYPES
    this.start = this.#at
    if (this.type === varint) this.#varint()
    else if (this.type === fixed64) this.#at += 8
    else if (this.type === fixed32) this.#at += 4
    else if (this.type === delimited) {
      const length = this.#varint()
      this.start = this.#at
      this.#at += length
    } else throw malformed()
    if (this.#at > this.#end) throw malformed()
    this.end = this.#at
    return true
  }

  /** Lets others have their turn now and then. */
  async rest(turns: Turns): Promise<void> {
    if (++this.#seen % FIELDS_PER_LOOK === 0) await turns.next()
  }

  #varint(): number {
    const { value, end } = readVarint(this.#bytes, this.#at, this.#end)
    this.#at = end
    return value
  }
}

/** Reads a number of up to 64 bits. @throws {TorchError} `TORCH_REQUEST` if it has no end. */
export function readVarint(
  bytes: Uint8Array,
  at: number,
  to: number,
): { readonly value: number; readonly end: number } {
  let value = 0
  let end = at
  for (let factor = 1; end < to && factor < 2 ** 70; factor *= 128) {
    const byte = bytes[end++] ?? 0
    value += (byte & 127) * factor
    if (byte < 128) return { value, end }
  }
  throw malformed()
}

/** The error for bytes that are no message. */
export function malformed(): Error {
  return badRequest('The message is not a ModelInferRequest: a field is cut off, or of an unknown kind')
}
