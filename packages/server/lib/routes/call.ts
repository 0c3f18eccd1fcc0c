import type { FastifyReply, FastifyRequest, FastifySchema } from 'fastify'

import { TorchError } from 'napi-torch'
import type { ServerContext } from '../context.js'
import { runInference, type InferenceCall } from '../inference_call.js'
import { describeRoute, MODEL_PARAMS, VERSION_PARAMS, type RouteDescription } from '../openapi/route_schema.js'
import type { ParsedRequest, UnparsedRequest } from '../parse/parser.js'
import { serverTiming } from '../reply.js'
import type { Caller } from '../security.js'
import type { ServedModel } from '../served_model.js'
import { badRequest } from '../status.js'

/** The header with the time that a request may wait, in ms. */
export const DEADLINE_HEADER = 'x-request-timeout-ms'

/** The type that curl gives what -d sends, whatever it is. */
export const FORM = 'application/x-www-form-urlencoded'

/** An inference that {@link compute} runs. */
export interface RouteCall<T> extends Pick<InferenceCall<T>, 'model' | 'input' | 'encode'> {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** How long it may wait, in ms. Default: as the header or the settings say. */
  readonly timeoutMs?: number | null
  /** As in Triton: 1 is the most urgent, then 2 and so on. Default: `0`, the usual one. */
  readonly priority?: number
}

/**
 * Refuses a request whose body is of another type, before any of it is read.
 *
 * @throws {TorchError} `TORCH_MEDIA_TYPE`
 */
export function checkMediaType(accepted: readonly string[]): (request: FastifyRequest) => Promise<void> {
  // Without a promise, Fastify would wait for a callback.
  return (request) => {
    const type = mediaTypeOf(request)
    const isAccepted = accepted.some((name) =>
      name.endsWith('/*') ? type.startsWith(name.slice(0, -1)) : name === type,
    )
    if (isAccepted) return Promise.resolve()
    const names = accepted.filter((name) => name !== '' && name !== FORM).join(', ')
    return Promise.reject(new TorchError('TORCH_MEDIA_TYPE', `Expected ${names} for Content-Type, received '${type}'`))
  }
}

/** Who sends a request. */
export function callerOf({ headers: { authorization }, ip }: FastifyRequest): Caller {
  return { authorization, address: ip }
}

/** The type of a body without its parameters, or an empty string. */
export function mediaTypeOf(request: FastifyRequest): string {
  return (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

/** The bytes of a body; none where there is no body. */
export function bodyOf(request: FastifyRequest): Buffer {
  const { body } = request
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0)
}

/**
 * Reads a request of one of the protocols of inference.
 *
 * @throws {TorchError} The codes of `RequestParser.parse()`.
 */
export function parse(
  context: ServerContext,
  request: FastifyRequest,
  {
    protocol,
    model,
    headerLength,
  }: Pick<UnparsedRequest, 'protocol' | 'headerLength'> & { readonly model: ServedModel },
): Promise<ParsedRequest> {
  const { share, abort, arrivedAt } = context.exchange(request)
  const deadline = arrivedAt + Math.min(timeoutOf(request), context.settings.deadlineMs)
  const body = bodyOf(request)
  return context.parser.parse({ protocol, body, headerLength, model, share, signal: abort.signal, deadline })
}

/** Computes the samples of a request for a model that is kept open, and says in a header how long that took. */
export async function compute<T>(context: ServerContext, call: RouteCall<T>): Promise<T> {
  const { request, reply, model, input, priority = 0, encode } = call
  const exchange = context.exchange(request)
  const timeoutMs = Math.min(call.timeoutMs ?? Infinity, timeoutOf(request))
  const { id: requestId, headers } = request
  const parts = { exchange, requestId, headers, model, input, timeoutMs, priority, encode }
  const encoded = await runInference(context, parts)
  if (exchange.timing !== null) reply.header('server-timing', serverTiming(exchange.timing))
  return encoded
}

function timeoutOf(request: FastifyRequest): number {
  const text = request.headers[DEADLINE_HEADER]
  if (text === undefined) return Infinity
  const ms = typeof text === 'string' && /^\d{1,9}(?:\.\d{1,6})?$/.test(text) ? Number(text) : NaN
  if (Number.isNaN(ms))
    throw badRequest(`Expected a number of milliseconds for ${DEADLINE_HEADER}, received '${String(text)}'`)
  // As in the parameter timeout, 0 is no time of its own.
  return ms === 0 ? Infinity : ms
}

/** The two routes of what a model has: of the model, and of one of its versions. */
export function modelRoutes(
  suffix: string,
  description: Omit<RouteDescription, 'params'>,
): readonly { readonly url: string; readonly schema: FastifySchema }[] {
  const operationId = `${description.operationId}Version`
  return [
    { url: `/v2/models/:model${suffix}`, schema: describeRoute({ ...description, params: MODEL_PARAMS }) },
    {
      url: `/v2/models/:model/versions/:version${suffix}`,
      schema: describeRoute({ ...description, operationId, params: VERSION_PARAMS }),
    },
  ]
}
