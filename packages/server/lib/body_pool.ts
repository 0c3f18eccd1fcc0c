import { isArrayBuffer } from 'napi-torch/internal'
import { freeMemory } from './free_memory.js'

/** Shorter bodies cost too little to be worth keeping. */
const MIN_KEPT_BYTES = 2 ** 18
/** Memory that is more than so many times longer than a body is left for a longer one. */
const MAX_EXCESS = 2
/** Time without long bodies after which their memory goes back. */
const IDLE_MS = 10_000

/** Memory of long bodies, kept for the next ones: what is said of {@link freeMemory} holds for memory that comes and goes, too. */
export class BodyPool {
  readonly #maxBytes: number
  readonly #kept: ArrayBuffer[] = []
  readonly #lent = new WeakSet<ArrayBuffer>()
  #bytes = 0
  #timer: NodeJS.Timeout | null = null

  /** @param maxBytes - The most memory that is kept. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Bytes that are kept at present. */
  get bytes(): number {
    return this.#bytes
  }

  /** Gives memory of a former body with at least `length` bytes, or null if none fits. */
  reuse(length: number): Buffer | null {
    if (length < MIN_KEPT_BYTES) return null
    const fits = (buffer: ArrayBuffer): boolean =>
      buffer.byteLength >= length && buffer.byteLength <= MAX_EXCESS * length
    const index = this.#kept.findLastIndex(fits)
    if (index < 0) return null
    const [buffer] = this.#kept.splice(index, 1) as [ArrayBuffer]
    this.#bytes -= buffer.byteLength
    this.#lent.add(buffer)
    return Buffer.from(buffer)
  }

  /** Makes memory for a body, which may be kept once it is given back. */
  allocate(length: number): Buffer {
    const memory = Buffer.allocUnsafeSlow(length)
    if (length >= MIN_KEPT_BYTES && isArrayBuffer(memory.buffer)) this.#lent.add(memory.buffer)
    return memory
  }

  /** Takes the memory of a body that nothing reads or writes any more: keeps it if it is long, and frees it otherwise. */
  give(body: Buffer): void {
    const { buffer } = body
    if (!isArrayBuffer(buffer) || !this.#lent.delete(buffer)) {
      freeMemory(body)
      return
    }
    const { byteLength } = buffer
    // Of one that went to another thread nothing is left.
    if (byteLength === 0) return
    if (byteLength > this.#maxBytes) {
      freeMemory(new Uint8Array(buffer))
      return
    }
    // The longest unused goes first.
    while (this.#bytes + byteLength > this.#maxBytes) this.#bytes -= this.#kept.shift()?.byteLength ?? 0
    this.#kept.push(buffer)
    this.#bytes += byteLength
    this.#timer ??= setTimeout(() => this.clear(), IDLE_MS).unref()
    this.#timer.refresh()
  }

  /** Releases all memory. */
  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#kept.length = 0
    this.#bytes = 0
  }
}
