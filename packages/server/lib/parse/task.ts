import { isError, TorchError, type TorchErrorCode } from 'napi-torch/internal/util'
import type { BodyShare } from '../body_budget.js'
import { packInput, type PackedInput, type SampleLimits, type SampleShape } from '../oip/elements.js'
import { parseInferRequest, parseRequestJson, requestOf, type InferRequest } from '../oip/request.js'
import { MAX_MESSAGE_LENGTH } from '../status.js'
import { inputOfInstances } from '../v1/instances.js'

/** A request that is read: on the main thread, or on a worker thread if it is long. */
export interface ParseTask {
  /** The Open Inference Protocol v2, or version 1 of KServe's protocol. */
  readonly protocol: 'v2' | 'v1'
  readonly body: Uint8Array
  /** Value of the header `Inference-Header-Content-Length`. */
  readonly headerLength: string | undefined
  readonly model: SampleShape
  readonly limits: SampleLimits
}

/** What a request asks for, without its input. */
export type RequestHead = Omit<InferRequest, 'inputs'>

/** An error in the form in which it can be sent to another thread. */
export interface Fault {
  readonly code: TorchErrorCode
  readonly message: string
  /** Where it came from, if it is a fault of the server. */
  readonly stack: string | undefined
}

/** What became of a task. An input that cannot be used is reported after all else was checked. */
export type ParseResult =
  | { readonly fields: RequestHead; readonly input: PackedInput | Fault }
  | { readonly fields: null; readonly input: Fault }

/** Reads a request. @throws {TorchError} `TORCH_REQUEST`, `TORCH_TOO_LARGE`, `TORCH_QUEUE_FULL` */
export function readRequest(
  { protocol, body, headerLength, model }: Pick<ParseTask, 'protocol' | 'body' | 'headerLength' | 'model'>,
  limits: { readonly maxJsonBytes: number; readonly share: Pick<BodyShare, 'take'> },
): InferRequest {
  if (protocol === 'v2') {
    const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    return parseInferRequest(buffer, { headerLength, ...limits })
  }
  const { fields, parsedBytes } = parseRequestJson(body, limits)
  return requestOf(inputOfInstances(fields['instances'], model), parsedBytes)
}

/** Reads a request and packs its input. The caller has checked the length of its JSON, and taken the memory. */
export function runTask(task: ParseTask): ParseResult {
  const share = { take: (): void => undefined }
  let fields: RequestHead | null = null
  try {
    const { inputs, ...rest } = readRequest(task, { maxJsonBytes: Infinity, share })
    fields = rest
    return { fields, input: packInput(inputs, task.model, task.limits, share) }
  } catch (error) {
    return { fields, input: faultOf(error) }
  }
}

/** The memory of an input, each once. */
export function buffersOf(input: PackedInput | Fault): readonly ArrayBuffer[] {
  if (isFault(input)) return []
  const arrays = input.kind === 'encoded' ? input.files : [input.bytes]
  return [...new Set(arrays.map(({ buffer }) => buffer as ArrayBuffer))]
}

/** Tells a fault from an input. */
export function isFault(input: PackedInput | Fault): input is Fault {
  return 'code' in input
}

function faultOf(error: unknown): Fault {
  if (error instanceof TorchError) {
    // One character more than a response shows, so that it can be seen that it was cut.
    return { code: error.code, message: error.message.slice(0, MAX_MESSAGE_LENGTH + 1), stack: undefined }
  }
  const [message, stack] = isError(error) ? [error.message, error.stack] : [String(error), undefined]
  return { code: 'TORCH_INTERNAL', message, stack }
}
