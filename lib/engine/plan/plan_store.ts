import { native } from '../../libtorch/binding.js'
import type { EngineHandle, PlanHandle } from '../../libtorch/handles.js'
import { Slices } from '../../util/slices.js'
import type { Graph } from '../graph.js'
import type { Constants } from './constants.js'
import { lower, type LowerOptions } from './lower.js'
import type { LoweredPlan } from './plan_writer.js'

/** Plans that an engine keeps at most; the least recently used one is made again when it is needed. Each holds its activations. */
export const MAX_PLANS = 16

/** A native plan for batches of one size, and what it was made of. */
export interface StoredPlan {
  readonly handle: PlanHandle
  readonly graph: Graph
  readonly infos: LoweredPlan['infos']
  /** Whether preparing it leaves nothing to be done that a first run alone would do. */
  readonly isPreparable: boolean
}

/** What a {@link PlanStore} makes plans of. */
export interface PlanSource extends LowerOptions {
  /** The graph for batches of that size, all of whose constants are held. */
  readonly graphOf: (batchSize: number) => Graph
}

/** The plans of one engine, by the size of their batches. */
export class PlanStore {
  readonly #engine: EngineHandle
  readonly #constants: Constants
  readonly #source: PlanSource
  /** The least recently used one first. */
  readonly #plans = new Map<number, StoredPlan>()

  /** It disposes the engine and the constants with its plans. */
  constructor(engine: EngineHandle, constants: Constants, source: PlanSource) {
    this.#engine = engine
    this.#constants = constants
    this.#source = source
  }

  /** Gives the plan for batches of that size, and makes it if there is none. */
  get(batchSize: number): StoredPlan {
    const found = this.#plans.get(batchSize) ?? this.#make(batchSize)
    this.#plans.delete(batchSize)
    this.#plans.set(batchSize, found)
    const [oldest] = this.#plans
    if (this.#plans.size > MAX_PLANS && oldest !== undefined) {
      this.#plans.delete(oldest[0])
      native.disposePlan(oldest[1].handle)
    }
    return found
  }

  /** Bytes that the plans hold beside the weights. */
  get bytes(): number {
    return native.engineBytes(this.#engine)
  }

  /** Bytes of the weights in the forms that native kernels read. */
  get weightBytes(): number {
    return this.#constants.packedBytes
  }

  get size(): number {
    return this.#plans.size
  }

  /** Gives the memory back in slices. */
  async dispose(): Promise<void> {
    const slices = new Slices()
    const plans = [...this.#plans.values()]
    this.#plans.clear()
    for (const { handle } of plans) {
      await slices.next()
      native.disposePlan(handle)
    }
    await slices.run(this.#constants.disposing())
    native.disposeEngine(this.#engine)
  }

  #make(batchSize: number): StoredPlan {
    const graph = this.#source.graphOf(batchSize)
    const { spec, infos } = lower(graph, this.#constants, this.#source)
    // libtorch's operators take memory, and oneDNN makes code, when they first run: for a device, preparing does it.
    const isPreparable = spec.device !== null || spec.steps.every(({ kind }) => kind === 'network')
    return { handle: native.createPlan(spec), graph, infos, isPreparable }
  }
}
