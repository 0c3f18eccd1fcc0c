import { Worker } from 'node:worker_threads'

import { TorchError } from 'napi-torch'
import type { ParseResult, ParseTask } from './task.js'

/** Time after which a thread without work is ended: what it parsed last may still take its memory. */
const IDLE_MS = 30_000

/** The program of the thread: of the sources where they run, as tests and benchmarks have it. The package is bundled, with this file elsewhere. */
const PROGRAM = import.meta.url.endsWith('.ts')
  ? new URL(import.meta.url.replace(/\w+\.ts$/, 'worker_from_sources.mjs'))
  : new URL('../../dist/parse/worker.js', import.meta.url)

interface Pending {
  readonly resolve: (result: ParseResult) => void
  readonly reject: (error: TorchError) => void
}

/** A worker thread that runs one task at a time. It is started with the first one, and again if it has died. */
export class ParseThread {
  readonly #heapMiB: number
  #worker: Worker | null = null
  #pending: Pending | null = null
  #idle: NodeJS.Timeout | undefined

  /** @param heapMiB - Memory for what is parsed: a task that takes more ends the thread, and not the process. */
  constructor(heapMiB: number) {
    this.#heapMiB = heapMiB
  }

  /**
   * Runs a task; the caller waits for the one before. The memory in `transfer` goes to the thread.
   *
   * @throws {TorchError} `TORCH_TOO_LARGE` if the memory of the thread was not enough; `TORCH_INTERNAL` if it died otherwise;
   * `TORCH_NOT_READY` if it was closed meanwhile.
   */
  async run(task: ParseTask, transfer: readonly ArrayBuffer[]): Promise<ParseResult> {
    clearTimeout(this.#idle)
    const worker = (this.#worker ??= this.#start())
    try {
      return await new Promise<ParseResult>((resolve, reject) => {
        this.#pending = { resolve, reject }
        worker.ref()
        worker.postMessage(task, [...transfer])
      })
    } finally {
      this.#pending = null
      worker.unref()
      this.#idle = setTimeout(() => void this.close(), IDLE_MS).unref()
    }
  }

  /** Ends the thread; the next task starts another one. */
  async close(): Promise<void> {
    clearTimeout(this.#idle)
    const worker = this.#worker
    this.#worker = null
    this.#pending?.reject(new TorchError('TORCH_NOT_READY', 'The server is shutting down'))
    await worker?.terminate()
  }

  #start(): Worker {
    const options = { name: 'requests', resourceLimits: { maxOldGenerationSizeMb: this.#heapMiB } }
    const worker = new Worker(PROGRAM, options)
    const died = (cause: unknown): void => {
      // Its successor may be at work already.
      if (this.#worker !== worker) return
      this.#worker = null
      this.#pending?.reject(deathOf(cause))
    }
    worker.on('message', (result: ParseResult) => this.#pending?.resolve(result))
    worker.on('error', died)
    worker.on('messageerror', (error) => {
      died(error)
      void worker.terminate()
    })
    worker.on('exit', died)
    return worker
  }
}

function deathOf(cause: unknown): TorchError {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : null
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') {
    const message = 'The JSON of the request takes more memory than there is to parse it: send tensors as binary data'
    return new TorchError('TORCH_TOO_LARGE', message, { cause })
  }
  return new TorchError('TORCH_INTERNAL', 'The thread that parses requests has died', { cause })
}
