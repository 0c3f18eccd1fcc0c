import type { BodyShare } from '../body_budget.js'
import { checkInferRequest, type RequestFields, type InferRequest, type InputTensor } from '../oip/request.js'
import { badRequest, tooLarge } from '../status.js'
import { decodedSize } from './decoded_size.js'
import { INFERENCE_SERVICE, type Definition } from './definition.js'

/** An inference request, and which model it is for. */
export interface ModelInferRequest {
  readonly model: string
  /** Undefined means the newest one. */
  readonly version: string | undefined
  readonly request: InferRequest
}

/** Options of {@link readInferRequest}. */
export interface InferRequestOptions {
  /** Where the memory of what is decoded is taken from. */
  readonly share: Pick<BodyShare, 'take'>
  readonly maxJsonBytes: number
}

interface Message {
  readonly model_name: string
  readonly model_version: string
  readonly id: string
  readonly parameters: Parameters
  readonly inputs: readonly (RequestFields & { readonly parameters: Parameters })[]
  readonly outputs: readonly { readonly name: string; readonly parameters: Parameters }[]
  readonly raw_input_contents: readonly Buffer[]
}

type Parameters = Readonly<Record<string, RequestFields & { readonly parameter_choice?: string }>>

/** The field of the contents for each datatype that has one here; FP16 has none in the protocol. */
const CONTENTS_OF: Readonly<Record<string, string>> = {
  FP32: 'fp32_contents',
  UINT8: 'uint_contents',
  BYTES: 'bytes_contents',
}

/**
 * Reads a `ModelInferRequest`. Its memory is taken before it is decoded.
 *
 * @throws {TorchError} `TORCH_REQUEST` if it is malformed; `TORCH_TOO_LARGE` for too many elements; `TORCH_QUEUE_FULL` where there is
 * no memory for it.
 */
export function readInferRequest(
  definition: Definition,
  bytes: Buffer,
  { share, maxJsonBytes }: InferRequestOptions,
): ModelInferRequest {
  const { memoryBytes, parsedBytes } = decodedSize(bytes)
  if (parsedBytes > maxJsonBytes) {
    const hint = 'send tensors as raw_input_contents'
    throw tooLarge(
      `Expected at most ${maxJsonBytes} bytes of elements (maxJsonBytes), received ${parsedBytes}: ${hint}`,
    )
  }
  share.take(memoryBytes)
  const message = definition.decode(INFERENCE_SERVICE, 'ModelInfer', bytes, bytes.length) as Message
  const raw = message.raw_input_contents
  if (raw.length > 0 && raw.length !== message.inputs.length) {
    throw badRequest(`Expected raw_input_contents for each of ${message.inputs.length} inputs, received ${raw.length}`)
  }
  const fields = {
    id: message.id === '' ? undefined : message.id,
    // All outputs are bytes here.
    parameters: { ...valuesOf(message.parameters), binary_data_output: true },
    inputs: message.inputs.map((input) => ({ ...input, parameters: valuesOf(input.parameters) })),
    outputs: message.outputs.map(({ name, parameters }) => {
      return { name, parameters: { ...valuesOf(parameters), binary_data: undefined } }
    }),
  }
  const request = checkInferRequest(fields, memoryBytes, (place, input, _parameters, index) => {
    return dataOf(place, input, raw[index])
  })
  const { model_name: model, model_version: version } = message
  return { model, version: version === '' ? undefined : version, request }
}

function dataOf(place: string, { datatype, contents }: RequestFields, raw: Buffer | undefined): InputTensor['data'] {
  const lists = Object.entries((contents ?? {}) as Readonly<Record<string, readonly unknown[]>>)
  const given = lists.filter(([, list]) => list.length > 0).map(([name]) => name)
  if (raw !== undefined) {
    if (given.length === 0) return raw
    throw badRequest(`Expected contents or raw_input_contents for ${place}, received both`)
  }
  const wanted = CONTENTS_OF[String(datatype)]
  if (given.length === 0) throw badRequest(`Expected contents or raw_input_contents for ${place}, received neither`)
  const other = given.find((name) => name !== wanted)
  // A datatype that is unknown is refused with the names of those that are known.
  if (wanted === undefined || other === undefined) return lists.find(([name]) => name === wanted)?.[1] ?? []
  throw badRequest(`Expected ${wanted} for the ${String(datatype)} of ${place}, received ${other}`)
}

/** The values of parameters, whose types are the protocol's affair. */
function valuesOf(parameters: Parameters): RequestFields {
  const entries = Object.entries(parameters).map(
    ([name, value]) => [name, value[value.parameter_choice ?? '']] as const,
  )
  return Object.fromEntries(entries)
}
