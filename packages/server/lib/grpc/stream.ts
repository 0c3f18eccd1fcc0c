import type { handleBidiStreamingCall } from '@grpc/grpc-js'

import { ClientLeft, type Exchange, type ServerContext } from '../context.js'
import { CLIENT_CLOSED, failureOf } from '../status.js'
import type { Calls, GrpcCall } from './calls.js'
import type { Definition } from './definition.js'
import { inferMessage, type ModelInferResponse } from './infer.js'

/** Messages of a stream that are computed at a time: as many as a batch of the usual size takes. */
const MAX_AT_A_TIME = 8

interface StreamResponse {
  readonly error_message: string
  readonly infer_response: Pick<ModelInferResponse, 'id'>
}

/** Makes the handler of `ModelStreamInfer`: each message is a request of its own, and answered in the order of the messages. */
export function streamInfer(
  context: ServerContext,
  calls: Calls,
  definition: Definition,
): handleBidiStreamingCall<Buffer, StreamResponse> {
  return (stream) => {
    const call = calls.of(stream.metadata)
    // Responses wait for those before them.
    let last: Promise<void> = Promise.resolve()
    const aborts = new Set<AbortController>()
    stream.on('data', (bytes: Buffer) => {
      call.busy++
      if (call.busy >= MAX_AT_A_TIME) stream.pause()
      const exchange = context.open()
      aborts.add(exchange.abort)
      const response = answer(context, { calls, definition, call, bytes, exchange })
      last = Promise.all([response, last]).then(async ([message]) => {
        await new Promise<void>((resolve) => {
          if (stream.cancelled || stream.destroyed) resolve()
          else stream.write(message, () => resolve())
        })
        aborts.delete(exchange.abort)
        call.arrival.release(bytes)
        calls.settle(call)
        stream.resume()
      })
    })
    stream.once('end', () => void last.then(() => stream.end()))
    stream.once('cancelled', () => {
      for (const controller of aborts) controller.abort(new ClientLeft())
    })
  }
}

interface StreamMessage {
  readonly calls: Calls
  readonly definition: Definition
  readonly call: GrpcCall
  readonly bytes: Buffer
  readonly exchange: Exchange
}

/** Answers a message. Never rejects: an error is a response, too. */
async function answer(
  context: ServerContext,
  { calls, definition, call, bytes, exchange }: StreamMessage,
): Promise<StreamResponse> {
  let id = ''
  let status = 200
  try {
    exchange.share.client = calls.enterAgain(call)
    const onId = (given: string): void => void (id = given)
    return {
      error_message: '',
      infer_response: await inferMessage(context, definition, { bytes, call, exchange, onId }),
    }
  } catch (error) {
    const isGone = exchange.abort.signal.aborted
    status = isGone ? CLIENT_CLOSED : failureOf(error).status
    const { details } = isGone
      ? { details: '' }
      : calls.fail({ exchange, requestId: call.requestId, failure: null }, error)
    return { error_message: details, infer_response: { id } }
  } finally {
    context.close(exchange, null)
    calls.record(call, exchange, status)
  }
}
