import type { NetworkBuffer } from '../libtorch/binding.js'
import type { Value } from './graph.js'

/** The operations from the first that touches a buffer to the last. */
interface Life {
  readonly first: number
  readonly last: number
}

interface Entry {
  readonly value: Value
  readonly buffer: Omit<NetworkBuffer, 'slot'>
  readonly life: Life
}

/**
 * Gives buffers of one layout that are not needed at the same time the same memory. Others have memory of their own: where
 * one buffer has its border of zeros another would have pixels.
 */
export class BufferSlots {
  readonly buffers: NetworkBuffer[] = []
  readonly #entries: Entry[] = []
  readonly #indices = new Map<Value, number>()

  add(value: Value, buffer: Omit<NetworkBuffer, 'slot'>, { first, last }: Life): void {
    this.#entries.push({ value, buffer, life: { first, last } })
  }

  /** Assigns the memory, once all buffers are known. */
  assign(): void {
    /** By layout, the slots with the operation up to which each is taken. */
    const taken = new Map<string, { readonly slot: number; last: number }[]>()
    let count = 0
    for (const { value, buffer, life } of this.#entries.sort((one, other) => one.life.first - other.life.first)) {
      const key = JSON.stringify(buffer)
      const slots = taken.get(key) ?? []
      taken.set(key, slots)
      let free = slots.find(({ last }) => last < life.first)
      if (free === undefined) slots.push((free = { slot: count++, last: 0 }))
      free.last = life.last
      this.#indices.set(value, this.buffers.push({ ...buffer, slot: free.slot }) - 1)
    }
  }

  indexOf(value: Value): number {
    const index = this.#indices.get(value)
    if (index === undefined) throw new TypeError(`Value ${value.id} has no buffer`)
    return index
  }
}
