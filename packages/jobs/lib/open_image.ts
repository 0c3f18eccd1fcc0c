import { realpath, stat } from 'node:fs/promises'

import { TorchError } from 'napi-torch'
import { hasCode, reasonOf, Semaphore } from 'napi-torch/internal'
import { fetchImage } from './fetch_image.js'
import { FETCHES_AT_A_TIME } from './limits.js'
import { isAddress, type AllowList } from './sources/allow_list.js'

/**
 * Errors of the file system that may pass: a share that is not available, a machine that has no handles left. All others are those of
 * the file, and would be the same the next time.
 */
const TRANSIENT = [
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

/** Opens the images of a run that lie in allowed folders or at allowed addresses. */
export class ImageOpener {
  readonly #allowed: AllowList
  readonly #maxBytes: number
  readonly #fetching = new Semaphore(FETCHES_AT_A_TIME)

  constructor(allowed: AllowList, maxBytes: number) {
    this.#allowed = allowed
    this.#maxBytes = maxBytes
  }

  /**
   * Calls `body` with the path of an image, its links resolved, or with the bytes that were fetched from its address. Fetched images
   * are limited in number, until `body` has settled.
   *
   * @throws {TorchError} `TORCH_SOURCE_REFUSED` if the image is not allowed, too large, or not a file; `TORCH_FILE` if it does not
   * exist; `TORCH_SOURCE_UNAVAILABLE` for an error that may pass; and what `body` throws.
   */
  async use<T>(image: string, body: (source: string | Uint8Array) => Promise<T>): Promise<T> {
    if (isAddress(image)) {
      return this.#fetching.use(async () => body(await fetchImage(image, this.#allowed, { maxBytes: this.#maxBytes })))
    }
    const path = await this.#check(image)
    return body(path).catch((error: unknown) => {
      throw error instanceof TorchError && isTransient(error.cause) ? unavailable(image, error.cause) : error
    })
  }

  async #check(image: string): Promise<string> {
    try {
      const path = await realpath(image)
      if (!this.#allowed.holds(path)) throw refused(image, `Is not in an allowed folder: it is ${path}`)
      const stats = await stat(path)
      // Reading a pipe might never end.
      if (!stats.isFile()) throw refused(image, 'Is not a file')
      if (stats.size > this.#maxBytes) throw refused(image, `Has ${stats.size} bytes, more than ${this.#maxBytes}`)
      return path
    } catch (cause) {
      if (cause instanceof TorchError) throw cause
      if (isTransient(cause)) throw unavailable(image, cause)
      throw new TorchError('TORCH_FILE', `${image}: ${reasonOf(cause)}`, { cause })
    }
  }
}

function isTransient(cause: unknown): boolean {
  return hasCode(cause, ...TRANSIENT)
}

function unavailable(image: string, cause: unknown): TorchError {
  return new TorchError('TORCH_SOURCE_UNAVAILABLE', `${image}: ${reasonOf(cause)}`, { cause })
}

function refused(image: string, text: string): TorchError {
  return new TorchError('TORCH_SOURCE_REFUSED', `${image}: ${text}`)
}
