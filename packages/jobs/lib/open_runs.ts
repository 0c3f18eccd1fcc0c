import { realpath } from 'node:fs/promises'

import { TorchError } from 'napi-torch'
import { manifestPath, readManifest, type RunManifest } from './manifest.js'
import { ImageOpener } from './open_image.js'
import type { Runs } from './runs.js'
import { AllowList } from './sources/allow_list.js'

/** A run on which a worker computes chunks. */
export interface OpenRun {
  readonly manifest: RunManifest
  readonly opener: ImageOpener
}

/** Runs that stay open: chunks of more runs at the same time are rare. */
const CACHE_SIZE = 8

/** The runs on which a worker has computed chunks. Each is read and checked once. */
export class OpenRuns {
  readonly #runs: Runs
  readonly #limits: AllowList | null
  readonly #open = new Map<string, Promise<OpenRun>>()

  /** `limits` are the only folders that this worker uses, whatever a run allows; null trusts the runs. */
  constructor(runs: Runs, limits: AllowList | null) {
    this.#runs = runs
    this.#limits = limits
  }

  /**
   * Opens a run.
   *
   * @throws {TorchError} `TORCH_RUN` if Redis does not know it, or the folder of its results is missing or belongs to another run;
   * `TORCH_SOURCE_UNAVAILABLE`, `TORCH_SOURCE_REFUSED`.
   */
  open(run: string): Promise<OpenRun> {
    const known = this.#open.get(run)
    if (known !== undefined) return known
    const opened = this.#read(run)
    this.#open.set(run, opened)
    opened.catch(() => this.#open.delete(run))
    for (const id of [...this.#open.keys()].slice(0, -CACHE_SIZE)) this.#open.delete(id)
    return opened
  }

  async #read(run: string): Promise<OpenRun> {
    const record = await this.#runs.find(run)
    if (record === null) throw new TorchError('TORCH_RUN', `Redis knows no run ${run}: submit it again`)
    const { manifest } = record
    const found = await readManifest(manifest.out)
    if (found?.run !== run) {
      const what = found === null ? 'there is none' : `it is that of run ${found.run}`
      const message = `Expected the description of run ${run} in ${manifestPath(manifest.out)}, but ${what}: is the folder mounted?`
      throw new TorchError('TORCH_RUN', message)
    }
    const allowed = await AllowList.open(manifest.roots, manifest.urlPrefixes)
    await this.#check(manifest)
    return { manifest, opener: new ImageOpener(allowed, manifest.maxImageBytes) }
  }

  async #check({ roots, out }: RunManifest): Promise<void> {
    for (const folder of [...roots, out]) {
      const real = await realpath(folder)
      if (this.#limits?.holds(real) === false) {
        throw new TorchError('TORCH_SOURCE_REFUSED', `${folder}: Is in no folder that this worker may use`)
      }
    }
  }
}
