import type { handleUnaryCall } from '@grpc/grpc-js'

import type { Calls, GrpcCall } from './calls.js'
import type { Definition } from './definition.js'

/** Answers the request of a call, which is decoded. */
export type Responder = (request: object, call: GrpcCall) => object | Promise<object>

/** Makes the handler of a method that takes one message without tensors and gives one. */
export function unary(
  { calls, definition }: { readonly calls: Calls; readonly definition: Definition },
  service: string,
  method: string,
  answer: Responder,
): handleUnaryCall<unknown, object> {
  return bytesUnary(calls, (bytes, call) => answer(definition.decode(service, method, bytes), call))
}

/** Makes the handler of a method whose message is decoded by `answer`. */
export function bytesUnary(
  calls: Calls,
  answer: (bytes: unknown, call: GrpcCall) => object | Promise<object>,
): handleUnaryCall<unknown, object> {
  return ({ metadata, request }, respond) => {
    const call = calls.of(metadata)
    new Promise<object>((resolve) => resolve(answer(request, call))).then(
      (response) => respond(null, response),
      (error: unknown) => respond(calls.fail(call, error)),
    )
  }
}
