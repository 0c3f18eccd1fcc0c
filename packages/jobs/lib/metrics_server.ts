import { createServer, type Server } from 'node:http'

import { TorchError } from 'napi-torch'
import type { WorkerMetrics } from './metrics.js'

/** Address at which a worker serves its metrics. */
export interface MetricsAddress {
  /** Default: `127.0.0.1`, which only this machine can reach. */
  readonly host?: string | undefined
  /** 0 selects a free port. */
  readonly port: number
}

/** Serves `/metrics` for Prometheus and `/healthz` for liveness probes. */
export class MetricsServer {
  readonly url: string
  readonly #server: Server

  /** @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the address cannot be listened on. */
  static async open({ host = '127.0.0.1', port }: MetricsAddress, metrics: WorkerMetrics): Promise<MetricsServer> {
    const server = createServer((request, response) => {
      const path = request.url?.split('?', 1)[0]
      if (path === '/healthz') {
        response.end('ok\n')
      } else if (path === '/metrics') {
        metrics.text().then(
          (text) => response.setHeader('Content-Type', metrics.contentType).end(text),
          () => response.writeHead(500).end(),
        )
      } else response.writeHead(404).end()
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => {
        const message = `Metrics cannot be served at ${host}:${port}: ${cause.message}`
        reject(new TorchError('TORCH_INVALID_ARGUMENT', message, { cause }))
      })
      server.listen(port, host, resolve)
    })
    return new MetricsServer(server, host)
  }

  private constructor(server: Server, host: string) {
    this.#server = server
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    this.url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/metrics`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
