import { shorten } from '../util/check.js'
import { createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'

import { reasonOf } from '../util/errno.js'
import { sha256Of } from '../libtorch/manifest.js'
import { installError, installFolder } from './failure.js'
import type { Reporter } from './progress.js'

/** How long a server may take to answer, and then to send the next bytes. */
export interface DownloadTimeouts {
  readonly connectMs: number
  readonly idleMs: number
}

/** Short for the first: where there is no way out, the next way is to be tried soon. */
const DOWNLOAD_TIMEOUTS: DownloadTimeouts = { connectMs: 5000, idleMs: 20_000 }

/** Of a mirror that sends on to its storage. */
const MAX_REDIRECTIONS = 5

/** How a download went. */
export interface Downloaded {
  /** Whether it went on from what an earlier one had left. */
  readonly resumed: boolean
}

/**
 * Downloads as {@link download} does, and keeps in the cache what a failed or interrupted download has fetched, so that the
 * next one resumes there. If several run at a time, one of them resumes and the others begin anew.
 */
export async function downloadResumable(
  url: string,
  path: string,
  reporter: Reporter,
  timeouts: DownloadTimeouts = DOWNLOAD_TIMEOUTS,
): Promise<Downloaded> {
  const folder = join(installFolder(), 'partial')
  const part = join(folder, basename(path))
  await rename(part, path).catch(() => undefined)
  try {
    return await download(url, path, reporter, timeouts)
  } catch (error) {
    if ((await sizeOf(path)) > 0) {
      await mkdir(folder, { recursive: true }).catch(() => undefined)
      await rename(path, part).catch(() => undefined)
    }
    throw error
  } finally {
    // Without what was kept, an empty folder is left.
    if ((await sizeOf(part)) === 0) await rm(folder, { recursive: true, force: true }).catch(() => undefined)
  }
}

/**
 * Fetches `url` once into the file `path`, through the proxy that `https_proxy`, `http_proxy` and `no_proxy` name; goes on
 * after the bytes that the file holds already, where the server can do that.
 *
 * @throws {TorchError} `TORCH_LIBTORCH_INSTALL` if the server cannot be reached, refuses, or stalls.
 */
export async function download(
  url: string,
  path: string,
  { onProgress, signal }: Reporter,
  { connectMs, idleMs }: DownloadTimeouts = DOWNLOAD_TIMEOUTS,
): Promise<Downloaded> {
  const stalled = new AbortController()
  let timer = setTimeout(() => stalled.abort(new Error(`no answer in ${connectMs / 1000} s`)), connectMs)
  const awaitMore = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => stalled.abort(new Error(`no data for ${idleMs / 1000} s`)), idleMs)
  }
  // The fetch of Node.js itself takes no notice of proxies before version 24.
  const { EnvHttpProxyAgent, interceptors, request } = await import('undici')
  const agent = new EnvHttpProxyAgent()
  const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: MAX_REDIRECTIONS }))
  try {
    const stop = AbortSignal.any(signal === undefined ? [stalled.signal] : [stalled.signal, signal])
    const begin = await sizeOf(path)
    const ask = (headers: Record<string, string>): ReturnType<typeof request> =>
      request(url, { signal: stop, dispatcher, headers })
    let response = await ask(begin === 0 ? {} : { range: `bytes=${begin}-` })
    // The file on the server is shorter than what is here: it is another one.
    if (response.statusCode === 416) response = await ask({})
    const { statusCode, headers, body } = response
    if (statusCode !== 200 && statusCode !== 206) throw new Error(`HTTP status ${statusCode}`)

    const resumed = statusCode === 206 && String(headers['content-range']).startsWith(`bytes ${begin}-`)
    let done = resumed ? begin : 0
    const length = Number(headers['content-length']) || null
    const total = length === null ? null : done + length
    const count = async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const part of source) {
        awaitMore()
        done += part.byteLength
        onProgress?.({ action: 'download', done, total })
        yield part
      }
    }
    awaitMore()
    const file = createWriteStream(path, { flags: resumed ? 'a' : 'w' })
    await pipeline(body, count, file, { signal: stop })
    if (total !== null && done !== total) throw new Error(`ended after ${done} of ${total} bytes`)
    return { resumed }
  } catch (cause) {
    signal?.throwIfAborted()
    throw installError(`${url}: ${reasonOf(stalled.signal.aborted ? stalled.signal.reason : cause)}`, cause)
  } finally {
    clearTimeout(timer)
    // Not close(): that would wait for a server that stalls.
    await agent.destroy()
  }
}

/** @throws {TorchError} `TORCH_LIBTORCH_INSTALL` unless the file has the SHA-256 `sha256`, in hexadecimal. */
export async function checkSha256(path: string, sha256: string): Promise<void> {
  const received = await sha256Of(path)
  if (received !== sha256)
    throw installError(`${shorten(path)}: the SHA-256 is ${received}, and not ${sha256} as published`)
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}
