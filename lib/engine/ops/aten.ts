import type { PlanArgument } from '../../libtorch/plan_spec.js'
import { handleOf } from '../../tensor/handle.js'
import { Tensor } from '../../tensor/tensor.js'
import type { Value } from '../graph.js'
import type { PlanWriter } from '../plan/plan_writer.js'
import { isNodeSchema, runEagerly } from '../trace/aten_calls.js'
import { isConstant, literal, type Field, type Lookups, type Names, type Replacement } from './fields.js'
import type { Lookup, Op } from './op.js'

/**
 * An argument as a schema of libtorch has it. A literal string is a string or, where the schema says `ScalarType`, a
 * dtype; a literal number is an integer where it has no fraction and the schema says `Scalar`.
 */
export type AtenArgument =
  | { readonly value: Value }
  | { readonly values: readonly (Value | Tensor)[] }
  | { readonly constant: Tensor }
  | { readonly literal: null | boolean | number | bigint | string | readonly (number | boolean)[] }
  /** What the schema says where nothing is given. */
  | { readonly default: true }
  /** Sizes of which the first is that of the batch. */
  | { readonly sizes: readonly number[] }

/** Any other operator of libtorch's dispatcher. */
export interface AtenNode {
  readonly kind: 'aten'
  readonly path: string
  /** Name and overload, such as `aten::softmax.int`. */
  readonly schema: string
  /** One for each argument of the schema, in its order. */
  readonly args: readonly AtenArgument[]
  /** One for each tensor that the schema returns, in its order. */
  readonly outputs: readonly Value[]
}

type Literal = Extract<AtenArgument, { literal: unknown }>['literal']

/** Of a list in a node. */
const MAX_ITEMS = 1024

const SCHEMA = literal((json, { wrong }) => {
  if (typeof json !== 'string' || !isNodeSchema(json)) throw wrong('an operator that graphs have', json)
  return json
})

const ARGUMENTS: Field<readonly AtenArgument[]> = {
  values: (args) => args.flatMap(valuesOf),
  constants: (args) => args.flatMap(constantsOf),
  replace: (args, replacement) => args.map((argument) => replaced(argument, replacement)),
  write: (args, names) => args.map((argument) => writeArgument(argument, names)),
  read: (json, lookups) => readList(json, lookups).map((item) => readArgument(item, lookups)),
}

export const aten: Op<AtenNode> = {
  kind: 'aten',
  fields: { schema: SCHEMA, args: ARGUMENTS },
  // Recorded from any call of the binding that no other op claims: see anyOperator().
  record: {},
  absorbs: [],
  title: ({ schema }) => schema,
  // libtorch tells when it runs.
  shape: ({ outputs: [output] }) => output?.shape ?? null,
  eager: ({ schema, args }, lookup) => {
    const eager = args.map((argument) => eagerArgument(argument, lookup))
    return runEagerly({ schema, args: eager }).map((handle) => new Tensor(handle))
  },
  // Some make views; nothing tells which.
  mayAlias: () => true,
  kernels: {
    aten: {
      // Its dtype may show in what the operator does: it gets what the model gave it.
      reads: (_node, { dtype }) => ({ dtype }),
      writes: (_node, { dtype }) => ({ dtype, isChannelsLast: false, isOwned: false, qparams: null }),
      emit: (node, plan) => {
        const { schema, args } = node
        plan.call(node, 'ATen', { schema, args: args.map((argument) => planArgument(argument, plan)) })
      },
    },
  },
}

function valuesOf(argument: AtenArgument): Value[] {
  if ('value' in argument) return [argument.value]
  return 'values' in argument ? argument.values.filter((entry): entry is Value => !isConstant(entry)) : []
}

function constantsOf(argument: AtenArgument): Tensor[] {
  if ('constant' in argument) return [argument.constant]
  return 'values' in argument ? argument.values.filter(isConstant) : []
}

function replaced(argument: AtenArgument, { value, constant }: Replacement): AtenArgument {
  if ('value' in argument) return { value: value(argument.value) }
  if ('constant' in argument) return { constant: constant(argument.constant) }
  if ('literal' in argument || 'sizes' in argument || 'default' in argument) return argument
  return { values: argument.values.map((entry) => (isConstant(entry) ? constant(entry) : value(entry))) }
}

function eagerArgument(argument: AtenArgument, lookup: Lookup): unknown {
  if ('value' in argument) return handleOf(lookup(argument.value))
  if ('constant' in argument) return handleOf(argument.constant)
  if ('literal' in argument) return argument.literal
  if ('sizes' in argument) return argument.sizes
  if ('default' in argument) return undefined
  return argument.values.map((entry) => handleOf(isConstant(entry) ? entry : lookup(entry)))
}

function planArgument(argument: AtenArgument, plan: PlanWriter): PlanArgument {
  if ('literal' in argument || 'default' in argument) return argument
  if ('sizes' in argument) return { literal: argument.sizes }
  if ('constant' in argument) return plan.constant(argument.constant)
  if ('value' in argument) return plan.read(argument.value)
  const values = argument.values.map((entry) => {
    const made = isConstant(entry) ? plan.constant(entry) : plan.read(entry)
    if ('constant' in made) return made.constant
    if ('value' in made) return made.value
    throw new TypeError('A list of tensors holds tensors')
  })
  return { values }
}

function writeArgument(argument: AtenArgument, names: Names): unknown {
  if ('value' in argument) return { value: names.value(argument.value) }
  if ('constant' in argument) return { constant: names.tensor(argument.constant, 'constant') }
  if ('literal' in argument) return { literal: writeLiteral(argument.literal) }
  if ('sizes' in argument) return { sizes: argument.sizes.slice(1) }
  if ('default' in argument) return argument
  return {
    values: argument.values.map((entry) => (isConstant(entry) ? names.tensor(entry, 'constant') : names.value(entry))),
  }
}

/** JSON has no int64, no NaN and no infinities: these are objects. */
function writeLiteral(value: Literal): unknown {
  if (typeof value === 'bigint') return { bigint: String(value) }
  return typeof value === 'number' && !Number.isFinite(value) ? { number: String(value) } : value
}

function readArgument(json: unknown, lookups: Lookups): AtenArgument {
  const object: object = typeof json === 'object' && json !== null ? json : {}
  if ('value' in object) return { value: lookups.value(object.value) }
  if ('constant' in object) return { constant: lookups.tensor(object.constant) }
  if ('literal' in object) return { literal: readLiteral(object.literal, lookups) }
  if ('default' in object) return { default: true }
  if ('sizes' in object) return { sizes: [BATCH, ...readSizes(object.sizes, lookups)] }
  if (!('values' in object)) throw lookups.wrong('an argument', json)
  const values = readList(object.values, lookups).map((entry) => {
    return typeof entry === 'string' ? lookups.tensor(entry) : lookups.value(entry)
  })
  return { values }
}

function readLiteral(json: unknown, { wrong }: Lookups): Literal {
  if (json === null || typeof json === 'boolean' || typeof json === 'number' || typeof json === 'string') return json
  if (Array.isArray(json)) {
    const items: unknown[] = json
    if (items.length <= MAX_ITEMS && items.every(isListed)) return items
    throw wrong('a list of numbers or booleans', json)
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

/** Samples for which graphs are written: `rebatch()` makes the graph for any number. */
export const BATCH = 2

function readSizes(json: unknown, lookups: Lookups): readonly number[] {
  const sizes = readLiteral(json, lookups)
  if (Array.isArray(sizes)) return sizes as number[]
  throw lookups.wrong('a list of sizes', json)
}

function isListed(item: unknown): item is number | boolean {
  return typeof item === 'number' || typeof item === 'boolean'
}

const NOT_FINITE: readonly unknown[] = ['NaN', 'Infinity', '-Infinity']

function readList(json: unknown, { wrong }: Lookups): readonly unknown[] {
  if (!Array.isArray(json) || json.length > MAX_ITEMS) throw wrong(`a list of at most ${MAX_ITEMS} items`, json)
  return json
}
