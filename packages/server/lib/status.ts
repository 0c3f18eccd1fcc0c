import { isError, TorchError, type TorchErrorCode } from 'napi-torch/internal/util'

/** The status of a request whose client left before it was answered: logged and counted, but never sent. */
export const CLIENT_CLOSED = 499

/** HTTP status by error code; codes that are not listed are faults of the server, 500. */
const STATUS: Readonly<Partial<Record<TorchErrorCode, number>>> = {
  TORCH_REQUEST: 400,
  TORCH_INVALID_ARGUMENT: 400,
  TORCH_IMAGE: 400,
  TORCH_UNAUTHORIZED: 401,
  TORCH_NOT_FOUND: 404,
  TORCH_METHOD: 405,
  TORCH_TOO_SLOW: 408,
  TORCH_TOO_LARGE: 413,
  TORCH_MEDIA_TYPE: 415,
  TORCH_QUEUE_FULL: 429,
  TORCH_RATE_LIMIT: 429,
  TORCH_NOT_READY: 503,
  TORCH_ENGINE_CLOSED: 503,
  TORCH_DEADLINE: 504,
}

/** Faults of a checkpoint that was to be loaded. */
const LOADING = /^TORCH_(?:CHECKPOINT_|FILE$|ARCHITECTURE$|STATE_DICT$|LABELS$|TRACE$|QUANTIZATION$)/

/** The response of a failed request. */
export interface Failure {
  readonly status: number
  readonly code: TorchErrorCode
  readonly message: string
  /** Seconds after which the client may try again. */
  readonly retryAfter: number | null
}

const RETRY_AFTER_S = 1

/** Characters of an error in a response: it may quote a header, or list the keys of a checkpoint. */
export const MAX_MESSAGE_LENGTH = 1000

/** Makes the response for an error. Faults of the server are not described to the client: paths and traces stay here. */
export function failureOf(error: unknown): Failure {
  const { code, message } = nameOf(error)
  const status = STATUS[code] ?? (LOADING.test(code) ? 422 : 500)
  const shown = status === 500 ? 'Internal error; the server logs the reason with the request id' : message
  const text = shown.length > MAX_MESSAGE_LENGTH ? `${shown.slice(0, MAX_MESSAGE_LENGTH)} …` : shown
  return { status, code, message: text, retryAfter: status === 429 || status === 503 ? RETRY_AFTER_S : null }
}

function nameOf(error: unknown): { readonly code: TorchErrorCode; readonly message: string } {
  if (error instanceof TorchError) return error
  // An error of Fastify, such as an address that is not a valid URI.
  const status = isError(error) && 'statusCode' in error ? error.statusCode : 500
  const message = isError(error) ? error.message : String(error)
  if (status === 404) return { code: 'TORCH_NOT_FOUND', message }
  if (status === 413) return { code: 'TORCH_TOO_LARGE', message }
  if (status === 415) return { code: 'TORCH_MEDIA_TYPE', message }
  if (typeof status === 'number' && status >= 400 && status < 500) return { code: 'TORCH_REQUEST', message }
  return { code: 'TORCH_INTERNAL', message }
}

/** Makes the error for a malformed request. */
export function badRequest(message: string, cause?: unknown): TorchError {
  return new TorchError('TORCH_REQUEST', message, { cause })
}

/** Makes the error for a request that exceeds a size limit. */
export function tooLarge(message: string): TorchError {
  return new TorchError('TORCH_TOO_LARGE', message)
}
