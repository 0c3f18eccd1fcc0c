import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { installError, textOf } from './failure.js'
import type { Reporter } from './progress.js'

/** How long a server may take to answer, and then to send the next bytes. */
export interface DownloadTimeouts {
  readonly connectMs: number
  readonly idleMs: number
}

/** Short for the first: where there is no way out, the next way is to be tried soon. */
const DOWNLOAD_TIMEOUTS: DownloadTimeouts = { connectMs: 5000, idleMs: 20_000 }

/**
 * Fetches `url` once into the file `path`.
 *
 * @throws {TorchError} `TORCH_LIBTORCH_INSTALL` if the server cannot be reached, refuses, or stalls.
 */
export async function download(
  url: string,
  path: string,
  { onProgress, signal }: Reporter,
  { connectMs, idleMs }: DownloadTimeouts = DOWNLOAD_TIMEOUTS,
): Promise<void> {
  const stalled = new AbortController()
  let timer = setTimeout(() => stalled.abort(new Error(`no answer in ${connectMs / 1000} s`)), connectMs)
  const awaitMore = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => stalled.abort(new Error(`no data for ${idleMs / 1000} s`)), idleMs)
  }
  try {
    const stop = AbortSignal.any(signal === undefined ? [stalled.signal] : [stalled.signal, signal])
    const response = await fetch(url, { signal: stop })
    if (!response.ok || response.body === null) throw new Error(`HTTP status ${response.status}`)
    const total = Number(response.headers.get('content-length')) || null
    let done = 0
    const count = async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const part of source) {
        awaitMore()
        onProgress?.({ action: 'download', done: (done += part.byteLength), total })
        yield part
      }
    }
    awaitMore()
    await pipeline(Readable.fromWeb(response.body), count, createWriteStream(path), { signal: stop })
    if (total !== null && done !== total) throw new Error(`ended after ${done} of ${total} bytes`)
  } catch (cause) {
    signal?.throwIfAborted()
    throw installError(`${url}: ${textOf(stalled.signal.aborted ? stalled.signal.reason : cause)}`, cause)
  } finally {
    clearTimeout(timer)
  }
}

/** @throws {TorchError} `TORCH_LIBTORCH_INSTALL` unless the file has the SHA-256 `sha256`, in hexadecimal. */
export async function checkSha256(path: string, sha256: string): Promise<void> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash)
  const received = hash.digest('hex')
  if (received !== sha256) throw installError(`${path}: the SHA-256 is ${received}, and not ${sha256} as published`)
}
