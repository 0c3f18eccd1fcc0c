import type { NetworkBuffer } from '../../libtorch/plan_spec.js'
import { layoutOf, type Graph, type Value } from '../graph.js'
import { inputsOf, opOf, type Node } from '../ops/index.js'

/** From the first step that touches something to the last. */
export interface Lifetime {
  readonly first: number
  readonly last: number
}

/** Finds out from when to when each item is needed: `touched` lists the items of step after step. */
export function lifetimesOf<T>(touched: readonly Iterable<T>[]): Map<T, Lifetime> {
  const lifetimes = new Map<T, Lifetime>()
  for (const [time, items] of touched.entries()) {
    for (const item of items) lifetimes.set(item, { first: lifetimes.get(item)?.first ?? time, last: time })
  }
  return lifetimes
}

/** Lists for each step the items whose memory is released after it: all but those in `kept`. */
export function deadAfter<T>(touched: readonly Iterable<T>[], kept: Iterable<T>): T[][] {
  const isKept = new Set(kept)
  const dead = touched.map((): T[] => [])
  for (const [item, { last }] of lifetimesOf(touched)) if (!isKept.has(item)) dead[last]?.push(item)
  return dead
}

/** Tells which values of a graph whose layouts are assigned may be overwritten. */
export class Liveness {
  readonly #outputs: ReadonlySet<Value>
  readonly #readers = new Map<Value, Node[]>()

  constructor(graph: Graph) {
    this.#outputs = new Set(graph.outputs)
    for (const node of graph.nodes) {
      for (const value of inputsOf(node)) this.#readers.set(value, [...(this.#readers.get(value) ?? []), node])
    }
  }

  /**
   * Tells whether a node may write into the memory of a value that it reads: it owns that memory, nothing else shows it, and
   * nothing reads it later or in another place of the node.
   */
  mayOverwrite(node: Node, value: Value): boolean {
    const readers = this.#readers.get(value) ?? []
    if (!layoutOf(value).isOwned || this.#outputs.has(value)) return false
    if (readers.at(-1) !== node || readers.filter((reader) => reader === node).length > 1) return false
    return !readers.some((reader) => opOf(reader).mayAlias?.(reader) === true)
  }
}

/** A buffer of a native network before its memory is known. */
export interface BufferRequest {
  readonly value: Value
  readonly buffer: Omit<NetworkBuffer, 'slot'>
  readonly lifetime: Lifetime
}

/** The buffers of a native network, and which holds a value. */
export interface SharedBuffers {
  readonly buffers: readonly NetworkBuffer[]
  readonly indexOf: (value: Value) => number
}

/**
 * Gives buffers of one layout that are not needed at the same time the same memory. Others have memory of their own: where
 * one buffer has its border of zeros another would have pixels.
 */
export function shareBuffers(requests: readonly BufferRequest[]): SharedBuffers {
  const buffers: NetworkBuffer[] = []
  const indices = new Map<Value, number>()
  /** By layout, the slots with the step up to which each is taken. */
  const taken = new Map<string, { readonly slot: number; last: number }[]>()
  let count = 0
  for (const { value, buffer, lifetime } of [...requests].sort((a, b) => a.lifetime.first - b.lifetime.first)) {
    const key = JSON.stringify(buffer)
    const slots = taken.get(key) ?? []
    taken.set(key, slots)
    let free = slots.find(({ last }) => last < lifetime.first)
    if (free === undefined) slots.push((free = { slot: count++, last: 0 }))
    free.last = lifetime.last
    indices.set(value, buffers.push({ ...buffer, slot: free.slot }) - 1)
  }
  const indexOf = (value: Value): number => {
    const index = indices.get(value)
    if (index === undefined) throw new TypeError(`Value ${value.id} has no buffer`)
    return index
  }
  return { buffers, indexOf }
}
