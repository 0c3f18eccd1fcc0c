import cluster, { type Worker } from 'node:cluster'
import { fileURLToPath } from 'node:url'

import { TorchError } from 'napi-torch'
import type { PrimaryCalls, WorkerCalls } from './calls.js'
import { Channel } from './channel.js'

/** What a worker runs, compiled or not as this file is. The package is bundled, with this file elsewhere. */
const MAIN = fileURLToPath(
  import.meta.url.endsWith('.ts')
    ? new URL(import.meta.url.replace(/\w+\.ts$/, 'main.ts'))
    : new URL('../../dist/workers/main.js', import.meta.url),
)

/** A worker, seen from the primary process. */
export class WorkerProcess {
  /** Number of its place, from 1: that of the one that it replaces. */
  readonly number: number
  /** Resolves to how it ended, such as `SIGKILL` or `code 1`. */
  readonly ended: Promise<string>
  readonly startedAt = performance.now()
  readonly #worker: Worker
  readonly #channel: Channel<WorkerCalls>
  /** Resolves when it listens to what it is asked for, or has ended. */
  readonly #isUp: Promise<void>
  #isAwake = false
  #isEnded = false

  /** @param answers - What it may ask for. */
  constructor(number: number, answers: Omit<PrimaryCalls, 'hello'>) {
    this.number = number
    cluster.setupPrimary({ exec: MAIN, args: [], serialization: 'advanced' })
    const worker = cluster.fork()
    this.#worker = worker
    let hello = (): void => undefined
    this.#isUp = new Promise((resolve) => (hello = resolve))
    this.#channel = new Channel<WorkerCalls>(
      {
        send: (message, onSent) => void worker.send(message, onSent),
        onMessage: (listener) => void worker.on('message', listener),
      },
      {
        ...answers,
        hello: () => {
          this.#isAwake = true
          hello()
          return Promise.resolve(null)
        },
      },
    )
    this.ended = new Promise((resolve) => {
      worker.once('exit', (code: number | null, signal: string | null) => resolve(signal ?? `code ${code}`))
      // Where it could not even be started, or a message not be sent.
      worker.on('error', (error) => {
        if (worker.process.pid === undefined) resolve(error.message)
      })
    })
    void this.ended.then((how) => {
      this.#isEnded = true
      hello()
      this.#channel.close(new TorchError('TORCH_NOT_READY', `Worker ${number} ended (${how})`))
    })
  }

  /** Asks it; rejects where it ends before it has answered. */
  async ask<K extends keyof WorkerCalls>(
    name: K,
    argument: Parameters<WorkerCalls[K]>[0],
  ): Promise<Awaited<ReturnType<WorkerCalls[K]>>> {
    await this.#isUp
    return await this.#channel.ask(name, argument)
  }

  /** Whether it answers at once: not while it is being started. */
  get isAwake(): boolean {
    return this.#isAwake && !this.#isEnded
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Process id. */
  get pid(): number | undefined {
    return this.#worker.process.pid
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL')
  }
}
