import type { ChunkModel } from './compute_chunk.js'
import type { ModelSettings } from './manifest.js'

/**
 * Holds one model at a time, and lends it to the chunks that are in hand. A chunk of another model waits until nobody uses the
 * one that is there, which then makes room: memory never holds two.
 */
export class ModelHolder {
  readonly #load: (settings: ModelSettings) => Promise<ChunkModel>
  #key: string | null = null
  #model: Promise<ChunkModel> | null = null
  #users = 0
  /** Settles when the chunk before has its model: those of another model stand in line. */
  #turn: Promise<void> = Promise.resolve()
  #onFree: (() => void) | null = null

  constructor(load: (settings: ModelSettings) => Promise<ChunkModel>) {
    this.#load = load
  }

  /** Loads the model unless it is there, and keeps it until `body` has settled. */
  async use<T>(settings: ModelSettings, body: (model: ChunkModel) => Promise<T>): Promise<T> {
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

  /** Lets the model go. Nobody may use it any more. */
  async close(): Promise<void> {
    const model = await this.#model?.catch(() => null)
    this.#model = null
    await model?.close()
  }

  async #take(settings: ModelSettings): Promise<ChunkModel> {
    const key = JSON.stringify(settings)
    if (this.#model === null || this.#key !== key) {
      if (this.#users > 0) await new Promise<void>((resolve) => (this.#onFree = resolve))
      this.#onFree = null
      await this.close()
      this.#key = key
      this.#model = this.#load(settings)
      // One that cannot be loaded is tried again by the next.
      this.#model.catch(() => (this.#model = null))
    }
    const model = await this.#model
    this.#users++
    return model
  }
}
