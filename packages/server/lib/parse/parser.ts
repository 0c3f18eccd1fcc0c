import { TorchError } from 'napi-torch'
import { isArrayBuffer } from 'napi-torch/internal'
import type { BodyBudget, BodyShare } from '../body_budget.js'
import { packInput, type PackedInput, type SampleLimits, type SampleShape } from '../oip/elements.js'
import { checkJsonLength, jsonLengthOf, PARSED_BYTES, type InputTensor } from '../oip/request.js'
import { ParseJob } from './job.js'
import {
  buffersOf,
  isFault,
  readRequest,
  type Fault,
  type ParseResult,
  type ParseTask,
  type RequestHead,
} from './task.js'
import { ParseThread } from './thread.js'

/** JSON up to this length is parsed at once, which takes less than two milliseconds: to ask another thread takes longer. */
export const MAX_INLINE_BYTES = 2 ** 16

/** Bytes of an input for each byte of JSON: a number, which takes two bytes at least, becomes four. */
const PACKED_BYTES = 2

/** A request that was read. */
export interface ParsedRequest extends RequestHead {
  /** Gives its input, once. @throws {TorchError} `TORCH_REQUEST`, `TORCH_TOO_LARGE`, `TORCH_QUEUE_FULL` */
  readonly pack: () => PackedInput
}

/** Settings of {@link RequestParser}. */
export interface ParserSettings extends SampleLimits {
  readonly maxJsonBytes: number
}

/** A request whose body has arrived. */
export interface UnparsedRequest {
  readonly protocol: ParseTask['protocol']
  readonly body: Buffer
  /** Value of the header `Inference-Header-Content-Length`. Default: there is none. */
  readonly headerLength?: string | undefined
  readonly model: SampleShape
  /** The memory of the request, that of its body included. */
  readonly share: BodyShare
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal
  /** In the time of `performance.now()`. */
  readonly deadline: number
}

/** Reads requests: short ones at once, those with much JSON one after the other on a thread of their own. */
export class RequestParser {
  readonly #settings: ParserSettings
  readonly #budget: BodyBudget
  readonly #thread: ParseThread
  readonly #waiting: ParseJob[] = []
  #current: ParseJob | null = null

  /** @param heapMiB - Memory of the thread. Default: enough for `maxJsonBytes`. */
  constructor(settings: ParserSettings, budget: BodyBudget, heapMiB: number = heapFor(settings)) {
    this.#settings = settings
    this.#budget = budget
    this.#thread = new ParseThread(heapMiB)
  }

  /**
   * Reads a request. Its body must not be used any more: the memory may have gone to the other thread.
   *
   * @throws {TorchError} `TORCH_REQUEST` if it is malformed; `TORCH_TOO_LARGE` for too much JSON; `TORCH_QUEUE_FULL` where there is no
   * memory for it; `TORCH_DEADLINE`; `TORCH_NOT_READY` if the parser was closed meanwhile. The reason of the signal.
   */
  async parse(request: UnparsedRequest): Promise<ParsedRequest> {
    const { protocol, body, headerLength, model, share, signal } = request
    const { maxJsonBytes } = this.#settings
    const jsonLength = protocol === 'v2' ? jsonLengthOf(body, headerLength) : body.length
    if (jsonLength <= MAX_INLINE_BYTES) {
      const task = { protocol, body, headerLength, model }
      const { inputs, ...fields } = readRequest(task, { maxJsonBytes, share })
      return { ...fields, pack: packOnce(inputs, model, this.#settings, share) }
    }
    checkJsonLength(jsonLength, maxJsonBytes)
    signal.throwIfAborted()
    const { fields, input } = await new Promise<ParseResult>((resolve, reject) => {
      this.#waiting.push(new ParseJob(request, jsonLength, { resolve, reject }))
      void this.#work()
    })
    if (fields === null) throw errorOf(input)
    const pack = (): PackedInput => {
      if (isFault(input)) throw errorOf(input)
      return input
    }
    // Its memory was taken and given back here.
    return { ...fields, parsedBytes: 0, pack }
  }

  /** Refuses the requests that are not read yet, and ends the thread. */
  async close(): Promise<void> {
    const jobs = [this.#current, ...this.#waiting.splice(0)]
    for (const job of jobs) job?.reject(new TorchError('TORCH_NOT_READY', 'The server is shutting down'))
    await this.#thread.close()
  }

  async #work(): Promise<void> {
    if (this.#current !== null) return
    for (let job = this.#waiting.shift(); job !== undefined; job = this.#waiting.shift()) {
      this.#current = job
      await this.#run(job)
    }
    this.#current = null
  }

  async #run(job: ParseJob): Promise<void> {
    const { request, jsonLength } = job
    if (request === null) return
    const { share, body, protocol, headerLength, model } = request
    // Held by the thread, also if the request is given up meanwhile.
    const held = this.#budget.open()
    held.client = share.client
    try {
      held.take((PARSED_BYTES + PACKED_BYTES) * jsonLength)
      const sent = ownMemory(body)
      if (sent === body) share.give(body.length)
      held.take(body.length)
      const { maxSamples, maxPixels } = this.#settings
      const task = {
        protocol,
        body: sent,
        headerLength,
        model: { inputName: model.inputName, inputShape: model.inputShape, inputLength: model.inputLength },
        limits: { maxSamples, maxPixels },
      }
      const result = await this.#thread.run(task, [sent.buffer])
      held.release()
      if (job.request === null) return
      // Less than was given back just now.
      share.take(buffersOf(result.input).reduce((sum, { byteLength }) => sum + byteLength, 0))
      job.resolve(result)
    } catch (error) {
      job.reject(error)
    } finally {
      held.release()
    }
  }
}

/** Gives a function that packs the inputs. Elements of JSON are dropped then: they take many times the memory of their bytes. */
export function packOnce(
  inputs: readonly InputTensor[],
  model: SampleShape,
  limits: SampleLimits,
  share: Pick<BodyShare, 'take'>,
): () => PackedInput {
  return () => {
    const packed = packInput(inputs, model, limits, share)
    for (const input of inputs) input.data = []
    return packed
  }
}

const MIB = 2 ** 20
/** Memory of a thread that has loaded its program, and what V8 needs to collect garbage. */
const BASE_HEAP_MIB = 128

/** Twice what is taken for it, as V8 may not have collected the request before. */
function heapFor({ maxJsonBytes }: ParserSettings): number {
  return BASE_HEAP_MIB + Math.ceil((2 * PARSED_BYTES * maxJsonBytes) / MIB)
}

/** Gives a body in memory that is its own and can be transferred, as that of long bodies is; copies others. */
function ownMemory(body: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = body
  const start = byteOffset % FLOAT_BYTES
  if (isArrayBuffer(buffer) && byteOffset === start && buffer.byteLength === start + length) {
    return body as Uint8Array<ArrayBuffer>
  }
  // Tensors stay aligned.
  const copy = new Uint8Array(new ArrayBuffer(start + length), start)
  copy.set(body)
  return copy
}

const FLOAT_BYTES = 4

function errorOf({ code, message, stack }: Fault): TorchError {
  return new TorchError(code, message, { cause: stack })
}
