import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import type { Server as HttpsServer } from 'node:https'
import { setTimeout as delay } from 'node:timers/promises'
import { createSecureContext } from 'node:tls'

import { TorchError } from 'napi-torch'
import { checkOptions, expected, isError, openLibtorchAside, reasonOf, shorten } from 'napi-torch/internal'
import { BodyBudget } from './body_budget.js'
import { GrpcListener } from './grpc/listener.js'
import { createApp, type FastifyInstance, type Tls } from './app.js'
import { ServerContext } from './context.js'
import { cannotListen } from './listen.js'
import type { LogStream } from './log.js'
import { OtlpTracing } from './otlp.js'
import { Metrics } from './metrics.js'
import { RequestParser } from './parse/parser.js'
import { ModelRegistry, type FolderChange, type IndexEntry } from './registry.js'
import { ResponseCache } from './response_cache.js'
import { AccessControl, Tokens } from './security.js'
import { checkSettings } from './check_settings.js'
import type { ModelSettings, PartialSettings, Settings } from './settings.js'
import { openTracing } from './tracing.js'
import { WatchedFolder } from './watch_folder.js'
import { watchModels } from './watch.js'
import type { Peers } from './workers/peers.js'

/** Options of {@link createServer}: the settings, and options that a config file cannot hold. */
export interface ServerOptions extends Omit<PartialSettings, 'models' | 'workers'> {
  /** A checkpoint for each model name, or a list of models with settings of their own. */
  readonly models: Readonly<Record<string, string>> | readonly ModelSettings[]
  /** Receives the lines of the log, which are JSON. Default: stdout. */
  readonly logStream?: LogStream | undefined
}

type ModelList = readonly ModelSettings[]

/** Options of {@link InferenceServer.close}. */
export interface CloseOptions {
  /** Time for requests under way, in ms. Default: the setting `graceMs`. */
  readonly graceMs?: number | undefined
}

/**
 * Creates a server of checkpoints that speaks the Open Inference Protocol v2; `docs/server.md` describes it. It listens and loads
 * models only after {@link InferenceServer.listen}.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for invalid settings; `TORCH_FILE` if a certificate, key or
 * token file cannot be read.
 */
export async function createServer(options: ServerOptions): Promise<InferenceServer> {
  const { models, logStream, ...rest } = options
  const list = Array.isArray(models)
    ? (models as readonly ModelSettings[])
    : Object.entries(models).map(([name, checkpoint]) => ({ name, checkpoint: checkpoint as string }))
  const settings = checkSettings({ ...rest, models: list }, 'the options of createServer()')
  // A program that is not typed may pass it.
  if (settings.workers !== 1) throw expected('1 (napi-torch serve --workers starts more)', 'workers', settings.workers)
  return openServer(settings, { logStream, peers: null })
}

/** What is not a setting of a server. */
interface Surroundings {
  readonly logStream: LogStream | undefined
  /** Null where the server is the only process. */
  readonly peers: Peers | null
}

/** @internal Creates a server from settings that are checked, perhaps as one of several workers. */
export async function openServer(settings: Settings, { logStream, peers }: Surroundings): Promise<InferenceServer> {
  const tls = await readTls(settings)
  const parts = {
    settings,
    tls,
    logStream,
    peers,
    access: new AccessControl(settings, await Tokens.open(settings)),
    tracing: settings.otlpEndpoint === '' ? await openTracing() : new OtlpTracing(settings),
  }
  return new InferenceServer(parts)
}

interface ServerParts extends Surroundings {
  readonly settings: Settings
  readonly tls: Tls | null
  readonly access: AccessControl
  readonly tracing: ServerContext['tracing']
}

/** A server of models over HTTP and gRPC. Created by {@link createServer}. */
export class InferenceServer implements AsyncDisposable {
  readonly #settings: Settings
  readonly #models: ModelRegistry
  readonly #metrics: Metrics
  readonly #context: ServerContext
  readonly #app: FastifyInstance
  readonly #grpc: GrpcListener | null
  readonly #folder: WatchedFolder | null
  #loading: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #stopWatching: () => void = () => undefined

  /** @internal Servers are created by `createServer()`. */
  constructor({ settings, tls, access, tracing, logStream, peers }: ServerParts) {
    this.#settings = settings
    const budget = new BodyBudget(settings)
    const cache =
      settings.cacheBytes === 0
        ? null
        : new ResponseCache(settings.cacheBytes, ({ name, version }, isHit) => {
            this.#metrics.lookup(name, isHit)
            this.#context.statistics(name, version).lookup(isHit)
          })
    this.#models = new ModelRegistry(settings, {
      retired: (model) => cache?.forget(model),
      batch: ({ name, version }, batch) => {
        this.#metrics.batch(name, batch)
        this.#context.statistics(name, version).batch(batch.size, batch.computeMs)
      },
    })
    this.#metrics = new Metrics({
      models: this.#models,
      bodyBytes: () => budget.used,
      connections: () => this.#connections(),
      cacheBytes: () => cache?.bytes ?? 0,
    })
    this.#context = new ServerContext({
      settings,
      models: this.#models,
      metrics: this.#metrics,
      tracing,
      budget,
      parser: new RequestParser(settings, budget),
      access,
      cache,
      peers,
    })
    this.#app = createApp(this.#context, { tls, logStream })
    this.#grpc = settings.grpc ? new GrpcListener(this.#context, { tls, log: this.#app.log }) : null
    if (tracing instanceof OtlpTracing) this.#observeSpans(tracing)
    // One process watches for all workers.
    this.#folder =
      settings.modelsFolder === '' || peers !== null
        ? null
        : new WatchedFolder(settings, this.#models, {
            changed: (change) => this.#noteChange(change),
            unreadable: (error) => this.#app.log.error({ err: error }, 'the folder of models cannot be read'),
          })
  }

  /** URL of the server, such as `http://127.0.0.1:8000`; null while it does not listen. */
  get url(): string | null {
    const address = this.#app.server.address() as AddressInfo | null
    if (address === null) return null
    const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
    return `${this.#settings.tlsCert === '' ? 'http' : 'https'}://${host}:${address.port}`
  }

  /** Address and port for gRPC, such as `127.0.0.1:8001`; null while it does not listen, or without the setting `grpc`. */
  get grpcAddress(): string | null {
    return this.#grpc?.address ?? null
  }

  /** @internal Writes a warning into the log, where there is one. */
  warn(message: string): void {
    this.#app.log.warn(message)
  }

  /** @internal What a worker tells its primary process of. */
  get inner(): ServerContext {
    return this.#context
  }

  /** Whether the server answers requests now. */
  get isReady(): boolean {
    return this.#context.isReady
  }

  /** The models and their states. */
  get models(): readonly IndexEntry[] {
    return this.#models.index()
  }

  /**
   * Listens, starts to load the models, and resolves to the URL. Until all models are loaded, the server is alive but not ready.
   *
   * @throws {TorchError} `TORCH_LISTEN` if the address or port cannot be used.
   */
  async listen(): Promise<string> {
    const { host, port, grpcPort } = this.#settings
    const opened = openLibtorchAside()
    await this.#app.listen({ host, port, backlog: 1024 }).catch((cause: unknown) => {
      throw cannotListen(host, port, cause)
    })
    await this.#grpc?.listen(host, grpcPort).catch((cause: unknown) => {
      if (cause instanceof TorchError) throw cause
      throw cannotListen(host, grpcPort, cause)
    })
    this.#loading = this.#load(opened)
    // ready() rejects with it.
    this.#loading.catch(() => undefined)
    return this.url ?? ''
  }

  /** Waits until all models are loaded and warmed up. @throws {TorchError} The codes of `loadCheckpoint()`. */
  async ready(): Promise<void> {
    if (this.#loading === undefined) throw new TorchError('TORCH_NOT_READY', 'Call listen() before ready()')
    await this.#loading
  }

  /**
   * Loads the models whose files or settings have changed while the old ones answer, and replaces those together; requests under way
   * finish on the old ones. The tokens of `tokenFile` and the certificate are read again. If anything fails, nothing changes.
   *
   * @param models - All models from now on, or a function that finds them; its error is logged and counted as any other. Default: the
   * current ones.
   */
  async reload(models: ModelList | (() => Promise<ModelList>) = this.#models.modelSettings): Promise<void> {
    const { log } = this.#app
    try {
      await this.replaceModels(typeof models === 'function' ? await models() : models)
      this.#metrics.reload('ok')
      log.info({ models: this.models }, 'models reloaded')
    } catch (error) {
      this.#metrics.reload('failed')
      log.error({ err: error }, 'reload failed, nothing has changed')
      throw error
    }
  }

  /** @internal Does what {@link reload} does, without a word to the log and the metrics. */
  async replaceModels(models: ModelList): Promise<void> {
    const checked = checkSettings({ ...this.#settings, models }, 'reload()').models
    const [tls, tokens] = [await readTls(this.#settings), await Tokens.open(this.#settings)]
    await this.#models.apply(checked)
    await this.#folder?.check({ isSettled: true })
    if (tls !== null) {
      ;(this.#app.server as unknown as HttpsServer).setSecureContext(tls)
      this.#grpc?.replaceTls(tls)
    }
    this.#context.access.replaceTokens(tokens)
  }

  /**
   * Shuts the server down: it is no longer ready, refuses new requests, finishes those under way within the grace period, and
   * releases all memory.
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
    this.#folder?.stop()
    this.#context.isLeaving = true
    this.#app.log.info('shutting down')
    if (this.#settings.drainDelayMs > 0) await delay(Math.min(this.#settings.drainDelayMs, graceMs))
    this.#context.isDraining = true
    // Connections whose request has not been read yet look idle, and would lose it if they were closed now.
    await delay(Math.min(SETTLE_MS, graceMs))
    const grace = new AbortController()
    const overdue = delay(graceMs, undefined, { signal: grace.signal }).then(
      () => {
        this.#app.server.closeAllConnections()
        this.#grpc?.closeAllConnections()
      },
      () => undefined,
    )
    // Idle connections are closed now, the others after their response.
    const closed = Promise.all([this.#app.close(), this.#grpc?.close()])
    await this.#context.idle()
    this.#app.server.closeIdleConnections()
    await closed
    grace.abort()
    await overdue
    this.#context.bodies.clear()
    await this.#context.parser.close()
    await this.#models.close()
    await this.#context.tracing.close()
    this.#metrics.close()
  }

  async #load(opened: Promise<void>): Promise<void> {
    await opened
    if (this.#closing !== undefined) throw new TorchError('TORCH_NOT_READY', 'The server is shutting down')
    await this.#models.apply(this.#models.modelSettings)
    await this.#watch()
  }

  async #watch(): Promise<void> {
    if (this.#closing === undefined) await this.#folder?.start()
    // Perhaps it was closed meanwhile.
    if (this.#closing !== undefined) this.#folder?.stop()
    const { watchMs } = this.#settings
    if (watchMs > 0 && this.#context.peers === null && this.#closing === undefined) {
      this.#stopWatching = watchModels(this.#models, watchMs, () => this.reload())
    }
  }

  /** Counts spans, and warns of the first that is dropped for each reason. */
  #observeSpans(tracing: OtlpTracing): void {
    let last = ''
    tracing.observer = {
      sent: (count) => {
        last = ''
        this.#metrics.spans('sent', count)
      },
      dropped: (count, reason) => {
        if (reason !== last) this.#app.log.warn({ reason }, 'spans are dropped')
        last = reason
        this.#metrics.spans('dropped', count)
      },
    }
  }

  #noteChange({ kind, name, version, error }: FolderChange): void {
    const facts = { model: name, version }
    if (kind === 'incomplete') {
      this.#app.log.warn({ ...facts, reason: isError(error) ? error.message : '' }, 'model is incomplete')
      return
    }
    this.#metrics.reload(kind === 'failed' ? 'failed' : 'ok')
    if (kind === 'failed') this.#app.log.error({ ...facts, err: error }, 'model cannot be loaded')
    else this.#app.log.info(facts, `model ${kind}`)
  }

  #connections(): Promise<number> {
    return new Promise((resolve) => {
      this.#app.server.getConnections((error, count) =>
        resolve((error === null ? count : 0) + (this.#grpc?.connections ?? 0)),
      )
    })
  }
}

/** Time to read the requests that have arrived before the shutdown. */
const SETTLE_MS = 100

async function readTls({ tlsCert, tlsKey }: Settings): Promise<Tls | null> {
  if (tlsCert === '') return null
  const read = (path: string): Promise<Buffer> =>
    readFile(path).catch((cause: unknown) => {
      throw new TorchError('TORCH_FILE', `${shorten(path)}: ${reasonOf(cause)}`, { cause })
    })
  const tls = { cert: await read(tlsCert), key: await read(tlsKey) }
  try {
    createSecureContext(tls)
  } catch (cause) {
    const reason = isError(cause) ? cause.message : String(cause)
    throw new TorchError('TORCH_FILE', `${tlsCert} with the key ${tlsKey} cannot be used: ${reason}`, { cause })
  }
  return tls
}
