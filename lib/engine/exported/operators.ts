import type { Literal, ProgramOperand, ProgramNode } from '../../checkpoint/pt2/program.js'
import type { AtenSchema } from '../../libtorch/binding.js'
import { native } from '../../libtorch/binding.js'
import type { TensorHandle } from '../../libtorch/handles.js'
import { toNative } from '../../tensor/aten.js'
import { checkArguments, findSchema, refusalOf } from '../../tensor/aten_schema.js'
import { tensor as tensorOf } from '../../tensor/creation.js'
import { Tensor } from '../../tensor/tensor.js'
import { isTensor } from '../../nn/checks.js'
import { shorten } from '../../util/check.js'
import { isFloatingPoint } from '../../util/dtype.js'
import { TorchError } from '../../util/errors.js'
import { drawsWith } from '../trace/aten_operators.js'
import { arithmeticOf, type Scalar } from './arithmetic.js'
import { layerOf, type Arguments } from './layers.js'

/** What a value of a program is as it runs. */
export type RunValue = Tensor | Scalar | string | null | readonly RunValue[]

/** Computes the results of a node from its arguments, which stand in the order of the schema, undefined where left out. */
export interface Operator {
  /** Places of a node's inputs among the arguments. */
  readonly places: readonly number[]
  readonly count: number
  readonly run: (args: readonly (RunValue | undefined)[], isRead: (output: number) => boolean) => readonly RunValue[]
  /** The input that it changes, -1 for none. */
  readonly written: number
}

/** Refuses a node, and says why. */
export type RefuseNode = (reason: string) => TorchError

/** Internal operators of libtorch that are among the Core ATen operators, or that `torch.export` writes. */
const INTERNAL: ReadonlySet<string> = new Set([
  ...['_softmax', '_log_softmax', '_to_copy', '_unsafe_view', '_unsafe_index', '_native_batch_norm_legit'],
  ...['_native_batch_norm_legit_no_training', '_adaptive_avg_pool2d', '_adaptive_avg_pool3d', '_cdist_forward'],
  ...['_pdist_forward', '_scaled_dot_product_flash_attention_for_cpu', '_prelu_kernel', '_weight_norm', '_fft_r2c'],
  ...['_upsample_bilinear2d_aa', '_upsample_bicubic2d_aa', '_local_scalar_dense', '_transformer_encoder_layer_fwd'],
])

/** Checks that a trace made: what they would tell, the operators behind them tell too. */
const CHECKS: ReadonlySet<string> = new Set([
  ...['_assert_tensor_metadata', '_assert_async', 'sym_constrain_range', 'sym_constrain_range_for_size'],
  ...['_functional_assert_async', '_functional_sym_constrain_range', '_functional_sym_constrain_range_for_size'],
])

/** Operators that give memory as it was, and those that give zeros in their place: nothing shows what lay there before. */
const EMPTY: Readonly<Record<string, string>> = {
  'aten::empty.memory_format': 'aten::zeros',
  'aten::empty_like': 'aten::zeros_like',
  'aten::new_empty': 'aten::new_zeros',
}

const SIZES: Readonly<Record<string, (tensor: Tensor, dim: number) => number>> = {
  'torch.ops.aten.sym_size.int': (tensor, dim) => tensor.shape.at(dim) ?? NaN,
  'torch.ops.aten.sym_stride.int': (tensor, dim) => tensor.strides.at(dim) ?? NaN,
  'torch.ops.aten.sym_numel.default': (tensor) => tensor.numel,
  'torch.ops.aten.sym_storage_offset.default': (tensor) => tensor.storageOffset,
}

/**
 * Finds what computes a node.
 *
 * @throws What `refuse` makes: for operators that are custom, of a higher order, unknown, or that this package lets no one
 * run, and for arguments that their schemas do not have.
 */
export function operatorOf(node: ProgramNode, refuse: RefuseNode): Operator {
  const unsupported = node.inputs.find(({ operand }) => operand.kind === 'unsupported')
  const { target } = node
  const [, namespace, name = '', overload = ''] = /^torch\.ops\.(\w+)\.(\w+)(?:\.(\w+))?$/.exec(target) ?? []
  if (namespace === 'higher_order')
    throw refuse(`${shorten(target)} is an operator of a higher order: it holds programs of its own`)
  if (unsupported?.operand.kind === 'unsupported') throw refuse(`${shorten(target)} takes ${unsupported.operand.what}`)
  const compute = arithmeticOf(target)
  if (compute !== null) return inOrder(node, (args) => [compute(args.map((arg) => scalarOf(arg, target)))])
  const size = Object.hasOwn(SIZES, target) ? SIZES[target] : undefined
  if (size !== undefined) return inOrder(node, ([first, dim]) => [size(checkedTensor(first, target), Number(dim ?? 0))])
  if (namespace === undefined) throw refuse(`${shorten(target)} is no operator that is known`)
  if (namespace !== 'aten') throw refuse(`${shorten(target)} is a custom operator, and programs bring no code`)
  if (CHECKS.has(name)) return inOrder(node, () => [])
  if (name === '_assert_scalar') return inOrder(node, asserted)
  const schema = `aten::${name}${overload === 'default' || overload === '' ? '' : `.${overload}`}`
  return atenOperator(node, Object.hasOwn(EMPTY, schema) ? (EMPTY[schema] ?? schema) : schema, refuse)
}

function inOrder(node: ProgramNode, run: Operator['run']): Operator {
  return { places: node.inputs.map((_, index) => index), count: node.inputs.length, run, written: -1 }
}

function asserted([condition, message]: Arguments): readonly RunValue[] {
  if (condition !== false && condition !== 0) return []
  throw new TorchError(
    'TORCH_INVALID_ARGUMENT',
    `The program does not hold for this input: ${shorten(String(message))}`,
  )
}

/** Operators whose result takes its dtype from a number. JavaScript has one kind of numbers, and 2.0 is 2. */
const FROM_NUMBERS: ReadonlySet<string> = new Set(['full', 'scalar_tensor', 'arange'])

function atenOperator(node: ProgramNode, schema: string, refuse: RefuseNode): Operator {
  const operator = findSchema(schema)
  if (operator === null) throw refuse(`${shorten(schema)} is no operator of this libtorch`)
  const name = schema.slice('aten::'.length).replace(/\..*$/, '')
  const refusal = refusalOf(schema, operator) ?? internalRefusal(name)
  if (refusal !== null) throw refuse(`${schema} is not offered: ${refusal}`)
  const places = placesOf(node, operator, refuse)
  const known = literalsAt(node, places, operator.arguments.length)
  if (drawsWith(operator, known)) throw refuse(`${schema} draws random numbers: export the model in eval mode`)
  const training = operator.arguments.findIndex(({ name: argument }) => argument === 'training' || argument === 'train')
  const isTraining = training >= 0 && known[training] !== false && name.includes('batch_norm')
  const statistics = operator.arguments.findIndex(({ name: argument }) => argument === 'running_mean')
  if (isTraining && known[statistics] !== null) {
    throw refuse(`${schema} learns statistics of batches: export the model in eval mode`)
  }
  const floats = new Set(node.inputs.flatMap(({ operand }, index) => (isFloat(operand) ? [places[index] ?? -1] : [])))
  const dtype =
    FROM_NUMBERS.has(name) && floats.size > 0 ? operator.arguments.findIndex((it) => it.name === 'dtype') : -1
  const run = runner(schema, operator, floats, dtype)
  return { places, count: operator.arguments.length, run, written: writtenPlace(node, places, operator) }
}

function isFloat(operand: ProgramOperand): boolean {
  return operand.kind === 'literal' && operand.isFloat === true
}

function internalRefusal(name: string): string | null {
  return name.startsWith('_') && !INTERNAL.has(name) ? 'it is internal to libtorch' : null
}

function placesOf({ inputs }: ProgramNode, { text, arguments: declared }: AtenSchema, refuse: RefuseNode): number[] {
  const taken = new Set<number>()
  const places = inputs.map(({ name }) => {
    const place = declared.findIndex((argument) => argument.name === name)
    if (place < 0 || taken.has(place))
      throw refuse(`${text} has no argument ${shorten(JSON.stringify(name))}, or has it once`)
    taken.add(place)
    return place
  })
  const missing = declared.find(({ hasDefault }, index) => !hasDefault && !taken.has(index))
  if (missing !== undefined) throw refuse(`${text} lacks its argument ${missing.name}`)
  return places
}

/** The arguments that are known before the program runs; undefined for all others. */
function literalsAt({ inputs }: ProgramNode, places: readonly number[], count: number): readonly unknown[] {
  const known = new Array<Literal | ProgramOperand | undefined>(count).fill(undefined)
  inputs.forEach(({ operand }, index) => {
    known[places[index] ?? 0] = operand.kind === 'literal' ? operand.literal : operand
  })
  return known
}

function writtenPlace({ inputs }: ProgramNode, places: readonly number[], { arguments: declared }: AtenSchema): number {
  return inputs.findIndex((_, index) => declared[places[index] ?? -1]?.isWritten ?? false)
}

/** @param floats - Places of numbers that are floats in Python. @param dtypeAt - Where to say so, -1 if that is not needed. */
function runner(schema: string, operator: AtenSchema, floats: ReadonlySet<number>, dtypeAt: number): Operator['run'] {
  const layer = layerOf(schema)
  const twin = scalarTwin(schema, operator)
  return (given, isRead) => {
    const args = operator.arguments.map(({ type, name }, index) => coerced(given[index], type, name))
    if (dtypeAt >= 0) args[dtypeAt] ??= 'float32'
    const isPromoted = floats.has(1) && isTensor(args[0]) && !isFloatingPoint(args[0].dtype)
    if (twin !== null && isScalar(args[1]) && !isPromoted) {
      // A number in the place of a tensor.
      const made = isTensor(args[0]) ? layer?.(args, isRead) : undefined
      return made ?? call(twin.schema, twin.operator, args)
    }
    const whole = args.map((arg, index) =>
      isTensorType(operator, index) && isScalar(arg) ? asTensor(arg, floats.has(index)) : arg,
    )
    checkArguments(operator, whole)
    return layer?.(whole, isRead) ?? call(schema, operator, whole)
  }
}

/** The overload for a number in the place of the second tensor. */
function scalarTwin(
  schema: string,
  operator: AtenSchema,
): { readonly schema: string; readonly operator: AtenSchema } | null {
  if (!/\.Tensor(?:_mode)?$/.test(schema)) return null
  const name = schema.replace('.Tensor', '.Scalar')
  const found = findSchema(name)
  const isSame = found?.arguments.every(({ name: argument }, index) => argument === operator.arguments[index]?.name)
  return found !== null && isSame === true && found.arguments.length === operator.arguments.length
    ? { schema: name, operator: found }
    : null
}

function call(schema: string, operator: AtenSchema, args: Arguments): readonly RunValue[] {
  checkArguments(operator, args)
  const [first] = args
  return native.callAten(schema, ...args.map(toNative)).map((result, index) => {
    if (operator.results[index]?.isWritten === true && isTensor(first)) return first
    return toValue(result)
  })
}

function toValue(result: unknown): RunValue {
  if (Array.isArray(result)) return result.map(toValue)
  if (typeof result === 'object' && result !== null) return new Tensor(result as TensorHandle)
  // An int of libtorch is a bigint; sizes are numbers.
  if (typeof result === 'bigint' && Number.isSafeInteger(Number(result))) return Number(result)
  return result as Scalar | string | null
}

/** Tensors of a program lie on one device, whatever it was that it was exported on. */
function coerced(value: RunValue | undefined, type: string, name: string): RunValue | undefined {
  if (name === 'device' && typeof value === 'string') return 'cpu'
  if (name === 'pin_memory') return undefined
  if (type.startsWith('float') && typeof value === 'bigint') return Number(value)
  return value
}

function isTensorType({ arguments: declared }: AtenSchema, index: number): boolean {
  const type = declared[index]?.type
  return type === 'Tensor' || type === 'Tensor?'
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
}

function asTensor(value: Scalar, isFloatInPython: boolean): Tensor {
  if (typeof value === 'boolean') return tensorOf(value, { dtype: 'bool' })
  const isInteger = !isFloatInPython && (typeof value === 'bigint' || Number.isInteger(value))
  return tensorOf(value, { dtype: isInteger ? 'int64' : 'float32' })
}

function checkedTensor(value: RunValue | undefined, target: string): Tensor {
  if (isTensor(value)) return value
  throw new TorchError('TORCH_INVALID_ARGUMENT', `Expected a tensor for ${target} of the program`)
}

function scalarOf(value: RunValue | undefined, target: string): Scalar {
  if (isScalar(value)) return value
  throw new TorchError('TORCH_INVALID_ARGUMENT', `Expected a number for ${shorten(target)} of the program`)
}
