import { realpath, stat } from 'node:fs/promises'

import { TorchError } from 'napi-torch'
import { reasonOf, Semaphore } from 'napi-torch/internal'
import { fetchImage } from './fetch_image.js'
import { FETCHES_AT_A_TIME } from './limits.js'
import { isAddress, type AllowList } from './sources/allow_list.js'

/**
 * Faults of a file system that pass: a share that is away, a machine that has no handles left. All others are of the file
 * itself, and would be the same the next time.
 */
const PASSING = [
  'EAGAIN',
  'EBUSY',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'EINTR',
  'EIO',
  'EMFILE',
  'ENFILE',
  'ENODEV',
  'ENOMEM',
  'ENOTCONN',
  'ENXIO',
  'ESTALE',
  'ETIMEDOUT',
]

/** Gives images to whoever answers them, if they come from where they may. */
export class ImageOpener {
  readonly #allowed: AllowList
  readonly #maxBytes: number
  readonly #fetching = new Semaphore(FETCHES_AT_A_TIME)

  constructor(allowed: AllowList, maxBytes: number) {
    this.#allowed = allowed
    this.#maxBytes = maxBytes
  }

  /**
   * Calls `answer` with the file of an image, its links resolved, or with the bytes that were fetched from its address; few are
   * fetched at a time, and held until they are answered.
   *
   * @throws {TorchError} `TORCH_SOURCE_REFUSED` for what is not allowed, too large, or no file; `TORCH_FILE` if it is not there;
   * `TORCH_SOURCE_UNAVAILABLE` for what may pass.
   */
  async use<T>(image: string, answer: (source: string | Uint8Array) => Promise<T>): Promise<T> {
    if (isAddress(image)) {
      return this.#fetching.use(async () =>
        answer(await fetchImage(image, this.#allowed, { maxBytes: this.#maxBytes })),
      )
    }
    const path = await this.#check(image)
    return answer(path).catch((error: unknown) => {
      throw error instanceof TorchError && mayPass(error.cause) ? unavailable(image, error.cause) : error
    })
  }

  async #check(image: string): Promise<string> {
    try {
      const path = await realpath(image)
      if (!this.#allowed.holds(path)) throw refused(image, `Lies in no allowed folder: it is ${path}`)
      const stats = await stat(path)
      // A pipe would be waited for, for ever.
      if (!stats.isFile()) throw refused(image, 'Is no file')
      if (stats.size > this.#maxBytes) throw refused(image, `Has ${stats.size} bytes, more than ${this.#maxBytes}`)
      return path
    } catch (cause) {
      if (cause instanceof TorchError) throw cause
      if (mayPass(cause)) throw unavailable(image, cause)
      throw new TorchError('TORCH_FILE', `${image}: ${reasonOf(cause)}`, { cause })
    }
  }
}

function mayPass(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && PASSING.includes(String(cause.code))
}

function unavailable(image: string, cause: unknown): TorchError {
  return new TorchError('TORCH_SOURCE_UNAVAILABLE', `${image}: ${reasonOf(cause)}`, { cause })
}

function refused(image: string, text: string): TorchError {
  return new TorchError('TORCH_SOURCE_REFUSED', `${image}: ${text}`)
}
