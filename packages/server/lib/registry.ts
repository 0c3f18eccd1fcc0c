import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { TorchError } from 'napi-torch'
import { PRESET_FILES, isError } from 'napi-torch/internal'
import { ServedModel, type ModelObserver } from './served_model.js'
import { versionOf, type ModelSettings, type Settings } from './settings.js'

/** The states of a model, as Triton calls them. */
export type ModelState = 'LOADING' | 'READY' | 'UNAVAILABLE'

/** An entry of the repository index. */
export interface IndexEntry {
  readonly name: string
  readonly version: string
  readonly state: ModelState
  readonly reason: string
}

interface Entry {
  readonly settings: ModelSettings
  readonly model: ServedModel | null
  readonly state: ModelState
  readonly reason: string
  /** Fingerprint of the files when they were read. */
  readonly fingerprint: string
}

/**
 * The models of a server, by name and version. Changes are made one at a time, and completely or not at all: new models are
 * loaded while the old ones answer, and replace them together.
 */
export class ModelRegistry {
  readonly #settings: Settings
  readonly #observer: ModelObserver
  #entries: ReadonlyMap<string, Entry> = new Map()
  #last: Promise<unknown> = Promise.resolve()
  readonly #closing = new Set<Promise<void>>()
  #isClosed = false

  constructor(settings: Settings, observer: ModelObserver) {
    this.#settings = settings
    this.#observer = observer
    this.#entries = new Map(settings.models.map((model) => [keyOf(model), waiting(model, 'LOADING', '')]))
  }

  /** Whether all models are ready, except those that were unloaded on request. */
  get isReady(): boolean {
    return (
      !this.#isClosed &&
      [...this.#entries.values()].every(({ state, reason }) => state === 'READY' || reason === UNLOADED)
    )
  }

  /** Loaded models. */
  get models(): readonly ServedModel[] {
    return [...this.#entries.values()].flatMap(({ model }) => (model === null ? [] : [model]))
  }

  /** Settings of all models, loaded or not. */
  get modelSettings(): readonly ModelSettings[] {
    return [...this.#entries.values()].map(({ settings }) => settings)
  }

  index(): readonly IndexEntry[] {
    return [...this.#entries.values()].map(({ settings, state, reason }) => ({
      name: settings.name,
      version: versionOf(settings),
      state,
      reason,
    }))
  }

  /** Names of all models, loaded or not. */
  get names(): readonly string[] {
    return [...new Set([...this.#entries.values()].map(({ settings }) => settings.name))]
  }

  /** Tells whether there is a model of this name, loaded or not. */
  has(name: string): boolean {
    return [...this.#entries.values()].some(({ settings }) => settings.name === name)
  }

  /** Versions of a model, oldest first. @throws {TorchError} `TORCH_NOT_FOUND` */
  versions(name: string): readonly string[] {
    const versions = [...this.#entries.values()]
      .filter(({ settings }) => settings.name === name)
      .map(({ settings }) => versionOf(settings))
    if (versions.length === 0) throw new TorchError('TORCH_NOT_FOUND', `There is no model ${name}`)
    return versions.sort((one, other) => one.localeCompare(other, 'en', { numeric: true }))
  }

  /**
   * Finds a loaded model: the given version, or the newest one that is loaded.
   *
   * @throws {TorchError} `TORCH_NOT_FOUND`, `TORCH_NOT_READY`
   */
  find(name: string, version?: string): ServedModel {
    const versions = this.versions(name)
    if (version !== undefined && !versions.includes(version)) {
      throw new TorchError('TORCH_NOT_FOUND', `There is no version ${version} of the model ${name}`)
    }
    const candidates = version === undefined ? [...versions].reverse() : [version]
    for (const candidate of candidates) {
      const model = this.#entries.get(`${name}/${candidate}`)?.model
      if (model !== null && model !== undefined) return model
    }
    const reason = this.#entries.get(`${name}/${candidates[0] ?? ''}`)?.reason ?? ''
    throw new TorchError('TORCH_NOT_READY', `The model ${name} is not ready${reason === '' ? '' : `: ${reason}`}`)
  }

  /**
   * Replaces all models. Those whose settings or files have changed are loaded and warmed up while the old ones answer, and replace
   * them together; requests under way finish on the old ones. If one fails, nothing changes.
   */
  apply(models: readonly ModelSettings[]): Promise<void> {
    return this.#inTurn(async () => {
      const before = this.#entries
      const loaded: ServedModel[] = []
      const next = new Map<string, Entry>()
      try {
        for (const settings of models) {
          const key = keyOf(settings)
          const old = before.get(key)
          const fingerprint = await fingerprintOf(settings)
          const isSame =
            old !== undefined &&
            old.model !== null &&
            old.fingerprint === fingerprint &&
            JSON.stringify(old.settings) === JSON.stringify(settings)
          if (isSame) {
            next.set(key, old)
            continue
          }
          const model = await ServedModel.load(settings, this.#settings, this.#observer)
          loaded.push(model)
          next.set(key, { settings, model, state: 'READY', reason: '', fingerprint })
        }
        if (this.#isClosed) throw new TorchError('TORCH_NOT_READY', 'The server is shutting down')
      } catch (error) {
        for (const model of loaded) await model.close()
        this.#note(error)
        throw error
      }
      this.#entries = next
      for (const { model } of before.values()) if (model !== null && !this.models.includes(model)) this.#retire(model)
    })
  }

  /** Loads all versions of a model again, even if their files have not changed. @throws {TorchError} `TORCH_NOT_FOUND` */
  async load(name: string): Promise<void> {
    this.versions(name)
    return this.#inTurn(async () => {
      for (const [key, { settings, model: old }] of [...this.#entries]) {
        if (settings.name !== name) continue
        const fingerprint = await fingerprintOf(settings)
        const model = await ServedModel.load(settings, this.#settings, this.#observer)
        if (this.#isClosed) {
          await model.close()
          throw new TorchError('TORCH_NOT_READY', 'The server is shutting down')
        }
        this.#set(key, { settings, model, state: 'READY', reason: '', fingerprint })
        if (old !== null) this.#retire(old)
      }
    })
  }

  /** Unloads all versions of a model, which can be loaded again. @throws {TorchError} `TORCH_NOT_FOUND` */
  async unload(name: string): Promise<void> {
    this.versions(name)
    return this.#inTurn(() => {
      for (const [key, { settings, model }] of [...this.#entries]) {
        if (settings.name !== name) continue
        this.#set(key, waiting(settings, 'UNAVAILABLE', UNLOADED))
        if (model !== null) this.#retire(model)
      }
      return Promise.resolve()
    })
  }

  /** Compares the files of the models with those that were loaded. */
  async compareFiles(): Promise<{ readonly isChanged: boolean; readonly fingerprint: string }> {
    const entries = [...this.#entries.values()].filter(({ model }) => model !== null)
    const now = await Promise.all(entries.map(({ settings }) => fingerprintOf(settings)))
    return {
      isChanged: entries.some(({ fingerprint }, index) => now[index] !== fingerprint),
      fingerprint: now.join('\n'),
    }
  }

  /** Waits until the models that were replaced are closed. */
  async settle(): Promise<void> {
    while (this.#closing.size > 0) await Promise.all(this.#closing)
  }

  /** Refuses requests, waits for those under way, and closes all models. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#last.catch(() => undefined)
    for (const model of this.models) this.#retire(model)
    await this.settle()
  }

  #set(key: string, entry: Entry): void {
    this.#entries = new Map(this.#entries).set(key, entry)
  }

  /** Keeps the reason for models that were never loaded. */
  #note(error: unknown): void {
    const reason = isError(error) ? error.message : String(error)
    this.#entries = new Map(
      [...this.#entries].map(([key, entry]) => [
        key,
        entry.state === 'LOADING' ? waiting(entry.settings, 'UNAVAILABLE', reason) : entry,
      ]),
    )
  }

  #retire(model: ServedModel): void {
    const closing = model.close().finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
    this.#observer.retired(model)
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(change, change)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}

const UNLOADED = 'unloaded'

function keyOf(settings: ModelSettings): string {
  return `${settings.name}/${versionOf(settings)}`
}

function waiting(settings: ModelSettings, state: ModelState, reason: string): Entry {
  return { settings, model: null, state, reason, fingerprint: '' }
}

/** Differs when the files of a model have changed. */
async function fingerprintOf({ checkpoint, labels, module }: ModelSettings): Promise<string> {
  const presets = PRESET_FILES.map((file) => join(dirname(checkpoint), file))
  const files = [checkpoint, ...presets, ...[labels, module].filter((file) => file !== undefined)]
  const facts = await Promise.all(
    files.map(async (file) => {
      const found = await stat(file).catch(() => null)
      return found === null ? '-' : `${found.dev}:${found.ino}:${found.size}:${found.mtimeMs}`
    }),
  )
  return facts.join(' ')
}
