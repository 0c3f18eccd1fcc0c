import { TorchError } from 'napi-torch'
import { reasonOf } from 'napi-torch/internal'
import { FETCH_TIMEOUT_MS, MAX_REDIRECTS } from './limits.js'
import type { AllowList } from './sources/allow_list.js'

/** Status codes of errors that may pass. */
const TRANSIENT = [408, 425, 429, 500, 502, 503, 504]
const REDIRECTS = [301, 302, 303, 307, 308]

/** Limits of the size of an image and of the time to fetch it. */
export interface FetchLimits {
  readonly maxBytes: number
  /** Redirects and body included. Default: {@link FETCH_TIMEOUT_MS}. */
  readonly timeoutMs?: number | undefined
}

/**
 * Fetches an image. Redirects to allowed addresses are followed.
 *
 * @throws {TorchError} `TORCH_SOURCE_REFUSED` if the address is not allowed or the image too large; `TORCH_FILE` if the server refuses;
 * `TORCH_SOURCE_UNAVAILABLE` if it does not answer, or with an error that may pass.
 */
export async function fetchImage(
  address: string,
  allowed: AllowList,
  { maxBytes, timeoutMs = FETCH_TIMEOUT_MS }: FetchLimits,
): Promise<Uint8Array> {
  const signal = AbortSignal.timeout(timeoutMs)
  let url = new URL(address)
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    if (!allowed.allows(url)) throw refused(address, `${url.origin}${url.pathname} is in no allowed address`)
    const response = await request(url, address, signal)
    const location = response.headers.get('location')
    if (!REDIRECTS.includes(response.status) || location === null || !URL.canParse(location, url.href)) {
      return read(response, address, maxBytes)
    }
    await response.body?.cancel()
    url = new URL(location, url)
  }
  throw refused(address, `Is redirected more than ${MAX_REDIRECTS} times`)
}

async function request(url: URL, address: string, signal: AbortSignal): Promise<Response> {
  return fetch(url, { redirect: 'manual', signal }).catch((cause: unknown) => {
    throw unavailable(address, cause)
  })
}

async function read(response: Response, address: string, maxBytes: number): Promise<Uint8Array> {
  const { status, body } = response
  const length = Number(response.headers.get('content-length') ?? 0)
  if (!response.ok || body === null || length > maxBytes) {
    await body?.cancel()
    if (TRANSIENT.includes(status)) {
      throw new TorchError('TORCH_SOURCE_UNAVAILABLE', `${address}: The server answers ${status}`)
    }
    if (!response.ok || body === null) throw new TorchError('TORCH_FILE', `${address}: The server answers ${status}`)
    throw tooLarge(address, maxBytes)
  }
  const pieces: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const piece of body as unknown as AsyncIterable<Uint8Array>) {
      bytes += piece.length
      // The Content-Length may be wrong. Leaving the loop closes the connection.
      if (bytes > maxBytes) throw tooLarge(address, maxBytes)
      pieces.push(piece)
    }
  } catch (cause) {
    throw cause instanceof TorchError ? cause : unavailable(address, cause)
  }
  return Buffer.concat(pieces)
}

function unavailable(address: string, cause: unknown): TorchError {
  return new TorchError('TORCH_SOURCE_UNAVAILABLE', `${address}: ${reasonOf(cause)}`, { cause })
}

function refused(address: string, text: string): TorchError {
  return new TorchError('TORCH_SOURCE_REFUSED', `${address}: ${text}`)
}

function tooLarge(address: string, maxBytes: number): TorchError {
  return refused(address, `Has more than ${maxBytes} bytes`)
}
