import type { Tensor } from 'napi-torch'

import { isTensor } from '../../lib/nn/checks.js'
import { NotOffered } from './compare.js'
import { DTypeArgument } from './data.js'

/** Arguments by PyTorch's names. */
export type Arguments = Readonly<Record<string, unknown>>

export interface Operator {
  /** Names of the arguments after the input, in PyTorch's order. */
  readonly params: readonly string[]
  readonly run: (input: Tensor, given: Arguments) => Tensor | readonly Tensor[]
}

export type Pair = readonly [number, number]

export const operator = (params: string, run: Operator['run']): Operator => ({
  params: params === '' ? [] : params.split(' '),
  run,
})

/** Leaves out what was not given, so that the default of this package decides. */
export function options(given: Arguments, names: Readonly<Record<string, string>>): Record<string, unknown> {
  const entries = Object.entries(names).flatMap(([name, ours]) =>
    given[name] === undefined ? [] : [[ours, given[name]]],
  )
  return Object.fromEntries(entries) as Record<string, unknown>
}

const REDUCE = { dim: 'dim', keepdim: 'keepdim', dtype: 'dtype' }
export const reduce = (given: Arguments): Record<string, unknown> => dropNulls(withDType(options(given, REDUCE)))

export function withDType(given: Record<string, unknown>): Record<string, unknown> {
  const { dtype } = given
  return dtype instanceof DTypeArgument ? { ...given, dtype: dtype.dtype } : given
}

export function dropNulls(given: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))
}

export function other(given: Arguments, name = 'other'): Tensor | number | bigint {
  const value = given[name]
  if (typeof value === 'number' || typeof value === 'bigint' || isTensor(value)) return value
  throw new NotOffered(`${name} of ${typeof value}`)
}

export const along = (given: Arguments): never => (given['dim'] === undefined ? {} : { dim: given['dim'] }) as never

/** One size, or several: a list, or the arguments themselves. */
export function sizes(given: Arguments, name: string): number[] {
  const value = given[name]
  const list = Array.isArray(value) ? value : [value, ...((given['rest'] as unknown[] | undefined) ?? [])]
  if (!list.every((item): item is number => typeof item === 'number')) throw new NotOffered(`${name} in another form`)
  return list
}

/** Lists of one number, which PyTorch takes for both axes. */
export function pairs(given: Arguments): Record<string, unknown> {
  const entries = Object.entries(given).map(([name, value]) => {
    return [name, Array.isArray(value) && value.length === 1 ? (value[0] as unknown) : value] as const
  })
  return Object.fromEntries(entries)
}
