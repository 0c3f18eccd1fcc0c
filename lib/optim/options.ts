import { checkBoolean, expected } from '../util/check.js'
import { TorchError } from '../util/errors.js'

// The checks of PyTorch's optimizers, in its words.

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is a number of at least 0. */
export function checkRate(what: string, value: unknown): number {
  if (typeof value !== 'number') throw expected('a number', what, value)
  if (!(value >= 0)) throw new TorchError('TORCH_INVALID_ARGUMENT', `Invalid ${what}: ${value}`)
  return value
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is two numbers from 0 to below 1. */
export function checkBetas(value: unknown): readonly [number, number] {
  if (!Array.isArray(value) || value.length !== 2) throw expected('two numbers', 'betas', value)
  const [first, second] = value.map((beta: unknown, index) => {
    if (typeof beta === 'number' && beta >= 0 && beta < 1) return beta
    throw new TorchError('TORCH_INVALID_ARGUMENT', `Invalid beta parameter at index ${index}: ${String(beta)}`)
  })
  return [first ?? 0, second ?? 0]
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is a boolean or null, which leaves the choice to the optimizer. */
export function checkChoice(name: string, value: unknown): boolean | null {
  return value === null ? null : checkBoolean(name, value)
}

/** Refuses what only graphs of CUDA and differentiable optimizers have in PyTorch: it is in states that Python saved. */
export function checkOff(name: string, value: unknown): false {
  if (checkBoolean(name, value)) throw expected('false', name, value)
  return false
}

/** Leaves out what is undefined, so that defaults stay. */
export function defined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
