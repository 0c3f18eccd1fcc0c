import type { BodyShare } from '../body_budget.js'
import { MAX_TENSORS, type PackedElements } from '../oip/request.js'
import { badRequest, tooLarge } from '../status.js'
import type { Turns } from '../turns.js'
import { ElementList } from './element_list.js'
import { MessageFields, malformed, type MessageField } from './message_fields.js'

/** A `ModelInferRequest`, from which the elements of its tensors were cut: they need no decoding. */
export interface MessageParts {
  /** The message without them. */
  readonly head: Buffer
  /** `raw_input_contents`, in the memory of the message; no more than {@link MAX_TENSORS} of them. */
  readonly raw: readonly Buffer[]
  /** Number of `raw_input_contents`. */
  readonly rawCount: number
  /** The contents of each input that are not empty, by the names of their fields. */
  readonly contents: readonly ReadonlyMap<string, Contents>[]
}

/** Elements of a tensor, or files; null if no input can have them. */
export type Contents = PackedElements | readonly Buffer[] | null

/** Memory of an object of a message, of a tensor in raw form, or of a file; measured with protobufjs 7 and rounded up. */
const OBJECT_BYTES = 256
/** Memory for each byte of the head that is decoded. */
const HEAD_COST = 128

/** Names, shapes and parameters: far more than a model needs, and too few to take long. */
const MAX_HEAD_BYTES = 2 ** 16

const INPUTS = 5
const OUTPUTS = 6
const RAW_INPUT_CONTENTS = 7
/** MessageField of an input. */
const CONTENTS = 5
const INPUTS_TAG = 8 * INPUTS + 2

/** Names of the fields of `InferTensorContents`, by their numbers. */
const CONTENTS_NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'bool_contents'],
  [2, 'int_contents'],
  [3, 'int64_contents'],
  [4, 'uint_contents'],
  [5, 'uint64_contents'],
  [6, 'fp32_contents'],
  [7, 'fp64_contents'],
  [8, 'bytes_contents'],
])
const UINT_CONTENTS = 4
const FP32_CONTENTS = 6
const BYTES_CONTENTS = 8

/** Where the memory is taken from, and how the work is divided. */
export interface SplitOptions {
  readonly share: Pick<BodyShare, 'take'>
  readonly turns: Turns
}

/**
 * Cuts the elements of tensors from a `ModelInferRequest`, in turns: a few bytes can be a field each. What is made takes memory of
 * the order of the message, which is taken before.
 *
 * @throws {TorchError} `TORCH_REQUEST` if it is malformed; `TORCH_TOO_LARGE` for too much beside the tensors; `TORCH_QUEUE_FULL`
 * where there is no memory.
 */
export async function splitMessage(message: Buffer, options: SplitOptions): Promise<MessageParts> {
  const { share, turns } = options
  const head = new Head(share)
  const raw: Buffer[] = []
  const contents: ReadonlyMap<string, Contents>[] = []
  let [rawCount, outputs] = [0, 0]
  const fields = new MessageFields(message, 0, message.length)
  while (fields.next()) {
    await fields.rest(turns)
    if (fields.number === RAW_INPUT_CONTENTS && fields.isDelimited) {
      if (rawCount++ < MAX_TENSORS) raw.push(message.subarray(fields.start, fields.end))
    } else if (fields.number === INPUTS && fields.isDelimited) {
      if (contents.length === MAX_TENSORS) throw badRequest(`Expected at most ${MAX_TENSORS} inputs, received more`)
      const input = new Head(share)
      contents.push(await splitInput(message, fields, input, options))
      head.addMessage(INPUTS_TAG, input)
    } else {
      if (fields.number === OUTPUTS && outputs++ === MAX_TENSORS) {
        throw badRequest(`Expected at most ${MAX_TENSORS} outputs, received more`)
      }
      head.add(message.subarray(fields.from, fields.end))
    }
  }
  return { head: head.end(), raw, rawCount, contents }
}

/** Adds what is beside the contents of an input to `head`. */
async function splitInput(
  message: Buffer,
  { start, end }: MessageField,
  head: Head,
  { share, turns }: SplitOptions,
): Promise<ReadonlyMap<string, Contents>> {
  const uint = new ElementList('varint', share)
  const fp32 = new ElementList('float32', share)
  const files: Buffer[] = []
  const others = new Set<string>()
  const fields = new MessageFields(message, start, end)
  while (fields.next()) {
    await fields.rest(turns)
    if (fields.number !== CONTENTS || !fields.isDelimited) {
      head.add(message.subarray(fields.from, fields.end))
      continue
    }
    const elements = new MessageFields(message, fields.start, fields.end)
    while (elements.next()) {
      await elements.rest(turns)
      const { number } = elements
      if (number === UINT_CONTENTS) await uint.add(message, elements, turns)
      else if (number === FP32_CONTENTS) await fp32.add(message, elements, turns)
      else if (number !== BYTES_CONTENTS) {
        if (elements.end > elements.start) others.add(CONTENTS_NAMES.get(number) ?? '')
      } else if (elements.isDelimited) {
        share.take(OBJECT_BYTES)
        files.push(message.subarray(elements.start, elements.end))
      } else throw malformed()
    }
  }
  const found = new Map<string, Contents>()
  // Fields that the protocol does not have are passed over, as everywhere.
  for (const name of CONTENTS_NAMES.values()) if (others.has(name)) found.set(name, null)
  if (uint.length > 0) found.set('uint_contents', uint.end())
  if (fp32.length > 0) found.set('fp32_contents', fp32.end())
  if (files.length > 0) found.set('bytes_contents', files)
  return found
}

/** Parts of a message that are to be decoded. */
class Head {
  readonly #share: Pick<BodyShare, 'take'>
  readonly #parts: Uint8Array[] = []
  #length = 0

  constructor(share: Pick<BodyShare, 'take'>) {
    this.#share = share
  }

  add(part: Uint8Array): void {
    this.#length += part.length
    if (this.#length > MAX_HEAD_BYTES) {
      throw tooLarge(`Expected at most ${MAX_HEAD_BYTES} bytes of names, shapes and parameters, received more`)
    }
    this.#share.take(OBJECT_BYTES + HEAD_COST * part.length)
    this.#parts.push(part)
  }

  /** Adds a message with its tag and its length: https://protobuf.dev/programming-guides/encoding. */
  addMessage(tag: number, head: Head): void {
    const length: number[] = []
    let left = head.#length
    for (; left >= 128; left = Math.floor(left / 128)) length.push(128 + (left % 128))
    this.add(Uint8Array.from([tag, ...length, left]))
    this.#parts.push(...head.#parts)
    this.#length += head.#length
  }

  end(): Buffer {
    return Buffer.concat(this.#parts)
  }
}
