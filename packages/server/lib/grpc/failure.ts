import type { Metadata, status as GrpcStatus } from '@grpc/grpc-js'

import { CLIENT_CLOSED, failureOf } from '../status.js'
import { grpcJs } from './library.js'

/** The status that a call ends with. */
export interface CallStatus {
  readonly code: GrpcStatus
  readonly details: string
  readonly metadata: Metadata
}

/** gRPC's status, https://github.com/grpc/grpc/blob/master/doc/statuscodes.md, for each HTTP status, which the table of error codes gives. */
const STATUS: ReadonlyMap<number, keyof typeof GrpcStatus> = new Map([
  [400, 'INVALID_ARGUMENT'],
  [401, 'UNAUTHENTICATED'],
  [403, 'PERMISSION_DENIED'],
  [404, 'NOT_FOUND'],
  [405, 'UNIMPLEMENTED'],
  [408, 'ABORTED'],
  // Trying again does not help, unlike where a queue is full.
  [413, 'INVALID_ARGUMENT'],
  [415, 'INVALID_ARGUMENT'],
  [422, 'FAILED_PRECONDITION'],
  [429, 'RESOURCE_EXHAUSTED'],
  [CLIENT_CLOSED, 'CANCELLED'],
  [503, 'UNAVAILABLE'],
  [504, 'DEADLINE_EXCEEDED'],
])

/** Trailing metadata with the code of the error. */
const CODE_KEY = 'torch-error-code'

/** After how many milliseconds a client may try again: https://github.com/grpc/proposal/blob/master/A6-client-retries.md. */
const RETRY_KEY = 'grpc-retry-pushback-ms'

/** Makes the status for an error. Faults of the server are not described to the client. */
export function statusOf(error: unknown): CallStatus {
  const { status, code, message, retryAfter } = failureOf(error)
  const metadata = new (grpcJs().Metadata)()
  metadata.set(CODE_KEY, code)
  if (retryAfter !== null) metadata.set(RETRY_KEY, String(1000 * retryAfter))
  // A message may have cut a character of two halves apart, which cannot be sent.
  return { code: grpcJs().status[STATUS.get(status) ?? 'INTERNAL'], details: Buffer.from(message).toString(), metadata }
}
