import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'

import { LRUCache } from 'lru-cache'

/** What an entry takes beside its numbers: its key, and its place in the list. */
const ENTRY_BYTES = 256
/** Bytes that are hashed at a time: about a millisecond. */
const HASHED_PIECE_BYTES = 2 ** 20

/** The model whose results are kept. Another one, or the same after a reload, is another key. */
export interface CachedModel {
  readonly name: string
  readonly version: string
  /** Whether it was replaced: what it computes then is kept no longer. */
  readonly isRetired: boolean
}

/** A sample as it was received: what it is, with its size where the bytes do not tell it, and its bytes. */
export interface SampleContent {
  readonly kind: string
  readonly bytes: Uint8Array
}

/** Is told whether a sample was found. */
export type CacheObserver = (model: CachedModel, isHit: boolean) => void

/**
 * Keeps the logits of samples that were computed, by a hash of what was received, up to a number of bytes: those that were not
 * asked for longest go first. A sample that is found is neither decoded nor computed.
 */
export class ResponseCache {
  readonly #rows: LRUCache<string, Float32Array>
  readonly #observer: CacheObserver
  readonly #prefixes = new WeakMap<CachedModel, string>()
  #models = 0

  /** @param maxBytes - At least 1. */
  constructor(maxBytes: number, observer: CacheObserver) {
    this.#observer = observer
    this.#rows = new LRUCache({ maxSize: maxBytes, sizeCalculation: ({ byteLength }) => byteLength + ENTRY_BYTES })
  }

  get bytes(): number {
    return this.#rows.calculatedSize
  }

  /** Gives the logits that are kept for a sample, or those that `compute` gives, and keeps them. */
  async find<T extends { readonly output: Float32Array }>(
    model: CachedModel,
    content: SampleContent,
    compute: () => Promise<T>,
  ): Promise<T | { readonly output: Float32Array; readonly timing: null }> {
    const key = this.#prefixOf(model) + (await hashOf(content))
    const kept = this.#rows.get(key)
    this.#observer(model, kept !== undefined)
    if (kept !== undefined) return { output: kept, timing: null }
    const result = await compute()
    if (!model.isRetired) this.#rows.set(key, result.output)
    return result
  }

  /** Drops what is kept of a model that was replaced or unloaded. */
  forget(model: CachedModel): void {
    const prefix = this.#prefixOf(model)
    for (const key of [...this.#rows.keys()]) if (key.startsWith(prefix)) this.#rows.delete(key)
  }

  #prefixOf(model: CachedModel): string {
    const prefix = this.#prefixes.get(model) ?? `${this.#models++}/`
    this.#prefixes.set(model, prefix)
    return prefix
  }
}

async function hashOf({ kind, bytes }: SampleContent): Promise<string> {
  const hash = createHash('sha256').update(`${kind}\n`)
  for (let at = 0; at < bytes.length; at += HASHED_PIECE_BYTES) {
    if (at > 0) await setImmediate()
    hash.update(bytes.subarray(at, at + HASHED_PIECE_BYTES))
  }
  return hash.digest('base64')
}
