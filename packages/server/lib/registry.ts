import { TorchError } from 'napi-torch'
import { isError } from 'napi-torch/internal'
import { fingerprintOf } from './fingerprint.js'
import type { FolderVersion, SettledScan } from './model_folder.js'
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

/** A model of the watched folder that was loaded or unloaded, or could not be. */
export interface FolderChange {
  readonly name: string
  readonly version: string
  /** `incomplete` where a file is still to come. */
  readonly kind: 'loaded' | 'unloaded' | 'failed' | 'incomplete'
  /** Why it failed, or what is to come. */
  readonly error?: unknown
}

interface Entry {
  readonly settings: ModelSettings
  /** Whether it is of the watched folder, not of the settings. */
  readonly isFollowed: boolean
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
  /** Whether the watched folder is still to be read for the first time. */
  #isFolderPending: boolean

  constructor(settings: Settings, observer: ModelObserver) {
    this.#settings = settings
    this.#observer = observer
    this.#isFolderPending = settings.modelsFolder !== ''
    this.#entries = new Map(settings.models.map((model) => [keyOf(model), waiting(model, 'LOADING', '')]))
  }

  /**
   * Whether all models are ready, except those that were unloaded on request, and those of the watched folder: one that is broken
   * must not take the others from the load balancer.
   */
  get isReady(): boolean {
    return (
      !this.#isClosed &&
      !this.#isFolderPending &&
      [...this.#entries.values()].every(
        ({ state, reason, isFollowed }) => state === 'READY' || reason === UNLOADED || isFollowed,
      )
    )
  }

  /** Loaded models. */
  get models(): readonly ServedModel[] {
    return [...this.#entries.values()].flatMap(({ model }) => (model === null ? [] : [model]))
  }

  /** Settings of all models, loaded or not, except those of the watched folder. */
  get modelSettings(): readonly ModelSettings[] {
    return [...this.#entries.values()].filter(({ isFollowed }) => !isFollowed).map(({ settings }) => settings)
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
   * Replaces all models, except those of the watched folder that have other names. Those whose settings or files have changed are loaded and warmed up while the old ones answer, and replace
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
            old?.isFollowed === false &&
            old.model !== null &&
            old.fingerprint === fingerprint &&
            JSON.stringify(old.settings) === JSON.stringify(settings)
          if (isSame) {
            next.set(key, old)
            continue
          }
          const model = await ServedModel.load(settings, this.#settings, this.#observer)
          loaded.push(model)
          next.set(key, { settings, isFollowed: false, model, state: 'READY', reason: '', fingerprint })
        }
        await this.#checkOpen()
      } catch (error) {
        for (const model of loaded) await model.close()
        this.#note(error)
        throw error
      }
      const names = models.map(({ name }) => name)
      for (const [key, entry] of before) {
        if (entry.isFollowed && !names.includes(entry.settings.name)) next.set(key, entry)
      }
      this.#entries = next
      for (const { model } of before.values()) if (model !== null && !this.models.includes(model)) this.#retire(model)
    })
  }

  /**
   * Loads, replaces and unloads models of the watched folder, each by itself. What a model's policy does not choose stays until all
   * that it chooses is loaded; a version whose files are broken stays as it was loaded before, and is tried again when they change.
   * Of a model of which nothing could be loaded, the newest of the fallbacks that can be is.
   */
  follow(
    { versions, chosen, fallbacks, settled }: SettledScan,
    onChange: (change: FolderChange) => void,
  ): Promise<void> {
    return this.#inTurn(async () => {
      const own = new Set(this.modelSettings.map(({ name }) => name))
      const isToLoad = (found: FolderVersion): boolean => settled.includes(found) && !own.has(found.name)
      for (const found of chosen.filter(isToLoad)) await this.#loadFollowed(found, onChange)
      for (const found of fallbacks.filter(isToLoad)) {
        if (this.#isWithoutModel(found.name)) await this.#loadFollowed(found, onChange)
      }
      const isWaiting = ({ name, version, fingerprint }: FolderVersion): boolean => {
        const entry = this.#entries.get(`${name}/${version}`)
        return entry?.model === null || entry?.fingerprint !== fingerprint
      }
      const waitingNames = new Set(chosen.filter(isWaiting).map(({ name }) => name))
      for (const [key, { settings, model, isFollowed }] of [...this.#entries]) {
        const isHere = (list: readonly FolderVersion[]): boolean =>
          list.some(({ name, version }) => `${name}/${version}` === key)
        if (!isFollowed || isHere(chosen) || (isHere(versions) && waitingNames.has(settings.name))) continue
        const entries = new Map(this.#entries)
        entries.delete(key)
        this.#entries = entries
        if (model === null) continue
        this.#retire(model)
        onChange({ name: settings.name, version: versionOf(settings), kind: 'unloaded' })
      }
      this.#isFolderPending = false
    })
  }

  /** Whether no version is loaded, and none was unloaded on request. */
  #isWithoutModel(name: string): boolean {
    return ![...this.#entries.values()].some(
      ({ settings, model, reason }) => settings.name === name && (model !== null || reason === UNLOADED),
    )
  }

  async #loadFollowed(
    { name, version, fingerprint, settings, missing }: FolderVersion,
    onChange: (change: FolderChange) => void,
  ): Promise<void> {
    const key = `${name}/${version}`
    const old = this.#entries.get(key)
    if (old?.fingerprint === fingerprint) return
    const expected = await missing()
    try {
      if (expected !== null) throw new TorchError('TORCH_FILE', `${expected} is still to come`)
      const read = await settings()
      const model = await ServedModel.load(read, this.#settings, this.#observer)
      await this.#checkOpen(model)
      this.#set(key, { settings: read, isFollowed: true, model, state: 'READY', reason: '', fingerprint })
      if (old !== undefined && old.model !== null) this.#retire(old.model)
      onChange({ name, version, kind: 'loaded' })
    } catch (error) {
      if (this.#isClosed) return
      const reason = isError(error) ? error.message : String(error)
      const without = waiting({ name, version, checkpoint: '' }, 'UNAVAILABLE', reason)
      this.#set(
        key,
        old === undefined || old.model === null
          ? { ...without, isFollowed: true, fingerprint }
          : { ...old, fingerprint, reason: `The files have changed, and cannot be loaded: ${reason}` },
      )
      onChange({ name, version, kind: expected === null ? 'failed' : 'incomplete', error })
    }
  }

  /** Loads all versions of a model again, even if their files have not changed. @throws {TorchError} `TORCH_NOT_FOUND` */
  async load(name: string): Promise<void> {
    this.versions(name)
    return this.#inTurn(async () => {
      for (const [key, entry] of [...this.#entries]) {
        const { settings, isFollowed, model: old } = entry
        if (settings.name !== name) continue
        if (settings.checkpoint === '') throw new TorchError('TORCH_FILE', entry.reason)
        const fingerprint = isFollowed ? entry.fingerprint : await fingerprintOf(settings)
        const model = await ServedModel.load(settings, this.#settings, this.#observer)
        await this.#checkOpen(model)
        this.#set(key, { settings, isFollowed, model, state: 'READY', reason: '', fingerprint })
        if (old !== null) this.#retire(old)
      }
    })
  }

  /** Unloads all versions of a model, which can be loaded again. @throws {TorchError} `TORCH_NOT_FOUND` */
  async unload(name: string): Promise<void> {
    this.versions(name)
    return this.#inTurn(() => {
      for (const [key, entry] of [...this.#entries]) {
        if (entry.settings.name !== name) continue
        this.#set(key, { ...entry, model: null, state: 'UNAVAILABLE', reason: UNLOADED })
        if (entry.model !== null) this.#retire(entry.model)
      }
      return Promise.resolve()
    })
  }

  /** Compares the files of the models with those that were loaded. */
  async compareFiles(): Promise<{ readonly isChanged: boolean; readonly fingerprint: string }> {
    const entries = [...this.#entries.values()].filter(({ model, isFollowed }) => model !== null && !isFollowed)
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

  /** @throws {TorchError} `TORCH_NOT_READY` where the server is closed; a model that was just loaded is closed, too. */
  async #checkOpen(loaded?: ServedModel): Promise<void> {
    if (!this.#isClosed) return
    await loaded?.close()
    throw new TorchError('TORCH_NOT_READY', 'The server is shutting down')
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
  return { settings, isFollowed: false, model: null, state, reason, fingerprint: '' }
}
