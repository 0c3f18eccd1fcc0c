import { checkInferRequest, type RequestFields, type InferRequest, type InputTensor } from '../oip/request.js'
import { badRequest } from '../status.js'
import { INFERENCE_SERVICE, type Definition } from './definition.js'
import { splitMessage, type Contents, type SplitOptions } from './message_parts.js'

/** An inference request, and which model it is for. */
export interface ModelInferRequest {
  readonly model: string
  /** Undefined means the newest one. */
  readonly version: string | undefined
  readonly request: InferRequest
}

interface Message {
  readonly model_name: string
  readonly model_version: string
  readonly id: string
  readonly parameters: Parameters
  readonly inputs: readonly (RequestFields & { readonly parameters: Parameters })[]
  readonly outputs: readonly { readonly name: string; readonly parameters: Parameters }[]
}

type Parameters = Readonly<Record<string, RequestFields & { readonly parameter_choice?: string }>>

/** The field of the contents for each datatype that has one here; FP16 has none in the protocol. */
const CONTENTS_OF: Readonly<Record<string, string>> = {
  FP32: 'fp32_contents',
  UINT8: 'uint_contents',
  BYTES: 'bytes_contents',
}

/**
 * Reads a `ModelInferRequest`, in turns. Its memory is taken before it is decoded.
 *
 * @throws {TorchError} `TORCH_REQUEST` if it is malformed; `TORCH_TOO_LARGE` for too much beside its tensors; `TORCH_QUEUE_FULL` where
 * there is no memory for it.
 */
export async function readInferRequest(
  definition: Definition,
  bytes: Buffer,
  options: SplitOptions,
): Promise<ModelInferRequest> {
  const { head, raw, rawCount, contents } = await splitMessage(bytes, options)
  const message = definition.decode(INFERENCE_SERVICE, 'ModelInfer', head, head.length) as Message
  if (rawCount > 0 && rawCount !== message.inputs.length) {
    throw badRequest(`Expected raw_input_contents for each of ${message.inputs.length} inputs, received ${rawCount}`)
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
  const request = checkInferRequest(fields, 0, (place, input, _parameters, index) => {
    return dataOf(place, input, contents[index] ?? new Map(), raw[index])
  })
  const { model_name: model, model_version: version } = message
  return { model, version: version === '' ? undefined : version, request }
}

function dataOf(
  place: string,
  { datatype }: RequestFields,
  contents: ReadonlyMap<string, Contents>,
  raw: Buffer | undefined,
): InputTensor['data'] {
  if (raw !== undefined) {
    if (contents.size === 0) return raw
    throw badRequest(`Expected contents or raw_input_contents for ${place}, received both`)
  }
  const wanted = CONTENTS_OF[String(datatype)]
  if (contents.size === 0) throw badRequest(`Expected contents or raw_input_contents for ${place}, received neither`)
  const other = [...contents.keys()].find((name) => name !== wanted)
  // A datatype that is unknown is refused with the names of those that are known.
  if (wanted === undefined || other === undefined) return contents.get(wanted ?? '') ?? []
  throw badRequest(`Expected ${wanted} for the ${String(datatype)} of ${place}, received ${other}`)
}

/** The values of parameters, whose types are the protocol's affair. */
function valuesOf(parameters: Parameters): RequestFields {
  const entries = Object.entries(parameters).map(
    ([name, value]) => [name, value[value.parameter_choice ?? '']] as const,
  )
  return Object.fromEntries(entries)
}
