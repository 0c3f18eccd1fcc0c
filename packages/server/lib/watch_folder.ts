import { isError } from 'napi-torch/internal'
import { scanModels, type SettledScan } from './model_folder.js'
import type { FolderChange } from './registry.js'
import type { Settings } from './settings.js'

/** What loads the models of the folder. */
export interface Follower {
  follow(scan: SettledScan, onChange: (change: FolderChange) => void): Promise<void>
}

/** Is told of each model of the folder that was loaded or unloaded, or could not be, and of a folder that cannot be read. */
export interface FolderObserver {
  changed(change: FolderChange): void
  unreadable(error: unknown): void
}

/**
 * Follows the models of a folder. A version is loaded when its files are the same at two checks in a row: one that is still being
 * copied is not. Polls for the reason that `watchModels` has.
 */
export class WatchedFolder {
  readonly #settings: Settings
  readonly #models: Follower
  readonly #observer: FolderObserver
  /** Fingerprints at the last check, by model and version. */
  #before: ReadonlyMap<string, string> = new Map()
  #fault = ''
  #timer: NodeJS.Timeout | undefined
  #isBusy = false

  constructor(settings: Settings, models: Follower, observer: FolderObserver) {
    this.#settings = settings
    this.#models = models
    this.#observer = observer
  }

  /** Loads all that is there, and goes on checking. @throws {TorchError} `TORCH_FILE` if the folder cannot be read. */
  async start(): Promise<void> {
    await this.check({ isSettled: true })
    const { modelsFolderMs } = this.#settings
    if (modelsFolderMs === 0) return
    this.#timer = setInterval(() => {
      if (this.#isBusy) return
      this.#isBusy = true
      this.check()
        .then(
          () => (this.#fault = ''),
          (error: unknown) => this.#note(error),
        )
        .finally(() => (this.#isBusy = false))
    }, modelsFolderMs).unref()
  }

  /**
   * Compares the folder with what is loaded, once.
   *
   * @param options - `isSettled` takes all files for whole, also those that were not there before. Default: `false`.
   * @throws {TorchError} `TORCH_FILE` if the folder cannot be read: nothing is unloaded then.
   */
  async check({ isSettled = false }: { readonly isSettled?: boolean } = {}): Promise<void> {
    const { versions, chosen, fallbacks } = await scanModels(this.#settings)
    const before = this.#before
    this.#before = new Map(versions.map(({ name, version, fingerprint }) => [`${name}/${version}`, fingerprint]))
    const settled = versions.filter(({ name, version, fingerprint }) => {
      return isSettled || before.get(`${name}/${version}`) === fingerprint
    })
    await this.#models.follow({ versions, chosen, fallbacks, settled }, (change) => this.#observer.changed(change))
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Tells of a fault once, not at each check. */
  #note(error: unknown): void {
    const fault = isError(error) ? error.message : String(error)
    if (fault !== this.#fault) this.#observer.unreadable(error)
    this.#fault = fault
  }
}
