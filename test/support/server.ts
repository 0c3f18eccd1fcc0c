import { createServer, type InferenceServer, type ServerOptions } from '@napi-torch/server'

import { CHECKPOINT } from './fashion_mnist.js'

/** Name of the model that the servers of the tests have. */
export const MODEL = 'fashion-mnist'

/** A server that the tests of a `describe` share. */
export interface RunningServer {
  readonly server: InferenceServer
  /** Without a slash at the end. */
  readonly url: string
  /** Lines of its log. */
  readonly log: string[]
}

/** Starts a server with the sample model on a free port of the loopback and waits until it is ready. */
export async function startServer(options: Partial<ServerOptions> = {}): Promise<RunningServer> {
  const log: string[] = []
  const server = await createServer({
    models: { [MODEL]: CHECKPOINT },
    port: 0,
    logLevel: 'info',
    logStream: { write: (line) => void log.push(line) },
    ...options,
  })
  const url = await server.listen()
  try {
    await server.ready()
  } catch (error) {
    await server.close({ graceMs: 0 })
    throw error
  }
  return { server, url, log }
}

/** Gives the tests of the current `describe` one server, which is closed behind them. */
export function useServer(options: Partial<ServerOptions> = {}): () => RunningServer {
  let running: RunningServer | undefined
  before(async () => {
    running = await startServer(options)
  })
  after(async () => {
    await running?.server.close({ graceMs: 5000 })
  })
  return () => {
    if (running === undefined) throw new Error('The server has not been started')
    return running
  }
}

/** The body of an answer, with what tells it apart. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

/** Sends a request and reads its answer, which is JSON. */
export async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init)
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? null : (JSON.parse(text) as unknown),
  }
}

/** Sends JSON. */
export function post(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return ask(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}
