import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import type { Server as HttpsServer } from 'node:https'
import { setTimeout as delay } from 'node:timers/promises'
import { createSecureContext } from 'node:tls'

import { TorchError } from 'napi-torch'
import { checkOptions } from 'napi-torch/internal'
import { BodyBudget } from './admission.js'
import { createApp, type FastifyInstance, type Tls } from './app.js'
import { ServerContext } from './context.js'
import { Metrics } from './metrics.js'
import { ModelRegistry, type IndexEntry } from './registry.js'
import { Tokens } from './security.js'
import { checkSettings, type ModelSettings, type PartialSettings, type Settings } from './settings.js'
import { openTracing } from './tracing.js'
import { watchModels } from './watch.js'

/** Options of {@link createServer}: the settings, and what cannot be written into a file. */
export interface ServerOptions extends Omit<PartialSettings, 'models'> {
  /** Checkpoints by the names of the models, or models with all that may be said of each. */
  readonly models: Readonly<Record<string, string>> | readonly ModelSettings[]
  /** Takes the lines of the log, which are JSON, in place of stdout. */
  readonly logStream?: { write(line: string): void } | undefined
}

/** Options of {@link InferenceServer.close}. */
export interface CloseOptions {
  /** How long requests under way may still take, in ms. Default: the setting `graceMs`. */
  readonly graceMs?: number | undefined
}

/**
 * Makes a server that answers the Open Inference Protocol v2 for checkpoints: `docs/server.md` says what it speaks. It neither
 * listens nor loads before {@link InferenceServer.listen}.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for settings that are not as they should be; `TORCH_FILE` if a certificate, key or
 * token file cannot be read.
 */
export async function createServer(options: ServerOptions): Promise<InferenceServer> {
  const { models, logStream, ...rest } = options
  const list = Array.isArray(models)
    ? (models as readonly ModelSettings[])
    : Object.entries(models).map(([name, checkpoint]) => ({ name, checkpoint: checkpoint as string }))
  const settings = checkSettings({ ...rest, models: list }, 'the options of createServer()')
  const tls = await readTls(settings)
  const parts = { settings, tls, logStream, tokens: await Tokens.open(settings), tracing: await openTracing() }
  return new InferenceServer(parts)
}

interface ServerParts {
  readonly settings: Settings
  readonly tls: Tls | null
  readonly tokens: Tokens
  readonly tracing: ServerContext['tracing']
  readonly logStream: ServerOptions['logStream']
}

/** A server of models over HTTP. Made by {@link createServer}. */
export class InferenceServer implements AsyncDisposable {
  readonly #settings: Settings
  readonly #models: ModelRegistry
  readonly #metrics: Metrics
  readonly #context: ServerContext
  readonly #app: FastifyInstance
  #loading: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #stopWatching: () => void = () => undefined

  /** @internal Servers are made by `createServer()`. */
  constructor({ settings, tls, tokens, tracing, logStream }: ServerParts) {
    this.#settings = settings
    const budget = new BodyBudget(settings.maxBytesInFlight)
    this.#models = new ModelRegistry(settings, {
      batch: ({ name, version }, { size, computeMs }) => {
        this.#metrics.batch(name, size, computeMs)
        this.#context.statistics(name, version).batch(size, computeMs)
      },
    })
    this.#metrics = new Metrics({
      models: this.#models,
      bodyBytes: () => budget.used,
      connections: () => this.#connections(),
    })
    this.#context = new ServerContext({ settings, models: this.#models, metrics: this.#metrics, tracing, budget })
    this.#app = createApp(this.#context, { tokens, tls, logStream })
  }

  /** Address of the server, such as `http://127.0.0.1:8000`; null while it does not listen. */
  get url(): string | null {
    const address = this.#app.server.address() as AddressInfo | null
    if (address === null) return null
    const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
    return `${this.#settings.tlsCert === '' ? 'http' : 'https'}://${host}:${address.port}`
  }

  /** Tells whether requests are answered now. */
  get isReady(): boolean {
    return this.#context.isReady
  }

  /** Models and their states. */
  get models(): readonly IndexEntry[] {
    return this.#models.index()
  }

  /**
   * Begins to listen and to load. Gives the address at once: until all models are loaded, the server is alive and not ready.
   *
   * @throws {TorchError} `TORCH_LISTEN` if the address or port cannot be had.
   */
  async listen(): Promise<string> {
    const { host, port } = this.#settings
    await this.#app.listen({ host, port, backlog: 1024 }).catch((cause: unknown) => {
      throw cannotListen(host, port, cause)
    })
    this.#loading = this.#models.apply(this.#models.modelSettings).then(() => this.#watch())
    // Whoever waits for ready() is told.
    this.#loading.catch(() => undefined)
    return this.url ?? ''
  }

  /** Waits until all models are loaded and warm. @throws {TorchError} What is wrong with a checkpoint, as `loadCheckpoint()`. */
  async ready(): Promise<void> {
    if (this.#loading === undefined) throw new TorchError('TORCH_NOT_READY', 'The server does not listen yet')
    await this.#loading
  }

  /**
   * Loads models whose files or settings changed beside those that answer, and swaps them all at once; requests under way finish on
   * the old ones. If one fails, nothing changes.
   *
   * @param models - The models that should be there from now on. Default: the same as before.
   */
  async reload(models: readonly ModelSettings[] = this.#models.modelSettings): Promise<void> {
    const checked = checkSettings({ ...this.#settings, models }, 'reload()').models
    const { log } = this.#app
    try {
      await this.#models.apply(checked)
      await this.#reloadTls()
      this.#metrics.reload('ok')
      log.info({ models: this.models }, 'models reloaded')
    } catch (error) {
      this.#metrics.reload('failed')
      log.error({ err: error }, 'reload failed: the models are as before')
      throw error
    }
  }

  /**
   * Ends the server: it is no longer ready, refuses new work, finishes what is under way within the grace period, and lets all memory
   * go.
   */
  close(options: CloseOptions = {}): Promise<void> {
    checkOptions('close()', options, ['graceMs'])
    this.#closing ??= this.#close(options.graceMs ?? this.#settings.graceMs)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(graceMs: number): Promise<void> {
    this.#stopWatching()
    this.#context.isLeaving = true
    this.#app.log.info('leaving')
    if (this.#settings.drainDelayMs > 0) await delay(Math.min(this.#settings.drainDelayMs, graceMs))
    this.#context.isDraining = true
    // Connections that have sent a request which has not been read yet look idle; closed, they would lose it.
    await delay(Math.min(SETTLE_MS, graceMs))
    const grace = new AbortController()
    const overdue = delay(graceMs, undefined, { signal: grace.signal }).then(
      () => this.#app.server.closeAllConnections(),
      () => undefined,
    )
    // Those that are idle are closed now, the others after their answer.
    const closed = this.#app.close()
    await this.#context.idle()
    this.#app.server.closeIdleConnections()
    await closed
    grace.abort()
    await overdue
    await this.#models.close()
    this.#metrics.close()
  }

  #watch(): void {
    const { watchMs } = this.#settings
    if (watchMs > 0 && this.#closing === undefined) {
      this.#stopWatching = watchModels(this.#models, watchMs, () => this.reload())
    }
  }

  async #reloadTls(): Promise<void> {
    const tls = await readTls(this.#settings)
    if (tls !== null) (this.#app.server as unknown as HttpsServer).setSecureContext(tls)
  }

  #connections(): Promise<number> {
    return new Promise((resolve) => {
      this.#app.server.getConnections((error, count) => resolve(error === null ? count : 0))
    })
  }
}

/** What has arrived before the end of the server is read by then, and answered. */
const SETTLE_MS = 100

const LISTEN_FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there already',
  EACCES: 'that needs rights which this process does not have',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such host',
}

function cannotListen(host: string, port: number, cause: unknown): TorchError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const reason = LISTEN_FAULTS[code] ?? (cause instanceof Error ? cause.message : String(cause))
  return new TorchError('TORCH_LISTEN', `Cannot listen on ${host}, port ${port}: ${reason}`, { cause })
}

async function readTls({ tlsCert, tlsKey }: Settings): Promise<Tls | null> {
  if (tlsCert === '') return null
  const read = (path: string): Promise<Buffer> =>
    readFile(path).catch((cause: unknown) => {
      throw new TorchError('TORCH_FILE', `${path}: Cannot be read`, { cause })
    })
  const tls = { cert: await read(tlsCert), key: await read(tlsKey) }
  try {
    createSecureContext(tls)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new TorchError('TORCH_FILE', `${tlsCert} with the key ${tlsKey} cannot be used: ${reason}`, { cause })
  }
  return tls
}
