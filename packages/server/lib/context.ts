import type { FastifyReply, FastifyRequest } from 'fastify'

import { TorchError } from 'napi-torch'
import type { BodyBudget, BodyShare } from './body_budget.js'
import { BodyPool } from './body_pool.js'
import type { Timing } from './inference.js'
import type { Metrics } from './metrics.js'
import type { RequestParser } from './parse/parser.js'
import type { ModelRegistry } from './registry.js'
import type { ResponseCache } from './response_cache.js'
import type { AccessControl } from './security.js'
import type { Settings } from './settings.js'
import { ModelStatistics } from './statistics.js'
import type { Peers } from './workers/peers.js'
import type { Tracing } from './tracing.js'

/** Facts about a request while it is under way, which are logged at its end. */
export interface Exchange {
  /** In the time of `performance.now()`. */
  readonly startedAt: number
  /** When its body was complete, in the same time: how long it may wait is counted from there. */
  arrivedAt: number
  /** The memory that it holds. */
  readonly share: BodyShare
  /** Aborted when the client leaves. */
  readonly abort: AbortController
  model: string
  version: string
  timing: Timing | null
  /** Code of the error that it was answered with. */
  code: string | null
}

/** State that all routes share. */
export class ServerContext {
  readonly settings: Settings
  readonly models: ModelRegistry
  readonly metrics: Metrics
  readonly tracing: Tracing
  readonly budget: BodyBudget
  readonly bodies: BodyPool
  readonly parser: RequestParser
  readonly access: AccessControl
  /** Null where no results are kept. */
  readonly cache: ResponseCache | null
  /** The workers that serve the same models; null where this process is the only one. */
  readonly peers: Peers | null
  /** Set when the server shuts down and takes no new work. */
  isDraining = false
  /** Set before `isDraining`, so that load balancers stop sending requests. */
  isLeaving = false
  readonly #exchanges = new WeakMap<object, Exchange>()
  readonly #statistics = new Map<string, ModelStatistics>()
  #underWay = 0
  #onIdle: (() => void)[] = []

  constructor(
    parts: Pick<
      ServerContext,
      'settings' | 'models' | 'metrics' | 'tracing' | 'budget' | 'parser' | 'access' | 'cache' | 'peers'
    >,
  ) {
    this.settings = parts.settings
    this.models = parts.models
    this.metrics = parts.metrics
    this.tracing = parts.tracing
    this.budget = parts.budget
    this.bodies = new BodyPool(parts.settings.keptBodyBytes)
    this.parser = parts.parser
    this.access = parts.access
    this.cache = parts.cache
    this.peers = parts.peers
  }

  /** Tells whether requests will be answered, by each worker where there are several. */
  get isReady(): boolean {
    return !this.isLeaving && !this.isDraining && this.models.isReady && this.peers?.isReady !== false
  }

  /** Follows a request until its response was sent or its connection is closed, and then calls `onEnd`. */
  begin(
    { raw }: FastifyRequest,
    reply: FastifyReply,
    onEnd: (exchange: Exchange, isComplete: boolean) => void,
  ): Exchange {
    const exchange = this.open()
    this.#exchanges.set(raw, exchange)
    // Emitted whether the response was sent or the client left.
    reply.raw.once('close', () => {
      const isComplete = reply.raw.writableFinished
      this.close(exchange, isComplete ? null : new ClientLeft())
      onEnd(exchange, isComplete)
    })
    return exchange
  }

  /** Begins to follow a request, which must be passed to {@link close} at its end. */
  open(): Exchange {
    const startedAt = performance.now()
    this.#underWay++
    return {
      startedAt,
      arrivedAt: startedAt,
      share: this.budget.open(),
      abort: new AbortController(),
      model: '',
      version: '',
      timing: null,
      code: null,
    }
  }

  /** Ends a request, and its work for the reason that there is, if it was not answered. */
  close(exchange: Exchange, reason: Error | null): void {
    if (reason !== null) exchange.abort.abort(reason)
    exchange.share.release()
    this.#underWay--
    if (this.#underWay === 0) for (const resolve of this.#onIdle.splice(0)) resolve()
  }

  /** Facts about a request that was passed to {@link begin}. */
  exchange({ raw }: FastifyRequest): Exchange {
    const exchange = this.#exchanges.get(raw)
    if (exchange === undefined) throw new TypeError('The request was not begun')
    return exchange
  }

  /** Statistics of one version of a model. */
  statistics(model: string, version: string): ModelStatistics {
    const key = `${model}/${version}`
    const statistics = this.#statistics.get(key) ?? new ModelStatistics()
    this.#statistics.set(key, statistics)
    return statistics
  }

  /** Waits until no request is under way. */
  async idle(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve))
  }

  /** @throws {TorchError} `TORCH_NOT_READY` while the server shuts down. */
  checkOpen(): void {
    if (this.isDraining) throw new TorchError('TORCH_NOT_READY', 'The server is shutting down')
  }
}

/** The reason of a request that was aborted because its client left. */
export class ClientLeft extends Error {
  constructor() {
    super('The client closed the connection')
  }
}
