import { fingerprintOf } from '../fingerprint.js'
import type { ModelRegistry } from '../registry.js'
import type { ModelSettings } from '../settings.js'

interface Replacement {
  readonly settings: readonly ModelSettings[]
  /** Of the files before they were loaded. */
  readonly fingerprints: readonly string[]
}

/** What the primary process knows of the models that all workers have: enough to bring a new worker up to date. */
export class CommonModels {
  #settings: readonly ModelSettings[]
  #fingerprints: readonly string[] = []
  readonly #unloaded = new Set<string>()

  constructor(settings: readonly ModelSettings[]) {
    this.#settings = settings
  }

  /** All models, except those of the watched folder. */
  get settings(): readonly ModelSettings[] {
    return this.#settings
  }

  /** Names of the models that were unloaded on request. */
  get unloaded(): readonly string[] {
    return [...this.#unloaded]
  }

  /** Looks at the files of models that are to be loaded. */
  async read(settings: readonly ModelSettings[]): Promise<Replacement> {
    return { settings, fingerprints: await Promise.all(settings.map(fingerprintOf)) }
  }

  /** Notes that all workers have other models now. */
  replace({ settings, fingerprints }: Replacement): void {
    this.#settings = settings
    this.#fingerprints = fingerprints
    for (const { name } of settings) this.#unloaded.delete(name)
  }

  /** Notes that a model was loaded again, or unloaded. */
  note(verb: 'load' | 'unload', model: string): void {
    if (verb === 'unload') this.#unloaded.add(model)
    else this.#unloaded.delete(model)
  }

  /** Compares the files of the models with those that were loaded: see `ModelRegistry.compareFiles()`. */
  async compareFiles(): ReturnType<ModelRegistry['compareFiles']> {
    const now = await Promise.all(this.#settings.map(fingerprintOf))
    const loaded = this.#fingerprints
    const isChanged = this.#settings.some(
      ({ name }, index) => !this.#unloaded.has(name) && now[index] !== loaded[index],
    )
    return { isChanged, fingerprint: now.join('\n') }
  }
}
