// The one reader of all that callers have in the place of a file: paths, URLs, bytes, and what the web's APIs give.
import { constants, open as openDescriptor } from 'node:fs'
import { open } from 'node:fs/promises'
import { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { onAbort } from './abort.js'
import { DESCRIBE, describe, expected, shorten } from './check.js'
import { hasCode, reasonOf } from './errno.js'
import { TorchError, type TorchErrorCode } from './errors.js'
import { isAnyArrayBuffer, isArrayBuffer, isUint8Array, isUrl } from './realm.js'

/** A `Blob` or a `File`, such as `formData.get('image')`. */
export interface BlobLike {
  /** Bytes. */
  readonly size: number
  readonly type: string
  arrayBuffer(): Promise<ArrayBuffer>
}

/** A `Response` of `fetch`, or a `Request`. */
export interface BodyLike {
  readonly bodyUsed: boolean
  readonly body: unknown
  readonly headers: { get(name: string): string | null }
  arrayBuffer(): Promise<ArrayBuffer>
}

/** A `ReadableStream` of bytes. */
export interface WebStreamLike {
  getReader(...args: never[]): unknown
}

/** Bytes in memory: a Buffer, any typed array or DataView, an ArrayBuffer or a SharedArrayBuffer. */
export type BytesInput = ArrayBufferView | ArrayBufferLike

/**
 * What stands for a file: a path; a `file:` or `data:` URL; bytes; a `Blob` or `File`; a `Response` or `Request`; or a stream of
 * bytes, of the web or of Node, which is read to its end.
 */
export type FileInput = string | URL | BytesInput | BlobLike | BodyLike | WebStreamLike | AsyncIterable<Uint8Array>

/** How {@link resolveFileInput} reads. */
export interface FileInputOptions {
  /** Name of the argument, for messages. */
  readonly name: string
  /** What the argument may be, for messages. Default: what {@link FileInput} lists. */
  readonly what?: string | undefined
  /** Code of the error if the input cannot be read. */
  readonly code: TorchErrorCode
  /** Maximum number of bytes that are collected in memory. Those that lie there already are not counted. */
  readonly maxBytes: number
  /** Makes the error for more bytes than that. */
  readonly tooLarge: (text: string) => Error
  /** Stops reading; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

export const FILE_INPUT = 'a path, a file: URL, bytes, a Blob, a Response or a stream of bytes'

/** Tells what {@link resolveFileInput} takes. A Node stream in object mode is not: what flows in it are other things than bytes. */
export function isFileInput(value: unknown): value is FileInput {
  return typeof value === 'string' || isUrl(value) || isBytes(value) || isByteSource(value)
}

/** Tells what gives bytes later: blobs, bodies and streams. */
function isByteSource(value: unknown): value is BlobLike | BodyLike | WebStreamLike | AsyncIterable<Uint8Array> {
  return isBody(value) || isBlob(value) || isWebStream(value) || isNodeStream(value)
}

/**
 * Gives the path, or the bytes, that an input stands for. A path is not opened. Bytes are not copied, unless another thread could
 * change them, or their length, while they are read.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for anything else; the code in `options` if the input cannot be read.
 */
export async function resolveFileInput(input: unknown, options: FileInputOptions): Promise<string | Uint8Array> {
  const { name, what = FILE_INPUT, signal } = options
  signal?.throwIfAborted()
  if (typeof input === 'string') return /^(?:file|data):/i.test(input) ? resolveUrl(input, options) : input
  if (isUrl(input)) return resolveUrl(input.href, options)
  if (isBytes(input)) return bytesOf(input)
  if (isBody(input)) return readBody(input, options)
  if (isBlob(input)) return readBlob(input, options)
  if (isWebStream(input)) return readWebStream(input, options)
  if (isAsyncIterable(input)) return collect(input, options)
  throw expected(what, name, input)
}

/**
 * Gives all bytes of an input, files included. Of what is no regular file, such as a pipe, no more than `maxBytes` are read.
 *
 * @throws {TorchError} as {@link resolveFileInput}.
 */
export async function readFileInput(input: unknown, options: FileInputOptions): Promise<Uint8Array> {
  const resolved = await resolveFileInput(input, options)
  return typeof resolved === 'string' ? readPath(resolved, options) : resolved
}

const ADDRESS =
  'Is an address, and nothing is downloaded: fetch the file first, as with `curl -LO`, or pass what fetch gives, await fetch(url)'

/** Says why an address cannot be opened as a path is; undefined for other texts. */
export function hintForAddress(path: string): string | undefined {
  if (/^https?:/i.test(path)) return ADDRESS
  if (/^(?:[a-z][a-z0-9+.-]+:\/\/|(?:s3|gs|gcs|hf|az|abfs|ftp)s?:)/i.test(path)) {
    return 'Is an address, expected the path of a file: fetch the file first'
  }
  if (path.startsWith('~')) return 'Begins with ~, which shells expand and this package does not: pass the whole path'
  return undefined
}

/** Opening a pipe to read it would else wait for a writer, and a pool thread with it. */
const READ_NOW = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

async function readPath(path: string, options: FileInputOptions): Promise<Uint8Array> {
  const fail = (cause: unknown): TorchError => {
    const hint = hasCode(cause, 'ENOENT') ? hintForAddress(path) : undefined
    return new TorchError(options.code, `${shorten(path)}: ${hint ?? reasonOf(cause)}`, { cause })
  }
  const handle = await open(path, READ_NOW).catch((cause: unknown) => {
    throw fail(cause)
  })
  const named = { ...options, name: shorten(path) }
  try {
    const stats = await handle.stat()
    if (stats.isDirectory()) throw new TorchError(options.code, `${named.name}: Is a directory, expected a file`)
    if (stats.isFIFO()) return await collect(await openPipe(path), named)
    if (!stats.isFile()) return await collect(handle.createReadStream({ autoClose: false }), named)
    checkSize(stats.size, named)
    return await handle.readFile()
  } catch (error) {
    throw error instanceof TorchError || options.signal?.aborted === true ? error : fail(error)
  } finally {
    await handle.close()
  }
}

/** Only a socket waits for a pipe without holding a thread, and it closes the descriptor itself. */
async function openPipe(path: string): Promise<Socket> {
  const fd = await promisify(openDescriptor)(path, READ_NOW)
  return new Socket({ fd, readable: true, writable: false })
}

function resolveUrl(href: string, options: FileInputOptions): string | Uint8Array {
  const { name, code } = options
  try {
    if (/^file:/i.test(href)) return fileURLToPath(href)
  } catch (cause) {
    throw new TorchError(code, `${shorten(href)}: Is no file: URL of a path on this machine`, { cause })
  }
  if (/^data:/i.test(href)) return bytesOfDataUrl(href, options)
  const hint = hintForAddress(href) ?? `Expected a file: URL for ${name}`
  throw new TorchError(code, `${shorten(href)}: ${hint}`)
}

/** RFC 2397: `data:[<media type>][;base64],<data>`. */
function bytesOfDataUrl(href: string, { code }: FileInputOptions): Uint8Array {
  const comma = href.indexOf(',')
  if (comma < 0) throw new TorchError(code, `${shorten(href)}: Is a data: URL without a comma before its data`)
  const data = href.slice(comma + 1)
  if (/%(?![0-9a-f]{2})/i.test(data)) {
    throw new TorchError(code, `${shorten(href)}: Is a data: URL whose percent signs are not followed by bytes`)
  }
  const bytes = data.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return Buffer.from(bytes, /;\s*base64$/i.test(href.slice(0, comma)) ? 'base64' : 'latin1')
}

function isBytes(value: unknown): value is BytesInput {
  return ArrayBuffer.isView(value) || isAnyArrayBuffer(value)
}

/** A copy where the memory is shared or may shrink: what is decoded on another thread must not change. */
export function bytesOf(input: BytesInput): Uint8Array {
  if (!ArrayBuffer.isView(input)) return bytesOf(new Uint8Array(input))
  const { buffer, byteOffset, byteLength } = input
  const bytes = isUint8Array(input) ? input : new Uint8Array(buffer, byteOffset, byteLength)
  const isFixed = isArrayBuffer(buffer) && !('resizable' in buffer && buffer.resizable === true)
  return isFixed ? bytes : Uint8Array.from(bytes)
}

function isObject(value: unknown): value is Readonly<Record<string | symbol, unknown>> {
  return typeof value === 'object' && value !== null
}

function isBody(value: unknown): value is BodyLike {
  return isObject(value) && 'bodyUsed' in value && 'body' in value && typeof value['arrayBuffer'] === 'function'
}

function isBlob(value: unknown): value is BlobLike {
  return isObject(value) && typeof value['arrayBuffer'] === 'function' && typeof value['size'] === 'number'
}

function isWebStream(value: unknown): value is WebStreamLike {
  return isObject(value) && typeof value['getReader'] === 'function'
}

function isNodeStream(value: unknown): value is AsyncIterable<Uint8Array> {
  return isAsyncIterable(value) && typeof value['pipe'] === 'function' && value['readableObjectMode'] === false
}

function isAsyncIterable(value: unknown): value is AsyncIterable<Uint8Array> & Readonly<Record<string, unknown>> {
  return isObject(value) && typeof value[Symbol.asyncIterator] === 'function'
}

async function readBody(body: BodyLike, options: FileInputOptions): Promise<Uint8Array> {
  const { name, code, signal } = options
  const status = 'ok' in body && 'status' in body && body.ok === false ? body.status : undefined
  if (typeof status === 'number') {
    throw new TorchError(code, `${addressOf(body, name)}: The server answers ${status}`)
  }
  if (body.bodyUsed) throw new TorchError(code, `${addressOf(body, name)}: Its body has been read before`)
  const length = Number(body.headers.get('content-length') ?? 0)
  checkSize(length, options)
  if (isWebStream(body.body)) return readWebStream(body.body, options)
  if (isAsyncIterable(body.body)) return collect(body.body, options)
  // Some polyfills have no stream.
  const bytes = await body.arrayBuffer().catch((cause: unknown) => {
    throw unreadable(cause, options)
  })
  signal?.throwIfAborted()
  return checkLength(new Uint8Array(bytes), options)
}

function addressOf(body: BodyLike, name: string): string {
  return 'url' in body && typeof body.url === 'string' && body.url !== '' ? shorten(body.url) : name
}

async function readBlob(blob: BlobLike, options: FileInputOptions): Promise<Uint8Array> {
  checkSize(blob.size, options)
  const bytes = await blob.arrayBuffer().catch((cause: unknown) => {
    throw unreadable(cause, options)
  })
  options.signal?.throwIfAborted()
  return checkLength(new Uint8Array(bytes), options)
}

interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: unknown }>
  cancel(reason?: unknown): Promise<void>
}

async function readWebStream(stream: WebStreamLike, options: FileInputOptions): Promise<Uint8Array> {
  let reader: Reader
  try {
    reader = stream.getReader() as Reader
  } catch (cause) {
    // A locked stream: somebody reads it.
    throw unreadable(cause, options)
  }
  let isDone = false
  async function* chunks(): AsyncGenerator {
    for (;;) {
      const { done, value } = await reader.read()
      isDone = done
      if (done) return
      yield value
    }
  }
  try {
    return await collect(chunks(), options, () => void reader.cancel().catch(() => undefined))
  } finally {
    if (!isDone) reader.cancel().catch(() => undefined)
  }
}

/** Reads a stream to its end. Leaving the loop early closes it; `stop` ends a read that is awaited. */
async function collect(
  stream: AsyncIterable<unknown>,
  options: FileInputOptions,
  stop: () => void = () => destroy(stream),
): Promise<Uint8Array> {
  const { signal } = options
  const ignore = onAbort(signal, stop)
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    if ('readableDidRead' in stream && 'readableEnded' in stream && stream.readableEnded === true) {
      throw new TorchError(options.code, `The stream for ${options.name} has been read to its end before`)
    }
    for await (const chunk of stream) {
      signal?.throwIfAborted()
      if (!isBytes(chunk)) throw expected('a stream of bytes', options.name, new Chunk(chunk))
      const piece = bytesOf(chunk)
      bytes += piece.byteLength
      checkSize(bytes, options)
      chunks.push(piece)
    }
  } catch (cause) {
    signal?.throwIfAborted()
    throw cause instanceof TorchError ? cause : unreadable(cause, options)
  } finally {
    ignore()
  }
  signal?.throwIfAborted()
  const [only] = chunks
  return only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks)
}

/** Prints as what a stream gave. */
class Chunk {
  readonly #value: unknown

  constructor(value: unknown) {
    this.#value = value
  }

  [DESCRIBE](): string {
    return `a stream that gives ${describe(this.#value)}`
  }
}

function isDestroyable(value: unknown): value is { destroy(): void } {
  return isObject(value) && typeof value['destroy'] === 'function'
}

function destroy(stream: unknown): void {
  if (isDestroyable(stream)) stream.destroy()
}

function checkLength(bytes: Uint8Array, options: FileInputOptions): Uint8Array {
  checkSize(bytes.byteLength, options)
  return bytes
}

function checkSize(bytes: number, { name, maxBytes, tooLarge }: FileInputOptions): void {
  if (bytes > maxBytes) throw tooLarge(`${name}: Has more than ${maxBytes} bytes`)
}

function unreadable(cause: unknown, { name, code }: FileInputOptions): TorchError {
  return cause instanceof TorchError
    ? cause
    : new TorchError(code, `Cannot read ${name}: ${reasonOf(cause)}`, { cause })
}
