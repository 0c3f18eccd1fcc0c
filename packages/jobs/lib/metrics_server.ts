import { createServer, type Server } from 'node:http'

import { TorchError } from 'napi-torch'
import type { Figures } from './figures.js'

/** Where the figures of a worker can be read. */
export interface MetricsAddress {
  /** Default: `127.0.0.1`, from where only this machine reads. */
  readonly host?: string | undefined
  /** 0 takes a free one. */
  readonly port: number
}

/** Serves `/metrics` to Prometheus, and `/healthz` to whoever asks whether the worker lives. */
export class MetricsServer {
  readonly url: string
  readonly #server: Server

  /** @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the address cannot be listened on. */
  static async open({ host = '127.0.0.1', port }: MetricsAddress, figures: Figures): Promise<MetricsServer> {
    const server = createServer((request, response) => {
      const path = request.url?.split('?', 1)[0]
      if (path === '/healthz') {
        response.end('ok\n')
      } else if (path === '/metrics') {
        figures.text().then(
          (text) => response.setHeader('Content-Type', figures.contentType).end(text),
          () => response.writeHead(500).end(),
        )
      } else response.writeHead(404).end()
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => {
        const message = `The figures cannot be served at ${host}:${port}: ${cause.message}`
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
