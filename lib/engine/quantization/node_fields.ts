import type { Tensor } from '../../tensor/tensor.js'
import { ATEN_SCHEMAS } from '../aten.js'
import { isConstant, type AtenArgument, type Node, type Value } from '../graph.js'

/** How values and tensors are named when a node is written. */
export interface Names {
  /** Index of a value. */
  readonly value: (value: Value) => number
  /** Name of a tensor, which a field of that name holds. */
  readonly tensor: (tensor: Tensor, field: string) => string
}

/** How a node that is read finds values and tensors. */
export interface Lookups {
  /** @throws unless a node before has made the value. */
  readonly value: (index: unknown) => Value
  /** @throws unless there is a tensor of this name. */
  readonly tensor: (name: unknown) => Tensor
  /** Makes the error for a field that is not what it should be. */
  readonly wrong: (what: string, received: unknown) => Error
}

/** How a field of a node is written as JSON, and read again. Readers trust nothing. */
interface Field {
  readonly write: (value: unknown, names: Names, name: string) => unknown
  readonly read: (json: unknown, lookups: Lookups) => unknown
}

type Literal = Extract<AtenArgument, { literal: unknown }>['literal']

const MOST_ITEMS = 1024

const VALUE: Field = {
  write: (value, names) => names.value(value as Value),
  read: (json, lookups) => lookups.value(json),
}
const TENSOR: Field = {
  write: (tensor, names, name) => names.tensor(tensor as Tensor, name),
  read: (json, lookups) => lookups.tensor(json),
}
const BOOLEAN: Field = {
  write: (value) => value,
  read: (json, { wrong }) => {
    if (typeof json !== 'boolean') throw wrong('a boolean', json)
    return json
  },
}
const NUMBER: Field = {
  write: (value) => value,
  read: (json, { wrong }) => {
    if (typeof json !== 'number') throw wrong('a number', json)
    return json
  },
}
const ACTIVATION: Field = {
  write: (value) => value,
  read: (json, { wrong }) => {
    if (json !== 'none' && json !== 'relu') throw wrong("one of 'none', 'relu'", json)
    return json
  },
}
const ARGUMENTS: Field = {
  write: (args, names) => (args as readonly AtenArgument[]).map((argument) => writeArgument(argument, names)),
  read: (json, lookups) => list(json, lookups).map((item) => readArgument(item, lookups)),
}
const SCHEMA: Field = {
  write: (schema) => schema,
  read: (json, { wrong }) => {
    if (typeof json !== 'string' || !ATEN_SCHEMAS.includes(json)) throw wrong('an operator that graphs have', json)
    return json
  },
}

function integer(least: number): Field {
  return {
    write: (value) => value,
    read: (json, { wrong }) => {
      if (!isSize(json, least)) throw wrong(`an integer of at least ${least}`, json)
      return json
    },
  }
}

function pair(least: number): Field {
  return {
    write: (value) => value,
    read: (json, { wrong }) => {
      const items: unknown[] = Array.isArray(json) ? json : []
      if (items.length !== 2 || !items.every((item) => isSize(item, least))) {
        throw wrong(`two integers of at least ${least}`, json)
      }
      return items
    },
  }
}

function optional(field: Field): Field {
  return {
    write: (value, names, name) => (value === null ? null : field.write(value, names, name)),
    read: (json, lookups) => (json === null ? null : field.read(json, lookups)),
  }
}

const WINDOWS = { kernelSize: pair(1), stride: pair(1), padding: pair(0), ceilMode: BOOLEAN }

/** The fields of each kind of node, apart from `kind`, `path` and what it makes. */
export const NODE_FIELDS: Readonly<Record<Node['kind'], Readonly<Record<string, Field>>>> = {
  conv2d: {
    input: VALUE,
    weight: TENSOR,
    bias: optional(TENSOR),
    stride: pair(1),
    padding: pair(0),
    dilation: pair(1),
    groups: integer(1),
    residual: optional(VALUE),
    activation: ACTIVATION,
  },
  batchNorm: {
    input: VALUE,
    mean: TENSOR,
    variance: TENSOR,
    weight: optional(TENSOR),
    bias: optional(TENSOR),
    eps: NUMBER,
  },
  linear: { input: VALUE, weight: TENSOR, bias: optional(TENSOR), activation: ACTIVATION },
  relu: { input: VALUE },
  add: { left: VALUE, right: VALUE, activation: ACTIVATION },
  maxPool2d: { input: VALUE, ...WINDOWS, dilation: pair(1) },
  avgPool2d: { input: VALUE, ...WINDOWS, countIncludePad: BOOLEAN, divisorOverride: optional(integer(1)) },
  globalAvgPool: { input: VALUE },
  reshape: { input: VALUE },
  aten: { schema: SCHEMA, args: ARGUMENTS },
}

/** The kinds of nodes. */
export const NODE_KINDS = Object.keys(NODE_FIELDS) as readonly Node['kind'][]

function writeArgument(argument: AtenArgument, names: Names): unknown {
  if ('value' in argument) return { value: names.value(argument.value) }
  if ('constant' in argument) return { constant: names.tensor(argument.constant, 'constant') }
  if ('literal' in argument) return { literal: writeLiteral(argument.literal) }
  return {
    values: argument.values.map((entry) => (isConstant(entry) ? names.tensor(entry, 'constant') : names.value(entry))),
  }
}

/** JSON has no integers of 64 bits, no NaN and no infinities: these are objects. */
function writeLiteral(literal: Literal): unknown {
  if (typeof literal === 'bigint') return { bigint: String(literal) }
  return typeof literal === 'number' && !Number.isFinite(literal) ? { number: String(literal) } : literal
}

function readArgument(json: unknown, lookups: Lookups): AtenArgument {
  const object: object = typeof json === 'object' && json !== null ? json : {}
  if ('value' in object) return { value: lookups.value(object.value) }
  if ('constant' in object) return { constant: lookups.tensor(object.constant) }
  if ('literal' in object) return { literal: readLiteral(object.literal, lookups) }
  if (!('values' in object)) throw lookups.wrong('an argument', json)
  const values = list(object.values, lookups).map((entry) => {
    return typeof entry === 'string' ? lookups.tensor(entry) : lookups.value(entry)
  })
  return { values }
}

function readLiteral(json: unknown, { wrong }: Lookups): Literal {
  if (json === null || typeof json === 'boolean' || typeof json === 'number' || typeof json === 'string') return json
  if (Array.isArray(json)) {
    const items: unknown[] = json
    if (items.length <= MOST_ITEMS && items.every((item): item is number => typeof item === 'number')) return items
    throw wrong('a list of numbers', json)
  }
  if (
    typeof json === 'object' &&
    'bigint' in json &&
    typeof json.bigint === 'string' &&
    /^-?\d{1,19}$/.test(json.bigint)
  ) {
    return BigInt(json.bigint)
  }
  if (typeof json === 'object' && 'number' in json && NOT_FINITE.includes(json.number)) return Number(json.number)
  throw wrong('a literal', json)
}

const NOT_FINITE: readonly unknown[] = ['NaN', 'Infinity', '-Infinity']

function list(json: unknown, { wrong }: Lookups): readonly unknown[] {
  if (!Array.isArray(json) || json.length > MOST_ITEMS) throw wrong(`a list of at most ${MOST_ITEMS} items`, json)
  return json
}

/** Sizes and counts stay far below where products of them could be inexact. */
function isSize(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= LARGEST_SIZE
}

const LARGEST_SIZE = 2 ** 20
