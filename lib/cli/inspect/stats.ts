import { denseChunks } from '../../checkpoint/write/dense.js'
import { DECODERS, type Numbers } from '../../checkpoint/decoders.js'
import type { StoredTensor } from '../../checkpoint/stored.js'
import { shortNumber } from '../output/text.js'
import { isBigIntArray } from '../../util/realm.js'

/** Statistics of the numbers of a tensor. */
export interface TensorStats {
  /** Of all numbers except NaN; null where there are none. */
  readonly min: number | bigint | null
  readonly max: number | bigint | null
  /** Mean of the finite numbers, summed in float64; null where there are none. */
  readonly mean: number | null
  readonly nan: number
  readonly infinite: number
}

/** Heads of the columns that {@link statsColumns} gives. */
export const STATS_HEADS = ['min', 'max', 'mean', 'NaN', 'infinite'] as const

/**
 * Reads all numbers of a stored tensor, a few MiB at a time and without libtorch. Gives null for complex and quantized
 * tensors.
 */
export async function readStats(tensor: StoredTensor, signal: AbortSignal): Promise<TensorStats | null> {
  const decode = DECODERS.get(tensor.dtype)
  if (decode === undefined) return null
  const sums = new Sums()
  for await (const chunk of denseChunks(tensor)) {
    signal.throwIfAborted()
    sums.add(decode(chunk))
  }
  return sums.stats()
}

/** Gives the cells of a tensor under {@link STATS_HEADS}, with a dash where there is no value. */
export function statsColumns(
  stats: Readonly<Record<keyof TensorStats, number | bigint | string | null>> | null,
): string[] {
  if (stats === null) return STATS_HEADS.map(() => '–')
  const { min, max, mean, nan, infinite } = stats
  return [min, max, mean, nan, infinite].map((value) =>
    value === null ? '–' : typeof value === 'string' ? value : shortNumber(value),
  )
}

class Sums {
  #min: number | bigint = Infinity
  #max: number | bigint = -Infinity
  #sum = 0
  #finite = 0
  #nan = 0
  #infinite = 0

  add(numbers: Numbers): void {
    if (isBigIntArray(numbers)) this.#addIntegers(numbers)
    else this.#addFloats(numbers)
  }

  stats(): TensorStats {
    const isEmpty = this.#finite + this.#infinite === 0
    return {
      min: isEmpty ? null : this.#min,
      max: isEmpty ? null : this.#max,
      mean: this.#finite === 0 ? null : this.#sum / this.#finite,
      nan: this.#nan,
      infinite: this.#infinite,
    }
  }

  // Locals, and a separate sum for each chunk, are faster and more exact than one long sum.
  #addFloats(numbers: Exclude<Numbers, BigInt64Array | BigUint64Array>): void {
    let min = Infinity
    let max = -Infinity
    let sum = 0
    let nan = 0
    let infinite = 0
    for (const value of numbers) {
      if (Number.isNaN(value)) {
        nan++
        continue
      }
      if (value < min) min = value
      if (value > max) max = value
      if (Number.isFinite(value)) sum += value
      else infinite++
    }
    this.#merge(min, max)
    this.#sum += sum
    this.#nan += nan
    this.#infinite += infinite
    this.#finite += numbers.length - nan - infinite
  }

  #addIntegers(numbers: BigInt64Array | BigUint64Array): void {
    let min = numbers[0]
    let max = min
    if (min === undefined || max === undefined) return
    let sum = 0
    for (const value of numbers) {
      if (value < min) min = value
      if (value > max) max = value
      sum += Number(value)
    }
    this.#merge(min, max)
    this.#sum += sum
    this.#finite += numbers.length
  }

  #merge(min: number | bigint, max: number | bigint): void {
    if (min < this.#min) this.#min = min
    if (max > this.#max) this.#max = max
  }
}
