import { setImmediate } from 'node:timers/promises'

import type { ServerContext, Exchange } from '../context.js'
import type { Inference } from '../inference.js'
import { runInference } from '../inference_call.js'
import { checkOutputNames, encodeOutputs } from '../oip/response.js'
import type { GrpcCall } from './calls.js'
import type { Definition } from './definition.js'
import { Turns } from '../turns.js'
import { packOnce } from '../parse/parser.js'
import { readInferRequest } from './infer_request.js'

/** A message whose copy takes about a millisecond. */
const LONG_MESSAGE_BYTES = 2 ** 20

/** A response of `ModelInfer`. */
export interface ModelInferResponse {
  readonly model_name: string
  readonly model_version: string
  readonly id: string
  readonly outputs: readonly { readonly name: string; readonly datatype: string; readonly shape: readonly number[] }[]
  readonly raw_output_contents: readonly Buffer[]
}

/** A message of a call. */
export interface InferMessage {
  readonly bytes: Buffer
  readonly call: GrpcCall
  /** Of the call, or of the message where a call has several. */
  readonly exchange: Exchange
  /** Is told the id of the request before it can fail for other reasons than its form. */
  readonly onId?: (id: string) => void
}

/** Answers a `ModelInferRequest`. @throws {TorchError} The codes of the REST route. */
export async function inferMessage(
  context: ServerContext,
  definition: Definition,
  { bytes, call, exchange, onId }: InferMessage,
): Promise<ModelInferResponse> {
  context.checkOpen()
  const { settings, models } = context
  const { share } = exchange
  // grpc-js has joined the pieces of the message in this turn.
  if (bytes.length > LONG_MESSAGE_BYTES) await setImmediate()
  const options = { share, turns: new Turns() }
  const { model: name, version, request } = await readInferRequest(definition, bytes, options)
  const { inputs, ...fields } = request
  const id = request.id ?? ''
  onId?.(id)
  const model = models.find(name, version)
  checkOutputNames(request, model.outputs)
  const { classes, outputs: names } = model
  const { labels, activation } = model.classifier
  const encode = async ({ logits }: Inference): Promise<ModelInferResponse> => {
    const outputs = await encodeOutputs(fields, { logits, classes, labels, activation, outputs: names }, new Turns())
    return {
      model_name: model.name,
      model_version: model.version,
      id,
      outputs: outputs.map(({ head: { name, datatype, shape } }) => ({ name, datatype, shape })),
      raw_output_contents: outputs.flatMap(({ content }) => (Buffer.isBuffer(content) ? [content] : [])),
    }
  }
  const input = { ...fields, pack: packOnce(inputs, model, settings, share) }
  return model.use(() =>
    runInference(context, {
      exchange,
      requestId: call.requestId,
      headers: call.headers,
      model,
      input,
      timeoutMs: Math.min(request.timeoutMs ?? Infinity, call.deadline - exchange.arrivedAt),
      priority: request.priority,
      encode,
    }),
  )
}
