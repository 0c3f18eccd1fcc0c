import type { ChunkModel } from './compute_chunk.js'
import type { RunModel } from './manifest.js'

/**
 * Holds one model at a time, for all chunks that are being computed. A chunk of another model waits until the current one is no longer
 * used and has been closed: two models are never in memory.
 */
export class ModelHolder {
  readonly #load: (settings: RunModel) => Promise<ChunkModel>
  #key: string | null = null
  #model: Promise<ChunkModel> | null = null
  #users = 0
  /** Settles when the previous chunk has its model: chunks get theirs in the order in which they came. */
  #turn: Promise<void> = Promise.resolve()
  #onFree: (() => void) | null = null

  constructor(load: (settings: RunModel) => Promise<ChunkModel>) {
    this.#load = load
  }

  /** Loads the model unless it is the current one, and keeps it until `body` has settled. */
  async use<T>(settings: RunModel, body: (model: ChunkModel) => Promise<T>): Promise<T> {
    const model = this.#turn.then(() => this.#take(settings))
    this.#turn = model.then(
      () => undefined,
      () => undefined,
    )
    const taken = await model
    try {
      return await body(taken)
    } finally {
      this.#users--
      if (this.#users === 0) this.#onFree?.()
    }
  }

  /** Closes the current model, which must not be in use. */
  async close(): Promise<void> {
    const model = await this.#model?.catch(() => null)
    this.#model = null
    await model?.close()
  }

  async #take(settings: RunModel): Promise<ChunkModel> {
    const key = JSON.stringify(settings)
    if (this.#model === null || this.#key !== key) {
      if (this.#users > 0) await new Promise<void>((resolve) => (this.#onFree = resolve))
      this.#onFree = null
      await this.close()
      this.#key = key
      this.#model = this.#load(settings)
      // The next chunk tries again to load a model that could not be loaded.
      this.#model.catch(() => (this.#model = null))
    }
    const model = await this.#model
    this.#users++
    return model
  }
}
