import { native, type NativeBinding } from '../../libtorch/binding.js'
import type { TensorHandle } from '../../libtorch/handles.js'
import { isGraphOperator } from './aten_operators.js'
import { callByName } from './call_by_name.js'
import { isHandle } from './symbolic.js'

/** A call of libtorch's dispatcher: name and overload, and an argument for each of the schema's. */
export interface AtenCall {
  readonly schema: string
  readonly args: readonly unknown[]
}

type Name = keyof NativeBinding

/** Operators whose arguments the schema has as {@link NativeBinding} has them. */
const SAME_ARGUMENTS = {
  permute: 'aten::permute',
  transpose: 'aten::transpose.int',
  select: 'aten::select.int',
  slice: 'aten::slice.Tensor',
  indexSelect: 'aten::index_select',
  flip: 'aten::flip',
  cat: 'aten::cat',
  stack: 'aten::stack',
  pad: 'aten::pad',
  matmul: 'aten::matmul',
  neg: 'aten::neg',
  abs: 'aten::abs',
  sqrt: 'aten::sqrt',
  exp: 'aten::exp',
  log: 'aten::log',
  sigmoid: 'aten::sigmoid',
  tanh: 'aten::tanh',
  isnan: 'aten::isnan',
  isfinite: 'aten::isfinite',
  clamp: 'aten::clamp',
  sum: 'aten::sum.dim_IntList',
  mean: 'aten::mean.dim',
  amax: 'aten::amax',
  amin: 'aten::amin',
  argmax: 'aten::argmax',
  topk: 'aten::topk',
  softmax: 'aten::softmax.int',
  logSoftmax: 'aten::log_softmax.int',
  linear: 'aten::linear',
  adaptiveAvgPool2d: 'aten::adaptive_avg_pool2d',
} as const satisfies Partial<Record<Name, string>>

/** Operators with an overload for a second operand that is a tensor, and one for a number. */
const BY_OPERAND = {
  add: ['aten::add.Tensor', 'aten::add.Scalar'],
  sub: ['aten::sub.Tensor', 'aten::sub.Scalar'],
  mul: ['aten::mul.Tensor', 'aten::mul.Scalar'],
  pow: ['aten::pow.Tensor_Tensor', 'aten::pow.Tensor_Scalar'],
  eq: ['aten::eq.Tensor', 'aten::eq.Scalar'],
  ne: ['aten::ne.Tensor', 'aten::ne.Scalar'],
  lt: ['aten::lt.Tensor', 'aten::lt.Scalar'],
  le: ['aten::le.Tensor', 'aten::le.Scalar'],
  gt: ['aten::gt.Tensor', 'aten::gt.Scalar'],
  ge: ['aten::ge.Tensor', 'aten::ge.Scalar'],
} as const satisfies Partial<Record<Name, readonly [tensor: string, scalar: string]>>

/** Operators whose arguments the schema has in another order, or with more of them. */
const OTHER_ARGUMENTS: { readonly [N in Name]?: (...args: Parameters<NativeBinding[N]>) => AtenCall } = {
  callAten: (schema, ...args) => ({ schema, args }),
  div: (tensor, other, mode) => {
    const overload = isHandle(other) ? 'Tensor' : 'Scalar'
    if (mode === null) return { schema: `aten::div.${overload}`, args: [tensor, other] }
    return { schema: `aten::div.${overload}_mode`, args: [tensor, other, mode] }
  },
  expand: (tensor, shape) => ({ schema: 'aten::expand', args: [tensor, shape, false] }),
  to: (tensor, dtype, _device, copy) => ({ schema: 'aten::to.dtype', args: [tensor, dtype, false, copy, null] }),
  conv2d: (...args) => ({ schema: typeof args[4] === 'string' ? 'aten::conv2d.padding' : 'aten::conv2d', args }),
  batchNorm: (input, mean, variance, weight, bias, training, momentum, eps) => ({
    schema: 'aten::batch_norm',
    args: [input, weight, bias, mean, variance, training, momentum, eps, true],
  }),
}

type Eager = (...args: never[]) => TensorHandle

/** What the schemas of {@link OTHER_ARGUMENTS}, and those that only a trace emits, are in the binding. */
const OTHER_SCHEMAS: Readonly<Record<string, Eager>> = {
  'aten::div.Tensor': (tensor: TensorHandle, other: TensorHandle) => native.div(tensor, other, null),
  'aten::div.Scalar': (tensor: TensorHandle, other: number) => native.div(tensor, other, null),
  'aten::div.Tensor_mode': (...args: Parameters<NativeBinding['div']>) => native.div(...args),
  'aten::div.Scalar_mode': (...args: Parameters<NativeBinding['div']>) => native.div(...args),
  'aten::expand': (tensor: TensorHandle, shape: readonly number[]) => native.expand(tensor, shape),
  'aten::to.dtype': (...args: [TensorHandle, Parameters<NativeBinding['to']>[1], boolean, boolean, null]) =>
    native.to(args[0], args[1], null, args[3], null),
  'aten::conv2d': (...args: Parameters<NativeBinding['conv2d']>) => native.conv2d(...args),
  'aten::conv2d.padding': (...args: Parameters<NativeBinding['conv2d']>) => native.conv2d(...args),
  'aten::batch_norm': (...args: BatchNormArguments) => {
    const [input, weight, bias, mean, variance, training, momentum, eps] = args
    return native.batchNorm(input, mean, variance, weight, bias, training, momentum, eps)
  },
  'aten::full_like': (tensor: TensorHandle, value: number | bigint | boolean) =>
    native.full(native.shape(tensor), value, native.dtype(tensor), native.device(tensor)),
}

type Vector = TensorHandle | null
type BatchNormArguments = [TensorHandle, Vector, Vector, Vector, Vector, boolean, number, number, boolean]

/** Names of the binding by their schemas. */
const NAMES: ReadonlyMap<string, Name> = new Map([
  ...Object.entries(SAME_ARGUMENTS).map(([name, schema]) => [schema, name as Name] as const),
  ...Object.entries(BY_OPERAND).flatMap(([name, schemas]) => schemas.map((schema) => [schema, name as Name] as const)),
])

/** Gives the dispatcher's form of a call of the binding, or null for what has none. */
export function atenCall(name: Name, args: readonly unknown[]): AtenCall | null {
  if (isKeyOf(SAME_ARGUMENTS, name)) return { schema: SAME_ARGUMENTS[name], args }
  if (isKeyOf(BY_OPERAND, name)) return { schema: BY_OPERAND[name][isHandle(args[1]) ? 0 : 1], args }
  const convert = OTHER_ARGUMENTS[name] as ((...args: readonly unknown[]) => AtenCall) | undefined
  return convert?.(...args) ?? null
}

/** Runs a call that {@link atenCall} gave, or that a trace emits, by the eager operator. */
export function runEagerly({ schema, args }: AtenCall): TensorHandle[] {
  const name = NAMES.get(schema)
  const result = name === undefined ? otherSchema(schema)(...args) : callByName(native, name, args)
  return [result].flat(2) as TensorHandle[]
}

/** The schemas for which the binding has functions of their own. */
export const ATEN_SCHEMAS: readonly string[] = [...NAMES.keys(), ...Object.keys(OTHER_SCHEMAS)]

/** Tells whether a node that was read from a file may name a schema. */
export function isNodeSchema(schema: string): boolean {
  return ATEN_SCHEMAS.includes(schema) || isGraphOperator(schema)
}

function otherSchema(schema: string): (...args: readonly unknown[]) => unknown {
  const operation = OTHER_SCHEMAS[schema] as ((...args: readonly unknown[]) => unknown) | undefined
  return operation ?? ((...args) => native.callAten(schema, ...args))
}

function isKeyOf<T extends object>(table: T, name: PropertyKey): name is keyof T {
  return Object.hasOwn(table, name)
}
