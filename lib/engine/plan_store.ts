import { native, type EngineHandle, type PlanHandle } from '../libtorch/binding.js'
import type { Choose } from './choose.js'
import type { Constants } from './constants.js'
import type { Graph } from './graph.js'
import { lower, type LowerOptions } from './lower.js'
import type { LoweredPlan } from './lowering.js'

/** Plans that an engine keeps at most; it makes those again that it needs again. Each holds its activations. */
export const MOST_PLANS = 16

/** A native plan for batches of one size, and what it was made of. */
export interface StoredPlan {
  readonly handle: PlanHandle
  readonly graph: Graph
  readonly infos: LoweredPlan['infos']
  /** Whether preparing it leaves nothing to be done that a first run alone would do. */
  readonly isPreparable: boolean
}

/** What a {@link PlanStore} makes plans of. */
export interface PlanSource extends Omit<LowerOptions, 'choose'> {
  /** The graph for batches of that size, all of whose constants are held. */
  readonly graphOf: (batchSize: number) => Graph
}

/** The plans of one engine, by the size of their batches. */
export class PlanStore {
  readonly #engine: EngineHandle
  readonly #constants: Constants
  #source: PlanSource | undefined
  /** From the one whose use is longest ago. */
  readonly #plans = new Map<number, StoredPlan>()
  #choose: Choose | undefined

  /** It disposes the constants with its plans. */
  constructor(engine: EngineHandle, constants: Constants) {
    this.#engine = engine
    this.#constants = constants
  }

  /** Says what plans are made of, before the first is. */
  makeOf(source: PlanSource): void {
    this.#source = source
  }

  /** Gives the plan for batches of that size, and makes it if there is none. */
  get(batchSize: number): StoredPlan {
    const found = this.#plans.get(batchSize) ?? this.#make(batchSize)
    this.#plans.delete(batchSize)
    this.#plans.set(batchSize, found)
    const [oldest] = this.#plans
    if (this.#plans.size > MOST_PLANS && oldest !== undefined) {
      this.#plans.delete(oldest[0])
      native.disposePlan(oldest[1].handle)
    }
    return found
  }

  /** Has what computes the convolutions of plans that are made from now on chosen by `choose`. */
  chooseBy(choose: Choose): void {
    this.#choose = choose
  }

  /** Bytes that the plans hold beside the weights. */
  get bytes(): number {
    return native.engineBytes(this.#engine)
  }

  get size(): number {
    return this.#plans.size
  }

  dispose(): void {
    for (const { handle } of this.#plans.values()) native.disposePlan(handle)
    this.#plans.clear()
    this.#constants.dispose()
    native.disposeEngine(this.#engine)
  }

  #make(batchSize: number): StoredPlan {
    if (this.#source === undefined) throw new TypeError('Plans are made of something')
    const graph = this.#source.graphOf(batchSize)
    const { spec, infos } = lower(graph, this.#constants, { ...this.#source, choose: this.#choose })
    // libtorch's operators take memory, and oneDNN makes code, when they first run: for a device, preparing does it.
    const isPreparable = spec.device !== null || spec.steps.every(({ kind }) => kind === 'network')
    return { handle: native.createPlan(spec), graph, infos, isPreparable }
  }
}
