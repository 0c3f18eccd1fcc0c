import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Redis } from 'ioredis'

import { skip } from '../../../support/skip.js'

/** Whether Debian's package `redis-server`, or another one with the program, is installed. */
export const HAS_REDIS = spawnSync('redis-server', ['--version']).status === 0

/** A Redis of its own: a process on a free port, its data in a temporary folder. */
export class RedisServer {
  readonly port: number
  readonly #folder: string
  readonly #settings: readonly string[]
  #process: ChildProcess | null = null

  /**
   * Starts one that keeps a log of changes. `settings` are those of redis.conf, such as `--requirepass secret`; `OWN` among them stands
   * for its port.
   */
  static async start(...settings: readonly string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), settings)
    await server.resume()
    return server
  }

  private constructor(port: number, settings: readonly string[]) {
    this.port = port
    this.#settings = settings.map((setting) => (setting === 'OWN' ? `${port}` : setting))
    this.#folder = mkdtempSync(join(tmpdir(), 'napi-torch-redis-'))
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}/0`
  }

  /** Begins to answer, with the data that it had. */
  async resume(): Promise<void> {
    const own = ['--port', `${this.port}`, '--dir', this.#folder, '--appendonly', 'yes', '--save', '']
    const child = spawn('redis-server', [...own, ...this.#settings], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = child
    let output = ''
    await new Promise<void>((resolve, reject) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text
        if (output.includes('Ready to accept connections')) resolve()
      })
      child.once('exit', () => reject(new Error(`redis-server ended:\n${output}`)))
    })
  }

  /** Ends the process: with SIGKILL as a crash would. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#process
    this.#process = null
    if (child === null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }

  /** Takes all data away. */
  async flush(): Promise<void> {
    await this.use((client) => client.flushall())
  }

  /** Asks it something. */
  async use<T>(ask: (client: Redis) => Promise<T>): Promise<T> {
    const client = new Redis(this.url)
    try {
      return await ask(client)
    } finally {
      client.disconnect()
    }
  }

  /** Stops it and takes its data away. */
  async remove(): Promise<void> {
    await this.stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Gives the tests of the current `describe` a Redis; without the program they are skipped. */
export function useRedis(...settings: readonly string[]): () => RedisServer {
  let server: RedisServer | null = null
  before(async function () {
    if (!HAS_REDIS) skip(this, 'redis-server is not installed')
    server = await RedisServer.start(...settings)
  })
  after(() => server?.remove())
  return () => {
    if (server === null) throw new Error('Redis has not been started')
    return server
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
