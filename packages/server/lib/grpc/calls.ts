import type { IncomingHttpHeaders } from 'node:http'

import type { Metadata, ServerInterceptingCallInterface, ServerInterceptor } from '@grpc/grpc-js'
import type { FastifyBaseLogger } from 'fastify'

import { TorchError } from 'napi-torch'
import { ClientLeft, type Exchange, type ServerContext } from '../context.js'
import { recordRequest, requestIdOf } from '../request_log.js'
import type { Caller } from '../security.js'
import { CLIENT_CLOSED, failureOf } from '../status.js'
import { Arrival } from './arrival.js'
import { HEALTH_SERVICE, INFERENCE_SERVICE } from './definition.js'
import { statusOf, type CallStatus } from './failure.js'
import { grpcJs } from './library.js'

/** Open to everyone: orchestrators have no tokens. */
const OPEN = new Set([
  `/${HEALTH_SERVICE}/Check`,
  `/${HEALTH_SERVICE}/Watch`,
  `/${INFERENCE_SERVICE}/ServerLive`,
  `/${INFERENCE_SERVICE}/ServerReady`,
])

/** Only for the administrator. */
const ADMINISTRATION = new Set([
  `/${INFERENCE_SERVICE}/RepositoryModelLoad`,
  `/${INFERENCE_SERVICE}/RepositoryModelUnload`,
])

/** What stands for a call that a service of others has refused. */
const BAD_REQUEST = 400

const INFER = `/${INFERENCE_SERVICE}/ModelInfer`

/** A call while it is under way. */
export interface GrpcCall {
  readonly exchange: Exchange
  readonly requestId: string
  readonly caller: Caller
  readonly headers: IncomingHttpHeaders
  readonly path: string
  /** Messages of a stream that are being answered. */
  busy: number
  readonly arrival: Arrival
  /** HTTP status that stands for how it failed. */
  failure: number | null
  /** When the client wants no answer any more, in the time of `performance.now()`. */
  readonly deadline: number
}

/** Lets calls in before their messages are read, follows them to their end, and then logs and counts them. */
export class Calls {
  readonly #context: ServerContext
  readonly #log: FastifyBaseLogger
  readonly #calls = new WeakMap<Metadata, GrpcCall>()
  /** How streams that are open are ended. */
  readonly #streams = new Map<GrpcCall, (reason: unknown) => void>()

  constructor(context: ServerContext, log: FastifyBaseLogger) {
    this.#context = context
    this.#log = log
  }

  /** What grpc-js calls for each call. */
  readonly interceptor: ServerInterceptor = ({ path, requestStream, responseStream }, next) => {
    let call: GrpcCall | null = null
    let outcome: number | null = null
    const refuse = (reason: unknown): void => {
      if (call === null || outcome !== null) return
      const status = this.fail(call, reason)
      outcome = call.failure
      next.sendStatus(status)
    }
    const { ServerInterceptingCall, status: Status } = grpcJs()
    return new ServerInterceptingCall(next, {
      start: (proceed) =>
        proceed({
          onReceiveMetadata: (metadata, proceed) => {
            const isStream = requestStream || responseStream
            call = this.#begin(path, metadata, next, { isStream: requestStream, refuse })
            this.#calls.set(metadata, call)
            if (isStream) this.#streams.set(call, refuse)
            try {
              this.#letIn(call)
              // It would be open until the grace period is over.
              if (isStream && this.#context.isDraining) throw leaving()
            } catch (error) {
              refuse(error)
              return
            }
            proceed(metadata)
          },
          onReceiveMessage: (message: unknown, proceed) => {
            try {
              call?.arrival.complete(message)
            } catch (error) {
              refuse(error)
              return
            }
            if (call !== null) call.exchange.arrivedAt = performance.now()
            proceed(message)
          },
          onCancel: () => {
            if (call !== null) this.#end(call, outcome)
            call = null
          },
        }),
      sendStatus: (status, proceed) => {
        outcome ??= status.code === Status.OK ? 200 : (call?.failure ?? BAD_REQUEST)
        proceed(status)
      },
    })
  }

  /** The call to which the metadata belong. */
  of(metadata: Metadata): GrpcCall {
    const call = this.#calls.get(metadata)
    if (call === undefined) throw new TypeError('The call was not begun')
    return call
  }

  /** Gives the status for a call that has failed, and notes the reason. */
  fail(call: Pick<GrpcCall, 'exchange' | 'requestId' | 'failure'>, reason: unknown): CallStatus {
    const { status, code } = failureOf(reason)
    call.exchange.code = code
    call.failure = status
    if (status === 500) this.#log.error({ err: reason, requestId: call.requestId }, 'request failed')
    return statusOf(reason)
  }

  /** Lets a message of a stream in, as a request of its own. */
  enterAgain({ caller }: GrpcCall): string {
    return this.#context.access.enter(caller)
  }

  /** Logs and counts a message of a stream, which is a request of its own. */
  record(call: GrpcCall, exchange: Exchange, status: number): void {
    const { path, caller, requestId, headers } = call
    const traceId = this.#context.tracing.traceId(headers)
    const facts = { exchange, method: 'gRPC', route: path, status, address: caller.address, traceId }
    const log = this.#log.child({ requestId })
    recordRequest(this.#context, log, { ...facts, isCounted: path === INFER, isMinor: OPEN.has(path) })
  }

  /** Ends the streams that wait for a message, as their clients may keep them open for ever. */
  endIdleStreams(): void {
    for (const [call, refuse] of this.#streams) if (call.busy === 0) refuse(leaving())
  }

  /** Notes that a message of a stream was answered. */
  settle(call: GrpcCall): void {
    call.busy--
    if (call.busy === 0 && this.#context.isDraining) this.#streams.get(call)?.(leaving())
  }

  #begin(
    path: string,
    metadata: Metadata,
    next: ServerInterceptingCallInterface,
    { isStream, refuse }: { readonly isStream: boolean; readonly refuse: (reason: unknown) => void },
  ): GrpcCall {
    const { maxBodyBytes } = this.#context.settings
    const exchange = this.#context.open()
    const headers = Object.fromEntries(
      Object.entries(metadata.getMap()).map(([key, value]) => [key, String(value)] as const),
    )
    const deadline = next.getDeadline()
    return {
      exchange,
      path,
      headers,
      requestId: requestIdOf(headers['x-request-id']),
      caller: {
        authorization: headers['authorization'],
        address: next.getConnectionInfo().remoteAddress ?? '',
      },
      busy: 0,
      failure: null,
      arrival: new Arrival(next, { share: exchange.share, maxBodyBytes, isStream, refuse }),
      deadline: performance.now() + (Number(deadline) - Date.now()),
    }
  }

  /** @throws {TorchError} `TORCH_UNAUTHORIZED`, `TORCH_RATE_LIMIT` */
  #letIn({ path, caller, exchange }: GrpcCall): void {
    const { access, settings } = this.#context
    if (OPEN.has(path)) return
    const isAdministration = ADMINISTRATION.has(path) && settings.repositoryControl
    exchange.share.client = isAdministration ? access.enterAsAdmin(caller) : access.enter(caller)
  }

  #end(call: GrpcCall, outcome: number | null): void {
    const { exchange, arrival } = call
    this.#streams.delete(call)
    arrival.end()
    const reason = outcome === null ? reasonOf(call) : null
    if (reason instanceof TorchError) exchange.code = reason.code
    this.#context.close(exchange, reason)
    const status = reason instanceof TorchError ? failureOf(reason).status : CLIENT_CLOSED
    this.record(call, exchange, outcome ?? status)
  }
}

/** Why a call was over before it was answered. */
function reasonOf({ deadline, arrival }: GrpcCall): Error {
  if (performance.now() >= deadline) {
    return new TorchError('TORCH_DEADLINE', 'The deadline of the call (grpc-timeout) passed')
  }
  if (arrival.isClientGone) return new ClientLeft()
  return new TorchError('TORCH_REQUEST', 'The message was too long, or could not be unpacked')
}

function leaving(): TorchError {
  return new TorchError('TORCH_NOT_READY', 'The server is shutting down')
}
