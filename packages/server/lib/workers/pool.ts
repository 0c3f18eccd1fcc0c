import { setTimeout as delay } from 'node:timers/promises'

import type { FastifyBaseLogger } from 'fastify'

import { TorchError } from 'napi-torch'
import { isError } from 'napi-torch/internal'
import { checkSettings } from '../check_settings.js'
import { usablePorts } from '../listen.js'
import { createLog, type LogStream } from '../log.js'
import type { FolderChange, IndexEntry } from '../registry.js'
import type { ModelSettings, Settings } from '../settings.js'
import { sumStatistics } from '../statistics.js'
import { WatchedFolder } from '../watch_folder.js'
import { watchModels } from '../watch.js'
import type { Addresses, PrimaryCalls, WorkerCalls } from './calls.js'
import { CommonFolder } from './common_folder.js'
import { CommonModels } from './common_models.js'
import { checkPlatform } from './platform.js'
import { PoolMetrics } from './pool_metrics.js'
import { WorkerProcess } from './process.js'
import { settingsOfWorker } from './share.js'

/** Options of {@link WorkerPool}. */
export interface WorkerPoolOptions {
  readonly logStream?: LogStream | undefined
}

/** Time after which a worker is replaced, in ms: doubled each time, unless it has served for a while. */
const MIN_BACKOFF_MS = 100
const MAX_BACKOFF_MS = 30_000
const SERVED_MS = 60_000

/** Time beyond the grace period after which a worker that does not end is killed, in ms. */
const KILL_MS = 5000

/**
 * Processes that serve the same models on one port; this process only starts and replaces them, and does in all of them what one was
 * asked for. All changes are made one at a time.
 */
export class WorkerPool {
  readonly #settings: Settings
  readonly #log: FastifyBaseLogger
  readonly #metrics = new PoolMetrics()
  readonly #models: CommonModels
  readonly #folder: CommonFolder | null
  readonly #watched: WatchedFolder | null
  /** All that run, ready or not. */
  readonly #running = new Set<WorkerProcess>()
  /** Those that have loaded all, by their number. */
  readonly #ready = new Map<number, WorkerProcess>()
  readonly #backoff = new Map<number, number>()
  readonly #closed = new AbortController()
  #ports: readonly number[] = []
  #addresses: Addresses | null = null
  #index: readonly IndexEntry[] = []
  #loading: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #last: Promise<unknown> = Promise.resolve()
  #stopWatching: () => void = () => undefined

  /** @throws {TorchError} `TORCH_PLATFORM` where processes cannot share a port. */
  constructor(settings: Settings, { logStream }: WorkerPoolOptions = {}) {
    checkPlatform()
    this.#settings = settings
    this.#log = createLog(settings, logStream)
    this.#models = new CommonModels(settings.models)
    this.#folder = settings.modelsFolder === '' ? null : new CommonFolder((body) => this.#inTurn(body), this.#ready)
    this.#watched =
      this.#folder === null
        ? null
        : new WatchedFolder(settings, this.#folder, {
            changed: (change) => this.#noteChange(change),
            unreadable: (error) => this.#log.error({ err: error }, 'the folder of models cannot be read'),
          })
  }

  /** URL of the service; null while it does not listen. */
  get url(): string | null {
    return this.#addresses?.url ?? null
  }

  /** Address and port for gRPC; null while it does not listen, or without the setting `grpc`. */
  get grpcAddress(): string | null {
    return this.#addresses?.grpcAddress ?? null
  }

  /** The models and their states, when {@link ready} resolved. */
  get models(): readonly IndexEntry[] {
    return this.#index
  }

  /** Writes a warning into the log, where there is one. */
  warn(message: string): void {
    this.#log.warn(message)
  }

  /**
   * Starts a first worker, and resolves to the URL when it listens. The others are started when that has loaded its models: what is
   * wrong with them is told once.
   *
   * @throws {TorchError} `TORCH_LISTEN` if the address or port cannot be used; the codes of `createServer()`.
   */
  async listen(): Promise<string> {
    const { host, port, grpc, grpcPort } = this.#settings
    // Asked for here, as a port of 0 would be another one when all workers have ended at once.
    this.#ports = await usablePorts(host, grpc ? [port, grpcPort] : [port])
    this.#models.replace(await this.#models.read(this.#settings.models))
    const first = this.#fork(1)
    await this.#listen(first)
    this.#loading = this.#start(first)
    // ready() rejects with it.
    this.#loading.catch(() => undefined)
    return this.url ?? ''
  }

  /** Waits until all workers have loaded all models. @throws {TorchError} The codes of `loadCheckpoint()`. */
  async ready(): Promise<void> {
    if (this.#loading === undefined) throw new TorchError('TORCH_NOT_READY', 'Call listen() before ready()')
    await this.#loading
  }

  /**
   * Does what `InferenceServer.reload()` does, in one worker after the other. If it fails in the first, nothing changes; in another one,
   * that goes on with the old models until the next reload.
   */
  async reload(models: () => Promise<readonly ModelSettings[]>): Promise<void> {
    try {
      const given = await models()
      const checked = checkSettings({ ...this.#settings, models: given }, 'reload()').models
      await this.#replace(checked)
      await this.#watched?.check({ isSettled: true })
      this.#metrics.reload('ok')
      this.#log.info({ models: await this.#commonIndex() }, 'models reloaded')
    } catch (error) {
      this.#metrics.reload('failed')
      this.#log.error({ err: error }, 'reload failed')
      throw error
    }
  }

  /** Shuts all workers down: each finishes the requests under way within the grace period. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { graceMs } = this.#settings
    this.#closed.abort()
    this.#stopWatching()
    this.#watched?.stop()
    await Promise.all(
      [...this.#running].map(async (worker) => {
        const ended = new AbortController()
        const killed = delay(graceMs + KILL_MS, undefined, { signal: ended.signal }).then(
          () => worker.kill(),
          () => undefined,
        )
        await worker.ask('close', graceMs).catch(() => undefined)
        await worker.ended
        ended.abort()
        await killed
      }),
    )
    await this.#last.catch(() => undefined)
  }

  /** Lets the first worker load its models, and then starts the others. */
  async #start(first: WorkerProcess): Promise<void> {
    await first.ask('ready', null)
    this.#join(first)
    // Its first scan is passed to the others when they are started.
    await this.#watched?.start()
    const others = Array.from({ length: this.#settings.workers - 1 }, (_, index) => index + 2)
    await this.#inTurn(async () => {
      await Promise.all(others.map((number) => this.#startWorker(number)))
    })
    for (const worker of this.#ready.values()) void this.#follow(worker)
    this.#index = await this.#commonIndex()
    await this.#sayReady()
    const { watchMs } = this.#settings
    if (watchMs > 0 && this.#closing === undefined) {
      const reload = (): Promise<void> => this.reload(() => Promise.resolve(this.#models.settings))
      this.#stopWatching = watchModels(this.#models, watchMs, reload)
    }
  }

  #fork(number: number): WorkerProcess {
    if (this.#closing !== undefined) throw leaving()
    const worker = new WorkerProcess(number, this.#answers)
    this.#running.add(worker)
    void worker.ended.then(() => this.#running.delete(worker))
    return worker
  }

  async #listen(worker: WorkerProcess): Promise<void> {
    const [port = 0, grpcPort = this.#settings.grpcPort] = this.#ports
    const settings = settingsOfWorker({ ...this.#settings, port, grpcPort, models: this.#models.settings })
    this.#addresses = await worker.ask('listen', { number: worker.number, settings })
  }

  /** Starts a worker, which then has what the others have. To be called in turn. */
  async #startWorker(number: number): Promise<WorkerProcess> {
    const worker = this.#fork(number)
    try {
      await this.#listen(worker)
      await worker.ask('ready', null)
      if (this.#folder !== null) await this.#folder.bringUp(worker)
      for (const model of this.#models.unloaded) await worker.ask('unload', model)
      this.#join(worker)
      return worker
    } catch (error) {
      // It may have begun to shut down.
      if (this.#closing === undefined) worker.kill()
      throw error
    }
  }

  #join(worker: WorkerProcess): void {
    this.#ready.set(worker.number, worker)
    this.#log.info({ worker: worker.number, pid: worker.pid }, 'worker ready')
  }

  /** Waits for the end of a worker that was ready, and replaces it. */
  async #follow(worker: WorkerProcess): Promise<void> {
    const { number } = worker
    const how = await worker.ended
    this.#ready.delete(number)
    this.#metrics.end(number)
    if (this.#closing !== undefined) return
    this.#log.error({ worker: number, pid: worker.pid, reason: how }, 'worker ended')
    await this.#sayReady()
    if (performance.now() - worker.startedAt > SERVED_MS) this.#backoff.delete(number)
    while (!this.#closed.signal.aborted) {
      const waitMs = this.#backoff.get(number) ?? MIN_BACKOFF_MS
      this.#backoff.set(number, Math.min(2 * waitMs, MAX_BACKOFF_MS))
      await delay(waitMs, undefined, { signal: this.#closed.signal }).catch(() => undefined)
      if (this.#closed.signal.aborted) return
      try {
        this.#metrics.restart()
        const next = await this.#inTurn(() => this.#startWorker(number))
        await this.#sayReady()
        void this.#follow(next)
        return
      } catch (error) {
        if (!this.#closed.signal.aborted) this.#log.error({ worker: number, err: error }, 'worker cannot be replaced')
      }
    }
  }

  /** Tells the workers whether all are ready. */
  async #sayReady(): Promise<void> {
    const isReady = this.#ready.size === this.#settings.workers
    await Promise.all(this.#awake.map((worker) => worker.ask('allReady', isReady).catch(() => null)))
  }

  /** Asks the workers that are ready, one after the other. Where the first has done it, one that cannot is replaced by one that can. */
  async #askEach<K extends 'load' | 'unload' | 'replace'>(
    name: K,
    argument: Parameters<WorkerCalls[K]>[0],
  ): Promise<void> {
    const workers = [...this.#ready.values()]
    if (workers.length === 0) throw new TorchError('TORCH_NOT_READY', 'No worker is ready')
    for (const [index, worker] of workers.entries()) {
      try {
        await worker.ask(name, argument)
      } catch (error) {
        if (index === 0) throw error
        // One that has ended is being replaced already.
        if (!worker.isEnded) this.#retire(worker, error)
      }
    }
  }

  /** Ends a worker that could not do what the others have done; the one in its place begins with what they have. */
  #retire(worker: WorkerProcess, reason: unknown): void {
    this.#log.error({ worker: worker.number, err: reason }, 'worker is replaced, as it cannot follow the others')
    this.#ready.delete(worker.number)
    worker.ask('close', this.#settings.graceMs).catch(() => worker.kill())
  }

  #replace(models: readonly ModelSettings[]): Promise<void> {
    return this.#inTurn(async () => {
      const replacement = await this.#models.read(models)
      await this.#askEach('replace', models)
      this.#models.replace(replacement)
    })
  }

  async #change(verb: 'load' | 'unload', model: string): Promise<null> {
    try {
      await this.#inTurn(async () => {
        await this.#askEach(verb, model)
        this.#models.note(verb, model)
      })
      this.#metrics.reload('ok')
      return null
    } catch (error) {
      this.#metrics.reload('failed')
      throw error
    }
  }

  /** The models; one is ready where it is in each worker that runs. */
  async #commonIndex(): Promise<readonly IndexEntry[]> {
    // While the first one is started, it tells of what it loads.
    const asked = this.#ready.size > 0 ? [...this.#ready.values()] : this.#awake
    const lists = await Promise.all(asked.map((worker) => worker.ask('index', null).catch(() => [])))
    const entries = new Map<string, IndexEntry>()
    for (const entry of lists.flat()) {
      const key = `${entry.name}/${entry.version}`
      const before = entries.get(key)
      if (before === undefined || before.state === 'READY') entries.set(key, entry)
    }
    return [...entries.values()]
  }

  /** Workers that answer at once. */
  get #awake(): readonly WorkerProcess[] {
    return [...this.#running].filter(({ isAwake }) => isAwake)
  }

  /** What a worker may ask for. */
  readonly #answers: Omit<PrimaryCalls, 'hello'> = {
    load: (model) => this.#change('load', model),
    unload: (model) => this.#change('unload', model),
    index: () => this.#commonIndex(),
    statistics: async (wanted) => {
      const asked = [...this.#ready.values()].map((worker) => worker.ask('statistics', wanted).catch(() => []))
      return sumStatistics((await Promise.all(asked)).flat())
    },
    metrics: () => this.#metrics.text(this.#awake),
  }

  #noteChange({ kind, name, version, error }: FolderChange): void {
    const facts = { model: name, version }
    if (kind === 'incomplete') {
      this.#log.warn({ ...facts, reason: isError(error) ? error.message : '' }, 'model is incomplete')
      return
    }
    this.#metrics.reload(kind === 'failed' ? 'failed' : 'ok')
    if (kind === 'failed') this.#log.error({ ...facts, err: error }, 'model cannot be loaded')
    else this.#log.info(facts, `model ${kind}`)
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(change, change)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}

function leaving(): TorchError {
  return new TorchError('TORCH_NOT_READY', 'The server is shutting down')
}
