import type { Pair } from '../../nn/checks.js'
import { TensorBase } from '../../tensor/handle.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Value } from '../graph.js'
import { ACTIVATIONS, type Activation } from './activations.js'

/** Gives other values and tensors in the places of those that a node has. */
export interface Replacement {
  readonly value: (value: Value) => Value
  readonly constant: (constant: Tensor) => Tensor
}

/** How values and tensors are named when a node is written. */
export interface Names {
  /** Index of a value. */
  readonly value: (value: Value) => number
  /** Name of a tensor, which a field of that name holds. */
  readonly tensor: (tensor: Tensor, field: string) => string
}

/** How a node that is read finds values and tensors. */
export interface Lookups {
  /** @throws unless an earlier node has made the value. */
  readonly value: (index: unknown) => Value
  /** @throws unless there is a tensor of this name. */
  readonly tensor: (name: unknown) => Tensor
  /** Makes the error for a field that is not what it should be. */
  readonly wrong: (what: string, received: unknown) => Error
}

/**
 * One field of a kind of nodes: which values and constants it holds, and how it is written as JSON and read again. Readers
 * trust nothing.
 */
export interface Field<T> {
  values(content: T): readonly Value[]
  constants(content: T): readonly Tensor[]
  replace(content: T, replacement: Replacement): T
  write(content: T, names: Names, name: string): unknown
  read(json: unknown, lookups: Lookups): T
}

/** The fields of a node, but for what every node has. The order is that of the node's inputs and of the written form. */
export type Fields<N> = { readonly [K in Exclude<keyof N, 'kind' | 'path' | 'output' | 'outputs'>]: Field<N[K]> }

/** A value that the node reads. */
export const VALUE: Field<Value> = {
  values: (value) => [value],
  constants: () => [],
  replace: (value, replacement) => replacement.value(value),
  write: (value, names) => names.value(value),
  read: (json, lookups) => lookups.value(json),
}

/** A constant of the node. */
export const CONSTANT: Field<Tensor> = {
  values: () => [],
  constants: (constant) => [constant],
  replace: (constant, replacement) => replacement.constant(constant),
  write: (constant, names, name) => names.tensor(constant, name),
  read: (json, lookups) => lookups.tensor(json),
}

export const BOOLEAN: Field<boolean> = literal((json, { wrong }) => {
  if (typeof json !== 'boolean') throw wrong('a boolean', json)
  return json
})

export const NUMBER: Field<number> = literal((json, { wrong }) => {
  if (typeof json !== 'number') throw wrong('a number', json)
  return json
})

export const ACTIVATION: Field<Activation> = literal((json, { wrong }) => {
  const known = (['none', ...Object.keys(ACTIVATIONS)] as Activation[]).find((name) => name === json)
  if (known !== undefined) return known
  throw wrong(`one of ${['none', ...Object.keys(ACTIVATIONS)].map((name) => `'${name}'`).join(', ')}`, json)
})

/** Integers of at least `least`. */
export function integer(least: number): Field<number> {
  return literal((json, { wrong }) => {
    if (!isSize(json, least)) throw wrong(`an integer of at least ${least}`, json)
    return json
  })
}

/** Two integers of at least `least`. */
export function pair(least: number): Field<Pair> {
  return literal((json, { wrong }) => {
    const items: unknown[] = Array.isArray(json) ? json : []
    const [height, width] = items
    if (items.length !== 2 || !isSize(height, least) || !isSize(width, least)) {
      throw wrong(`two integers of at least ${least}`, json)
    }
    return [height, width]
  })
}

/** A field that may be null. */
export function optional<T>(field: Field<T>): Field<T | null> {
  return {
    values: (content) => (content === null ? [] : field.values(content)),
    constants: (content) => (content === null ? [] : field.constants(content)),
    replace: (content, replacement) => (content === null ? null : field.replace(content, replacement)),
    write: (content, names, name) => (content === null ? null : field.write(content, names, name)),
    read: (json, lookups) => (json === null ? null : field.read(json, lookups)),
  }
}

/** A field that holds neither values nor constants, and whose JSON is its content. */
export function literal<T>(read: (json: unknown, lookups: Lookups) => T): Field<T> {
  return { values: () => [], constants: () => [], replace: (content) => content, write: (content) => content, read }
}

/** Tells whether an entry of a list of values and constants is a constant. */
export function isConstant(entry: Value | Tensor): entry is Tensor {
  return entry instanceof TensorBase
}

/** Sizes and counts stay far below where products of them could be inexact. */
const MAX_SIZE = 2 ** 20

function isSize(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= MAX_SIZE
}
