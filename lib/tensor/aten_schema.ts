import { native, type AtenSchema } from '../libtorch/binding.js'
import { expected } from '../util/check.js'
import { isDevice } from '../util/device.js'
import { DTYPES } from '../util/dtype.js'
import { TensorBase } from './handle.js'

type Argument = AtenSchema['arguments'][number]

/** What an argument of a type is to be, and how it is told. */
interface Kind {
  readonly what: string
  readonly fits: (value: unknown) => boolean
}

const NUMBER: Kind = { what: 'a number', fits: (value) => typeof value === 'number' || typeof value === 'bigint' }
const INTEGER: Kind = {
  what: 'an integer',
  fits: (value) => Number.isSafeInteger(value) || typeof value === 'bigint',
}

/** The types of which a value can be passed, as libtorch prints them. */
const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['Tensor', { what: 'a tensor', fits: (value) => value instanceof TensorBase }],
  ['int', INTEGER],
  ['SymInt', INTEGER],
  ['float', { what: 'a number', fits: (value) => typeof value === 'number' }],
  ['Scalar', { what: 'a number or a boolean', fits: (value) => NUMBER.fits(value) || typeof value === 'boolean' }],
  ['bool', { what: 'a boolean', fits: (value) => typeof value === 'boolean' }],
  ['str', { what: 'a string', fits: (value) => typeof value === 'string' }],
  ['ScalarType', { what: 'a dtype', fits: (value) => DTYPES.some((dtype) => dtype === value) }],
  ['Device', { what: 'a device', fits: isDevice }],
  ['Layout', { what: "'strided'", fits: (value) => value === 'strided' }],
  [
    'MemoryFormat',
    {
      what: "'contiguous_format' or 'channels_last'",
      fits: (value) => value === 'contiguous_format' || value === 'channels_last',
    },
  ],
])

/** Operators that this package cannot let run, and why. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['from_file', 'it reads a file'],
  ...['set', 'set_', 'set_data', 'resize', 'resize_', 'resize_as', 'resize_as_', 'resize_output_'].map(
    (name) => [name, 'it replaces the memory of a tensor'] as const,
  ),
  ...['_backward', 'backward', 'requires_grad_', 'retain_grad', '_fw_primal', '_make_dual'].map(
    (name) => [name, 'it belongs to gradients: tensors have methods for them'] as const,
  ),
])

const known = new Map<string, AtenSchema>()

/** Gives what a schema says, null where this libtorch has none of that name. */
export function findSchema(schema: string): AtenSchema | null {
  const found = known.get(schema) ?? native.atenSchema(schema)
  if (found !== null) known.set(schema, found)
  return found
}

/** Says why an operator is not offered; null for one that is. */
export function refusalOf(schema: string, operator: AtenSchema): string | null {
  const name = schema.replace(/^\w+::/, '').replace(/\..*$/, '')
  const named = REFUSED.get(name)
  if (named !== undefined) return named
  const foreign = operator.arguments.find(({ type, hasDefault }) => !hasDefault && kindOf(type) === null)
  if (foreign !== undefined) return `it takes a ${foreign.type}`
  const out = operator.arguments.find(({ isWritten, isKeyword }) => isWritten && isKeyword)
  if (out !== undefined) return `it writes into ${out.name}`
  return operator.changesShape ? 'it changes the shape of a tensor in place' : null
}

/**
 * Gives what a schema says.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if there is none of that name, or the operator is not offered.
 */
export function checkSchema(schema: string): AtenSchema {
  const operator = typeof schema === 'string' ? findSchema(schema) : null
  if (operator === null) {
    throw expected('name and overload of an operator of libtorch, such as aten::softmax.int,', 'schema', schema)
  }
  const refusal = refusalOf(schema, operator)
  if (refusal !== null) throw expected(`an operator that is offered: ${refusal};`, 'schema', schema)
  return operator
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless the arguments, undefined where left out, are those of a schema. */
export function checkArguments({ text, arguments: declared }: AtenSchema, given: readonly unknown[]): void {
  if (given.length > declared.length) throw expected(`at most ${declared.length} arguments`, text, given.length)
  for (const [index, argument] of declared.entries()) {
    const value = given[index]
    if (value === undefined && argument.hasDefault) continue
    if (!isArgument(argument, value)) throw expected(whatOf(argument), `${argument.name} of ${text}`, value)
  }
}

function isArgument({ type, length }: Argument, value: unknown): boolean {
  const isOptional = type.endsWith('?')
  if (isOptional && value === null) return true
  const required = isOptional ? type.slice(0, -1) : type
  if (!required.endsWith('[]')) return kindOf(required)?.fits(value) ?? false
  const element = required.slice(0, -2)
  if (length !== null && kindOf(element)?.fits(value) === true) return true
  return Array.isArray(value) && value.every((item) => isArgument({ ...NO_LIST, type: element }, item))
}

const NO_LIST: Argument = {
  ...{ name: '', type: '', length: null, hasDefault: false },
  ...{ isKeyword: false, isWritten: false },
}

function whatOf({ type, length }: Argument): string {
  const required = type.replace(/\?$/, '')
  const element = kindOf(required)?.what
  if (element === undefined) return 'nothing'
  const what = required.endsWith('[]') ? `an array of ${required.slice(0, -2)}` : element
  const alone = length === null ? '' : ' or one for all'
  return `${what}${alone}${required === type ? '' : ', or null,'}`
}

/** The kind of the elements, for a list. */
function kindOf(type: string): Kind | null {
  return KINDS.get(type.replace(/\?$/, '').replace(/\[\]$/, '').replace(/\?$/, '')) ?? null
}
