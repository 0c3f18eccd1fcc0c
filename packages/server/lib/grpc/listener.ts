import { once } from 'node:events'
import { createServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net'

import type { ConnectionInjector, Server, ServerCredentials } from '@grpc/grpc-js'
import type { FastifyBaseLogger } from 'fastify'

import type { Tls } from '../app.js'
import type { ServerContext } from '../context.js'
import { limitConnections } from '../max_connections.js'
import { Calls } from './calls.js'
import { Definition, HEALTH_SERVICE, INFERENCE_SERVICE } from './definition.js'
import { checkHealth, watchHealth } from './health.js'
import { checkInternals } from './internals.js'
import { grpcJs, reflection } from './library.js'
import { inferenceService } from './service.js'
import { unary } from './unary.js'

/** The gRPC side of a server: its port, its connections and their calls. */
export class GrpcListener {
  readonly #server: Server
  readonly #calls: Calls
  /** Of our own: grpc-js neither limits connections nor takes a new certificate. */
  readonly #listener: NetServer
  readonly #sockets = new Set<Socket>()
  #injector: ConnectionInjector

  constructor(context: ServerContext, { tls, log }: { readonly tls: Tls | null; readonly log: FastifyBaseLogger }) {
    const { settings } = context
    this.#calls = new Calls(context, log)
    const definition = new Definition()
    const { Server } = grpcJs()
    this.#server = new Server({
      'grpc.max_receive_message_length': settings.maxBodyBytes,
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': settings.grpcMaxCalls,
      'grpc.max_connection_idle_ms': settings.idleTimeoutMs,
      'grpc.enable_channelz': 0,
      interceptors: [this.#calls.interceptor],
    })
    this.#server.addService(definition.serviceOf(INFERENCE_SERVICE), inferenceService(context, this.#calls, definition))
    const parts = { calls: this.#calls, definition }
    this.#server.addService(definition.serviceOf(HEALTH_SERVICE), {
      Check: unary(parts, HEALTH_SERVICE, 'Check', checkHealth(context)),
      Watch: watchHealth(context, definition),
    })
    const { ReflectionService } = reflection()
    new ReflectionService(definition.packages).addToServer(this.#server)
    this.#injector = this.#server.createConnectionInjector(credentialsOf(tls))
    this.#listener = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket)
      // Clients that reset a connection before it says anything.
      socket.on('error', () => undefined).once('close', () => this.#sockets.delete(socket))
      this.#injector.injectConnection(socket)
    })
    limitConnections(this.#listener, settings.maxConnections, { isWorker: context.peers !== null })
  }

  /** Address and port, such as `127.0.0.1:8001`; null while it does not listen. */
  get address(): string | null {
    const address = this.#listener.address() as AddressInfo | null
    if (address === null) return null
    return `${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`
  }

  /** Open connections. */
  get connections(): number {
    return this.#sockets.size
  }

  /** @throws {TorchError} `TORCH_NOT_INSTALLED` where grpc-js lacks what is read of its calls; the error of Node, such as `EADDRINUSE`. */
  async listen(host: string, port: number): Promise<void> {
    await checkInternals()
    this.#listener.listen({ host, port, backlog: 1024 })
    await once(this.#listener, 'listening')
  }

  /** Gives connections from now on another certificate; those that are open go on. */
  replaceTls(tls: Tls): void {
    this.#injector = this.#server.createConnectionInjector(credentialsOf(tls))
  }

  /** Takes no new connections, and ends those that are open after their calls. */
  async close(): Promise<void> {
    this.#calls.endIdleStreams()
    await new Promise<void>((resolve) => {
      if (this.#listener.listening) this.#listener.close(() => resolve())
      else resolve()
      // Its callback does not wait for sessions that are being opened: the listener waits for their connections.
      this.#server.tryShutdown(() => undefined)
    })
  }

  /** Ends all connections, with their calls. */
  closeAllConnections(): void {
    this.#server.forceShutdown()
    for (const socket of this.#sockets) socket.destroy()
  }
}

function credentialsOf(tls: Tls | null): ServerCredentials {
  const { ServerCredentials } = grpcJs()
  if (tls === null) return ServerCredentials.createInsecure()
  return ServerCredentials.createSsl(null, [{ cert_chain: tls.cert, private_key: tls.key }])
}
