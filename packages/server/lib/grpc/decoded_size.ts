import { badRequest } from '../status.js'

/** What decoding a message of `ModelInfer` costs. */
export interface DecodedSize {
  /** Memory of what is made of it; bytes and files are not copied. */
  readonly memoryBytes: number
  /** Bytes of the message that are parsed element by element: all but tensors in raw form, and files. */
  readonly parsedBytes: number
}

// What is made of a part of a message, measured with protobufjs 7 and rounded up: lists grow by half, and are copied once.

/** An object of a message, of a tensor in raw form, or of a file. */
const OBJECT_BYTES = 256
/** A number in a list. */
const NUMBER_BYTES = 32
/** A number of 64 bits, which is an object at first. */
const LONG_BYTES = 128

/** Memory for each byte of a field that is not listed below: names, shapes and parameters. */
const OTHER_COST = LONG_BYTES

/** Memory for each byte of a field of `InferTensorContents`. */
const CONTENTS_COST: ReadonlyMap<number, number> = new Map([
  [1, NUMBER_BYTES],
  [2, NUMBER_BYTES],
  [3, LONG_BYTES],
  [4, NUMBER_BYTES],
  [5, LONG_BYTES],
  [6, NUMBER_BYTES / 4],
  [7, NUMBER_BYTES / 8],
])

const INPUTS = 5
const RAW_INPUT_CONTENTS = 7
/** Field of an input. */
const CONTENTS = 5
/** Field of the contents. */
const BYTES_CONTENTS = 8

/**
 * Finds out what decoding a `ModelInferRequest` will cost, without decoding it: a few bytes can become an object each.
 *
 * @throws {TorchError} `TORCH_REQUEST` if it is malformed.
 */
export function decodedSize(message: Buffer): DecodedSize {
  let [memoryBytes, wholeBytes] = [0, 0]
  const charge = (field: Field, cost: number): void => {
    memoryBytes += OBJECT_BYTES + cost * (field.end - field.start)
  }
  const chargeWhole = (field: Field): void => {
    memoryBytes += OBJECT_BYTES
    wholeBytes += field.end - field.start
  }
  walk(message, 0, message.length, (field) => {
    if (field.number === RAW_INPUT_CONTENTS) chargeWhole(field)
    else if (field.number !== INPUTS || !field.isMessage) charge(field, OTHER_COST)
    else {
      charge(field, 0)
      walk(message, field.start, field.end, (part) => {
        if (part.number !== CONTENTS || !part.isMessage) charge(part, OTHER_COST)
        else {
          charge(part, 0)
          walk(message, part.start, part.end, (elements) => {
            if (elements.number === BYTES_CONTENTS) chargeWhole(elements)
            // Elements that are not packed are fields of their own, of which no object is made.
            else if (!elements.isMessage) memoryBytes += LONG_BYTES
            else charge(elements, CONTENTS_COST.get(elements.number) ?? OTHER_COST)
          })
        }
      })
    }
  })
  return { memoryBytes, parsedBytes: message.length - wholeBytes }
}

interface Field {
  readonly number: number
  /** Whether it has a length: messages, bytes, texts and packed lists have one. */
  readonly isMessage: boolean
  readonly start: number
  readonly end: number
}

const VARINT = 0
const FIXED_64 = 1
const DELIMITED = 2
const FIXED_32 = 5

/** Calls `visit` for each field between two positions: https://protobuf.dev/programming-guides/encoding. */
function walk(bytes: Buffer, from: number, to: number, visit: (field: Field) => void): void {
  let at = from
  const varint = (): number => {
    let value = 0
    for (let factor = 1; at < to && factor < 2 ** 70; factor *= 128) {
      const byte = bytes[at++] ?? 0
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
    throw malformed()
  }
  while (at < to) {
    const tag = varint()
    const [number, type] = [Math.floor(tag / 8), tag % 8]
    let start = at
    if (type === VARINT) varint()
    else if (type === FIXED_64) at += 8
    else if (type === FIXED_32) at += 4
    else if (type === DELIMITED) {
      const length = varint()
      start = at
      at += length
    } else throw malformed()
    if (at > to) throw malformed()
    visit({ number, isMessage: type === DELIMITED, start, end: at })
  }
}

function malformed(): Error {
  return badRequest('The message is not a ModelInferRequest: a field is cut off, or of an unknown kind')
}
