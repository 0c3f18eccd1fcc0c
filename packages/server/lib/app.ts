import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

import {
  fastify,
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'

import { TorchError } from 'napi-torch'
import { readBody } from './body.js'
import { ClientLeft, type Exchange, type ServerContext } from './context.js'
import { HEADER_LENGTH } from './oip/request.js'
import { describeApi } from './openapi/document.js'
import { checkQueryNames } from './openapi/validate_query.js'
import { openApiRoutes } from './routes/openapi.js'
import { classifyRoutes } from './routes/classify.js'
import { healthRoutes } from './routes/health.js'
import { oipRoutes } from './routes/oip.js'
import { PAGE_ADDRESSES, pageRoutes } from './routes/page.js'
import { tritonRoutes } from './routes/triton.js'
import { RateLimiter, type Tokens } from './security.js'
import type { Settings } from './settings.js'
import { CLIENT_CLOSED, failureOf } from './status.js'

/** A certificate and its key, in PEM. */
export interface Tls {
  readonly cert: Buffer
  readonly key: Buffer
}

/** Parts of the app beside the context. */
export interface AppParts {
  readonly tokens: Tokens
  readonly tls: Tls | null
  /** Receives the log. Default: stdout. */
  readonly logStream?: { write(line: string): void } | undefined
}

/** Open to everyone: orchestrators and Prometheus have no tokens. */
const OPEN = new Set(['/livez', '/readyz', '/metrics', '/v2/health/live', '/v2/health/ready', ...PAGE_ADDRESSES])

const REQUEST_ID = /^[\w.:-]{1,128}$/

/** How often Node checks for connections that are too slow. */
const CONNECTIONS_CHECK_MS = 1000

/** Creates the HTTP side of a server: limits, tokens, errors, logs and all routes. */
export function createApp(context: ServerContext, { tokens, tls, logStream }: AppParts): FastifyInstance {
  const { settings } = context
  const app = createFastify(settings, tls, logStream)
  app.server.maxConnections = settings.maxConnections
  // Bodies of all types are read alike: the routes check the type beforehand.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (request: FastifyRequest, payload: IncomingMessage) =>
    readBody(payload, {
      maxBodyBytes: settings.maxBodyBytes,
      share: context.exchange(request).share,
      alignedByte: jsonLengthOf(request),
    }),
  )

  const limiter = new RateLimiter(settings.rateLimit, settings.rateBurst)
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    context.begin(request, reply, (exchange, isComplete) => finish(context, { request, reply, exchange, isComplete }))
    const url = request.url.split('?', 1)[0] ?? ''
    if (OPEN.has(url)) return
    const { authorization } = request.headers
    // These routes check the admin token themselves.
    const isAdministration = url.startsWith('/v2/repository/models/') && settings.repositoryControl
    if (tokens.isRequired && !isAdministration) tokens.check(authorization)
    limiter.take(tokens.isRequired && authorization !== undefined ? authorization : request.ip, performance.now())
  })
  app.addHook('onRequest', (request, _reply, done) => {
    const { url } = request.routeOptions
    // Links to the page may carry parameters of others. An unknown address is what is wrong where it is unknown.
    if (url !== undefined && !PAGE_ADDRESSES.includes(url)) checkQueryNames(request)
    done()
  })

  app.addHook('onSend', (_request, reply, _payload, done) => {
    // Connections that stay open would delay the shutdown.
    if (context.isDraining) reply.header('connection', 'close')
    done()
  })

  app.setErrorHandler((error, request, reply) => fail(context, error, request, reply))
  app.setNotFoundHandler((request, reply) => {
    const error = new TorchError('TORCH_NOT_FOUND', `There is no route ${request.method} ${request.url.slice(0, 200)}`)
    return fail(context, error, request, reply)
  })

  describeApi(app, { isTokenRequired: tokens.isRequired })
  // After what describes them.
  app.register((routes, _options, done) => {
    healthRoutes(routes, context)
    oipRoutes(routes, context)
    tritonRoutes(routes, context)
    classifyRoutes(routes, context)
    openApiRoutes(routes)
    if (settings.page) pageRoutes(routes)
    done()
  })
  return app
}

function createFastify(settings: Settings, tls: Tls | null, logStream: AppParts['logStream']): FastifyInstance {
  const http = {
    maxHeaderSize: settings.maxHeaderBytes,
    headersTimeout: settings.headerTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
  }
  const logger =
    settings.logLevel === 'silent'
      ? false
      : { level: settings.logLevel, base: null, ...(logStream === undefined ? {} : { stream: logStream }) }
  const options = {
    logger,
    // finish() logs one line for each request.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    bodyLimit: settings.maxBodyBytes,
    connectionTimeout: settings.idleTimeoutMs,
    keepAliveTimeout: settings.idleTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    requestIdHeader: false,
    genReqId: ({ headers }: { readonly headers: IncomingMessage['headers'] }): string => {
      const given = headers['x-request-id']
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID()
    },
    routerOptions: { maxParamLength: 256 },
    // Errors of addresses that cannot be parsed, for which there is no route yet.
    frameworkErrors: (error: unknown, _request: FastifyRequest, reply: FastifyReply) => sendFailure(reply, error),
    clientErrorHandler: refuseConnection,
  } as const
  // The two types differ only in the kind of server, which does not matter here.
  return (
    tls === null ? fastify({ ...options, http }) : fastify({ ...options, https: { ...http, ...tls } })
  ) as FastifyInstance
}

/** Where tensors begin in a body, according to the client; it is checked later. */
function jsonLengthOf({ headers }: FastifyRequest): number {
  const length = Number(headers[HEADER_LENGTH])
  return Number.isSafeInteger(length) && length > 0 ? length : 0
}

/** Answers a request with an error. */
function fail(context: ServerContext, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const exchange = context.exchange(request)
  if (error instanceof ClientLeft) return reply.code(CLIENT_CLOSED).send()
  const { status, code } = failureOf(error)
  exchange.code = code
  if (status === 500) request.log.error({ err: error }, 'request failed')
  // Otherwise the rest of the body would have to be read to reach the next request.
  if (!request.raw.complete) reply.header('connection', 'close')
  return sendFailure(reply, error)
}

function sendFailure(reply: FastifyReply, error: unknown): FastifyReply {
  const { status, code, message, retryAfter } = failureOf(error)
  if (retryAfter !== null) reply.header('retry-after', String(retryAfter))
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  return reply
    .code(status)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify({ error: message, code }))
}

/** A request that is over. */
interface Finished {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly exchange: Exchange
  /** Whether the whole response was sent. */
  readonly isComplete: boolean
}

/** Logs and counts a request: facts about it, nothing of its contents. */
function finish({ metrics }: ServerContext, { request, reply, exchange, isComplete }: Finished): void {
  const { startedAt, model, version, timing, code } = exchange
  const status = isComplete ? reply.statusCode : CLIENT_CLOSED
  const ms = performance.now() - startedAt
  const url = request.routeOptions.url
  if (model !== '' || request.method === 'POST') metrics.request(model, status, ms / 1000)
  if (code !== null) metrics.rejected(model, code)
  const round = (value: number): number => Math.round(value * 100) / 100
  request.log[url !== undefined && OPEN.has(url) ? 'debug' : 'info'](
    {
      method: request.method,
      route: url ?? null,
      status,
      ...(code === null ? {} : { code }),
      ...(model === '' ? {} : { model, version }),
      ...(timing === null
        ? {}
        : {
            samples: timing.samples,
            batch: timing.batchSize,
            queueMs: round(timing.queueMs),
            preprocessMs: round(timing.preprocessMs),
            inferMs: round(timing.inferMs),
          }),
      ms: round(ms),
    },
    'request',
  )
}

/** Error codes of Node for connections that do not speak HTTP, or too slowly. */
const CONNECTION_FAULTS: Readonly<Record<string, readonly [status: string, code: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    'TORCH_TOO_LARGE',
    'The request headers are too large (maxHeaderBytes)',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'TORCH_REQUEST', 'The request took too long to arrive'],
}

function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const fault = CONNECTION_FAULTS[error.code ?? ''] ?? [
    '400 Bad Request',
    'TORCH_REQUEST',
    'The request is not valid HTTP/1.1',
  ]
  const [status, code, message] = fault
  const body = JSON.stringify({ error: message, code })
  const head = [
    `HTTP/1.1 ${status}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  if (socket.writable) socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  // The connection is closed even if the client does not read this.
  socket.destroySoon()
}

export type { FastifyBaseLogger, FastifyInstance }
