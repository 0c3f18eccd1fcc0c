import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

import {
  fastify,
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyPluginCallback,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'

import { TorchError } from 'napi-torch'
import { discard, readBody } from './body.js'
import { allowOrigins } from './cors.js'
import { ClientLeft, type Exchange, type ServerContext } from './context.js'
import { logOptions, type LogStream } from './log.js'
import { limitConnections } from './max_connections.js'
import { HEADER_LENGTH } from './oip/request.js'
import { describeApi } from './openapi/document.js'
import { checkQueryNames } from './openapi/validate_query.js'
import { openApiRoutes } from './routes/openapi.js'
import { classifyRoutes } from './routes/classify.js'
import { healthRoutes } from './routes/health.js'
import { oipRoutes } from './routes/oip.js'
import { PAGE_ADDRESSES, pageRoutes } from './routes/page.js'
import { tritonRoutes } from './routes/triton.js'
import { v1Routes } from './routes/v1.js'
import { callerOf } from './routes/call.js'
import { recordRequest, requestIdOf } from './request_log.js'
import type { Settings } from './settings.js'
import { CLIENT_CLOSED, failureOf } from './status.js'

/** A certificate and its key, in PEM. */
export interface Tls {
  readonly cert: Buffer
  readonly key: Buffer
}

/** Parts of the app beside the context. */
export interface AppParts {
  readonly tls: Tls | null
  /** Receives the log. Default: stdout. */
  readonly logStream?: LogStream | undefined
}

/** Open to everyone: orchestrators and Prometheus have no tokens. */
const OPEN = new Set(['/livez', '/readyz', '/metrics', '/v2/health/live', '/v2/health/ready', ...PAGE_ADDRESSES])

/** The model of a path that has no route. */
const MODEL_IN_PATH = /^\/v[12]\/(?:repository\/)?(?:models|classify)\/([^/:]+)/

/** How often Node checks for connections that are too slow. */
const CONNECTIONS_CHECK_MS = 1000

/** Creates the HTTP side of a server: limits, tokens, errors, logs and all routes. */
export function createApp(context: ServerContext, { tls, logStream }: AppParts): FastifyInstance {
  const { settings } = context
  const logger = logOptions(settings, logStream, context.peers?.number)
  const app = createFastify(settings, tls, logger)
  limitConnections(app.server, settings.maxConnections, { isWorker: context.peers !== null })
  // Clients that ask are told to send a body only when it will be read.
  const continues = new WeakMap<IncomingMessage, ServerResponse>()
  app.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    continues.set(request, response)
    app.server.emit('request', request, response)
  })
  // Bodies of all types are read alike: the routes check the type beforehand.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', async (request: FastifyRequest, payload: IncomingMessage) => {
    const exchange = context.exchange(request)
    const limits = {
      maxBodyBytes: settings.maxBodyBytes,
      share: exchange.share,
      alignedByte: jsonLengthOf(request),
      pool: context.bodies,
      welcome: () => continues.get(payload)?.writeContinue(),
    }
    const body = await readBody(payload, limits)
    exchange.arrivedAt = performance.now()
    return body
  })

  const methods = new RouteMethods()
  app.addHook('onRoute', ({ url, method }) => methods.add(url, method))
  allowOrigins(app, settings)
  // After what answers the browser's questions, which carry no token.
  app.register(inSameScope((scope) => addRequestHooks(scope, context, methods)))

  app.addHook('onSend', (request, reply, _payload, done) => {
    // Connections that stay open would delay the shutdown. One whose body is still arriving is closed after it.
    if (context.isDraining && request.raw.complete) reply.header('connection', 'close')
    done()
  })

  app.setErrorHandler((error, request, reply) => fail(context, error, request, reply))
  // What has no route is refused by the hook.
  app.setNotFoundHandler((_request, reply) => reply.code(404).send())

  describeApi(app, { isTokenRequired: context.access.isTokenRequired })
  // After what describes them.
  app.register((routes, _options, done) => {
    healthRoutes(routes, context)
    oipRoutes(routes, context)
    tritonRoutes(routes, context)
    classifyRoutes(routes, context)
    v1Routes(routes, context)
    openApiRoutes(routes)
    if (settings.page) pageRoutes(routes)
    done()
  })
  return app
}

function addRequestHooks(app: FastifyInstance, context: ServerContext, methods: RouteMethods): void {
  const { settings } = context
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    const exchange = context.begin(request, reply, (exchange, isComplete) => {
      finish(context, { request, reply, exchange, isComplete })
      // The body of a request that failed may still be read, by the decoder of an image for example.
      if (isComplete && reply.statusCode === 200 && Buffer.isBuffer(request.body)) context.bodies.give(request.body)
    })
    // Counted under its model also where it is refused. Other names are not: any client could add to the metrics.
    const url = request.url.split('?', 1)[0] ?? ''
    const { model = MODEL_IN_PATH.exec(url)?.[1] } = request.params as { readonly model?: string }
    if (model !== undefined && context.models.has(model)) exchange.model = model
    // These routes check the admin token themselves.
    const isAdministration = url.startsWith('/v2/repository/models/') && settings.repositoryControl && !request.is404
    if (!OPEN.has(url) && !isAdministration) {
      exchange.share.client = context.access.enter(callerOf(request))
    }
    // Before its body is read.
    if (request.is404) throw wrongAddress(request, reply, methods.of(url))
  })
  app.addHook('onRequest', (request, _reply, done) => {
    const { url } = request.routeOptions
    // Links to the page may carry parameters of others. An unknown address is what is wrong where it is unknown.
    if (url !== undefined && !PAGE_ADDRESSES.includes(url)) checkQueryNames(request)
    done()
  })
}

/** Makes a plugin whose hooks are those of the app itself, in the order of the plugins. */
function inSameScope(add: (app: FastifyInstance) => void): FastifyPluginCallback {
  const plugin: FastifyPluginCallback = (app, _options, done) => {
    add(app)
    done()
  }
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true })
}

function createFastify(settings: Settings, tls: Tls | null, logger: ReturnType<typeof logOptions>): FastifyInstance {
  const http = {
    maxHeaderSize: settings.maxHeaderBytes,
    headersTimeout: settings.headerTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
  }
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
    trustProxy: settings.trustProxy === '' ? false : settings.trustProxy,
    genReqId: ({ headers }: { readonly headers: IncomingMessage['headers'] }) => requestIdOf(headers['x-request-id']),
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

/** The methods that the addresses of the server take. */
class RouteMethods {
  readonly #routes = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>()

  add(url: string, methods: string | readonly string[]): void {
    const pattern = new RegExp(`^${url.replace(ROUTE_TOKENS, patternOfToken)}$`)
    const route = this.#routes.get(url) ?? { pattern, methods: new Set() }
    for (const method of [methods].flat()) route.methods.add(method)
    this.#routes.set(url, route)
  }

  of(url: string): readonly string[] {
    const found = [...this.#routes.values()].filter(({ pattern }) => pattern.test(url))
    return [...new Set(found.flatMap(({ methods }) => [...methods]))].sort()
  }
}

/** What is not literal in the address of a route: two colons for one, a parameter, perhaps with what it may be, and other signs. */
const ROUTE_TOKENS = /::|:\w+(?:\([^)]*\))?|[.*+?^$()[\]{}|\\]/g

function patternOfToken(token: string): string {
  if (token === '::') return ':'
  if (token.startsWith(':')) return token.endsWith(')') ? '[^/:]+' : '[^/]+'
  return `\\${token}`
}

function wrongAddress({ method, url }: FastifyRequest, reply: FastifyReply, allowed: readonly string[]): TorchError {
  if (allowed.length === 0) return new TorchError('TORCH_NOT_FOUND', `There is no route ${method} ${url.slice(0, 200)}`)
  reply.header('allow', allowed.join(', '))
  return new TorchError('TORCH_METHOD', `Expected ${allowed.join(' or ')} for this address, received ${method}`)
}

/** Answers a request with an error. */
function fail(context: ServerContext, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const exchange = context.exchange(request)
  if (error instanceof ClientLeft) return reply.code(CLIENT_CLOSED).send()
  const { status, code } = failureOf(error)
  exchange.code = code
  if (status === 500) request.log.error({ err: error }, 'request failed')
  if (!request.raw.complete) {
    // A client that waits to be told to send its body does not send it now, and one that is too slow was given its time.
    const isClosed = request.headers.expect !== undefined || code === 'TORCH_TOO_SLOW'
    if (isClosed) {
      reply.header('connection', 'close')
    } else {
      // Fastify would close it, and the client see that instead of the response.
      reply.removeHeader('connection')
      discard(request.raw, context.settings)
    }
  }
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

function finish(context: ServerContext, { request, reply, exchange, isComplete }: Finished): void {
  const url = request.routeOptions.url
  recordRequest(context, request.log, {
    exchange,
    method: request.method,
    route: url ?? null,
    status: isComplete ? reply.statusCode : CLIENT_CLOSED,
    address: request.ip,
    traceId: context.tracing.traceId(request.headers),
    isCounted: request.method === 'POST',
    isMinor: url !== undefined && OPEN.has(url),
  })
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
