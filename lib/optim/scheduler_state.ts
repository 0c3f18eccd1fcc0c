import { PickledObject } from '../checkpoint/values.js'
import type { CheckpointTree } from '../checkpoint/write/tree.js'
import { describe } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { isMap, isPlainObject } from '../util/realm.js'

/** The state of a scheduler in the structure of `torch.optim.lr_scheduler`, with PyTorch's keys. */
export type SchedulerStateDict = Readonly<Record<string, CheckpointTree>>

/** Reads the state of a scheduler, from Python or from here, by its keys. Each reader throws `TORCH_STATE_DICT`. */
export class SchedulerState {
  readonly #of: string
  readonly #get: (key: string) => unknown

  /** @param of The class of the scheduler, for messages. */
  constructor(of: string, state: unknown) {
    this.#of = of
    if (isMap(state)) this.#get = (key) => state.get(key)
    else if (isPlainObject(state)) this.#get = (key) => state[key]
    else throw this.#fault('a dict', 'the state', state)
  }

  number(key: string): number {
    return this.#read(key, 'a number', (value) => (typeof value === 'number' ? value : undefined))
  }

  integer(key: string): number {
    return this.#read(key, 'an integer', (value) => (Number.isSafeInteger(value) ? Number(value) : undefined))
  }

  boolean(key: string): boolean {
    return this.#read(key, 'a boolean', (value) => (typeof value === 'boolean' ? value : undefined))
  }

  oneOf<T extends string>(key: string, choices: readonly T[]): T {
    return this.#read(key, choices.map((choice) => `'${choice}'`).join(' or '), (value) => {
      return choices.find((choice) => choice === value)
    })
  }

  numbers(key: string): readonly number[] {
    return this.#read(key, 'a list of numbers', (value) => (isNumbers(value) ? [...value] : undefined))
  }

  list(key: string): readonly unknown[] {
    return this.#read(key, 'a list', (value) => (Array.isArray(value) ? [...(value as unknown[])] : undefined))
  }

  /** How often each integer occurs, of a `Counter`. */
  counts(key: string): ReadonlyMap<number, number> {
    return this.#read(key, 'a Counter of integers', (value) => {
      const entries = value instanceof PickledObject ? value.args[0] : value
      if (!isMap(entries)) return undefined
      const pairs = [...entries]
      if (!pairs.every(([item, count]) => Number.isSafeInteger(item) && Number.isSafeInteger(count))) return undefined
      return new Map(pairs.map(([item, count]) => [Number(item), Number(count)]))
    })
  }

  #read<T>(key: string, what: string, convert: (value: unknown) => T | undefined): T {
    const value = this.#get(key)
    const converted = convert(value)
    if (converted === undefined) throw this.#fault(what, key, value)
    return converted
  }

  #fault(what: string, key: string, value: unknown): TorchError {
    const text = `Expected ${what} for ${key} of the state of ${this.#of}, received ${describe(value)}`
    return new TorchError('TORCH_STATE_DICT', text)
  }
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number')
}
