import { cat, full, functional as F, onesLike, stack, zerosLike, type Tensor } from 'napi-torch'

import { isTensor } from '../../lib/nn/checks.js'
import {
  along,
  dropNulls,
  operator,
  options,
  other,
  pairs,
  reduce,
  sizes,
  withDType,
  type Arguments,
  type Operator,
  type Pair,
} from './arguments.js'
import { NotOffered } from './compare.js'
import { DTypeArgument } from './data.js'
import { FUNCTIONS } from './function_operators.js'
import { METHODS } from './method_operators.js'

export type { Arguments } from './arguments.js'

const unary = (
  name: 'neg' | 'abs' | 'sqrt' | 'exp' | 'log' | 'sigmoid' | 'tanh' | 'relu' | 'isnan' | 'isfinite',
): Operator => operator('', (x) => x[name]())
const compared = (name: 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge'): Operator =>
  operator('other', (x, given) => x[name](other(given)))
const typed = (name: 'float' | 'double' | 'half' | 'bfloat16'): Operator => operator('', (x) => x[name]())

function pooling(given: Arguments, names: Readonly<Record<string, string>>): never {
  return options(given, names) as never
}

/** The operators of this package by the names of OpInfo. */
export const OPERATORS: Readonly<Record<string, Operator>> = {
  ...METHODS,
  ...FUNCTIONS,
  neg: unary('neg'),
  abs: unary('abs'),
  sqrt: unary('sqrt'),
  exp: unary('exp'),
  log: unary('log'),
  sigmoid: unary('sigmoid'),
  tanh: unary('tanh'),
  isnan: unary('isnan'),
  isfinite: unary('isfinite'),
  'nn.functional.relu': operator('inplace', (x, { inplace }) => F.relu(x, inplace === true ? { inplace: true } : {})),
  eq: compared('eq'),
  ne: compared('ne'),
  lt: compared('lt'),
  le: compared('le'),
  gt: compared('gt'),
  ge: compared('ge'),
  float: typed('float'),
  double: typed('double'),
  half: typed('half'),
  bfloat16: typed('bfloat16'),
  add: operator('other alpha', (x, given) => x.add(other(given), options(given, { alpha: 'alpha' }))),
  sub: operator('other alpha', (x, given) => x.sub(other(given), options(given, { alpha: 'alpha' }))),
  mul: operator('other', (x, given) => x.mul(other(given))),
  div: operator('other rounding_mode', (x, given) =>
    x.div(other(given), dropNulls(options(given, { rounding_mode: 'roundingMode' }))),
  ),
  true_divide: operator('other', (x, given) => x.div(other(given))),
  pow: operator('exponent', (x, given) => x.pow(other(given, 'exponent'))),
  clamp: operator('min max', (x, given) => {
    const bounds = dropNulls(options(given, { min: 'min', max: 'max' }))
    if (Object.values(bounds).some(isTensor)) throw new NotOffered('bounds that are tensors')
    return x.clamp(bounds)
  }),
  matmul: operator('other', (x, given) => x.matmul(given['other'] as Tensor)),
  sum: operator('dim keepdim dtype', (x, given) => x.sum(reduce(given))),
  mean: operator('dim keepdim dtype', (x, given) => x.mean(reduce(given))),
  amax: operator('dim keepdim', (x, given) => x.max(reduce(oneDim(given)))),
  amin: operator('dim keepdim', (x, given) => x.min(reduce(oneDim(given)))),
  argmax: operator('dim keepdim', (x, given) => x.argmax(reduce(given))),
  topk: operator('k dim largest sorted', (x, given) => {
    const { values, indices } = x.topk(
      given['k'] as number,
      options(given, { dim: 'dim', largest: 'largest', sorted: 'sorted' }),
    )
    return [values, indices]
  }),
  softmax: operator('dim dtype', (x, given) =>
    x.softmax(given['dim'] as number, dropNulls(withDType(options(given, { dtype: 'dtype' })))),
  ),
  log_softmax: operator('dim dtype', (x, given) =>
    x.logSoftmax(given['dim'] as number, dropNulls(withDType(options(given, { dtype: 'dtype' })))),
  ),
  clone: operator('', (x) => x.clone()),
  contiguous: operator('', (x) => x.contiguous()),
  view: operator('shape *', (x, given) => x.view(sizes(given, 'shape'))),
  reshape: operator('shape *', (x, given) => x.reshape(sizes(given, 'shape'))),
  flatten: operator('start_dim end_dim', (x, given) =>
    x.flatten(options(given, { start_dim: 'startDim', end_dim: 'endDim' })),
  ),
  permute: operator('dims *', (x, given) => x.permute(sizes(given, 'dims'))),
  transpose: operator('dim0 dim1', (x, { dim0, dim1 }) => x.transpose(dim0 as number, dim1 as number)),
  squeeze: operator('dim', (x, given) => x.squeeze(along(given))),
  unsqueeze: operator('dim', (x, { dim }) => x.unsqueeze(dim as number)),
  expand: operator('size *', (x, given) => x.expand(sizes(given, 'size'))),
  select: operator('dim index', (x, { dim, index }) => x.select(dim as number, index as number)),
  narrow: operator('dim start length', (x, { dim, start, length }) => {
    if (isTensor(start)) throw new NotOffered('start that is a tensor')
    return x.narrow(dim as number, start as number, length as number)
  }),
  index_select: operator('dim index', (x, { dim, index }) => x.indexSelect(dim as number, index as Tensor)),
  flip: operator('dims *', (x, given) => x.flip(sizes(given, 'dims'))),
  split: operator('split_size dim', (x, given) => x.split(given['split_size'] as number, along(given))),
  split_with_sizes: operator('split_sizes dim', (x, given) => x.split(given['split_sizes'] as number[], along(given))),
  chunk: operator('chunks dim', (x, given) => x.chunk(given['chunks'] as number, along(given))),
  cat: operator('dim', (x, given) => cat(x as unknown as Tensor[], along(given))),
  stack: operator('dim', (x, given) => stack(x as unknown as Tensor[], along(given))),
  zeros_like: operator('', (x) => zerosLike(x)),
  ones_like: operator('', (x) => onesLike(x)),
  fill: operator('value', (x, { value }) => {
    if (isTensor(value)) throw new NotOffered('value that is a tensor')
    return x.clone().fill_(value as number)
  }),
  full: operator('fill_value dtype', (x, given) => {
    const { fill_value: value, dtype } = given as { readonly fill_value: number; readonly dtype?: unknown }
    if (!(dtype instanceof DTypeArgument)) throw new NotOffered('the dtype of the value')
    return full(x as unknown as number[], value, { dtype: dtype.dtype })
  }),
  equal: operator('other', () => {
    throw new NotOffered('a result that is no tensor')
  }),
  'nn.functional.linear': operator('weight bias', (x, { weight, bias }) =>
    F.linear(x, weight as Tensor, { bias: (bias as Tensor | null | undefined) ?? null }),
  ),
  'nn.functional.conv2d': operator('weight bias stride padding dilation groups', (x, { weight, bias, ...given }) =>
    F.conv2d(x, weight as Tensor, {
      bias: (bias as Tensor | null | undefined) ?? null,
      ...options(pairs(given), { stride: 'stride', padding: 'padding', dilation: 'dilation', groups: 'groups' }),
    }),
  ),
  'nn.functional.batch_norm': operator('running_mean running_var weight bias training momentum eps', (x, given) => {
    const { running_mean: mean, running_var: variance, ...rest } = given
    const names = { weight: 'weight', bias: 'bias', training: 'training', momentum: 'momentum', eps: 'eps' }
    return F.batchNorm(
      x,
      (mean ?? null) as Tensor | null,
      (variance ?? null) as Tensor | null,
      dropNulls(options(rest, names)),
    )
  }),
  'nn.functional.max_pool2d': operator('kernel_size stride padding dilation ceil_mode return_indices', (x, given) => {
    const names = { stride: 'stride', padding: 'padding', dilation: 'dilation', ceil_mode: 'ceilMode' }
    return F.maxPool2d(x, pairs(given)['kernel_size'] as Pair, pooling(pairs(given), names))
  }),
  'nn.functional.avg_pool2d': operator(
    'kernel_size stride padding ceil_mode count_include_pad divisor_override',
    (x, given) => {
      const names = {
        ...{ stride: 'stride', padding: 'padding', ceil_mode: 'ceilMode' },
        ...{ count_include_pad: 'countIncludePad', divisor_override: 'divisorOverride' },
      }
      return F.avgPool2d(x, pairs(given)['kernel_size'] as Pair, pooling(pairs(given), names))
    },
  ),
  'nn.functional.adaptive_avg_pool2d': operator('output_size', (x, given) =>
    F.adaptiveAvgPool2d(x, pairs(given)['output_size'] as Pair),
  ),
  'nn.functional.pad': operator('pad mode value', (x, given) => {
    const { mode, value } = given
    return F.pad(x, given['pad'] as number[], dropNulls({ mode: mode, value }))
  }),
}

function oneDim(given: Arguments): Arguments {
  const { dim } = given
  if (!Array.isArray(dim)) return given
  if (dim.length === 0) return { ...given, dim: undefined }
  if (dim.length > 1) throw new NotOffered('several dimensions')
  return { ...given, dim: dim[0] as unknown }
}

/** Calls an operator as PyTorch was called. */
export function callOperator(
  name: string,
  input: unknown,
  args: readonly unknown[],
  kwargs: Arguments,
): readonly Tensor[] {
  const operation = OPERATORS[name]
  if (operation === undefined) throw new NotOffered('no such operator')
  const params = operation.params.filter((param) => param !== '*')
  const rest = args.slice(params.length)
  if (rest.length > 0 && !operation.params.includes('*')) throw new NotOffered('more arguments')
  const unknown = Object.keys(kwargs).find((key) => !params.includes(key))
  if (unknown !== undefined) throw new NotOffered(`${unknown}=`)
  const given = { ...Object.fromEntries(params.map((param, index) => [param, args[index]])), rest, ...kwargs }
  const result = operation.run(input as Tensor, given)
  return Array.isArray(result) ? (result as Tensor[]) : [result as Tensor]
}
