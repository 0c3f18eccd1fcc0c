import { einsum, where, type Tensor } from 'napi-torch'

import { isTensor } from '../../lib/nn/checks.js'
import {
  along,
  dropNulls,
  operator,
  options,
  reduce,
  sizes,
  withDType,
  type Arguments,
  type Operator,
} from './arguments.js'
import { NotOffered } from './compare.js'

const unary = (name: 'floor' | 'ceil' | 'sin' | 'cos' | 'erf' | 'rsqrt' | 'long' | 'int' | 'bool'): Operator =>
  operator('', (x) => x[name]())
const binary = (name: 'maximum' | 'minimum' | 'bmm' | 'logicalAnd' | 'logicalOr' | 'logicalXor'): Operator =>
  operator('other', (x, given) => x[name](given['other'] as Tensor))
const spread = (name: 'var' | 'std'): Operator =>
  operator('dim unbiased keepdim correction', (x, given) => {
    if (given['unbiased'] !== undefined || typeof given['dim'] === 'boolean') throw new NotOffered('unbiased')
    return x[name](dropNulls(options(given, { dim: 'dim', correction: 'correction', keepdim: 'keepdim' })))
  })
const one = (given: Arguments): Record<string, unknown> => {
  if (Array.isArray(given['dim'])) throw new NotOffered('several dimensions')
  return dropNulls(options(given, { dim: 'dim', keepdim: 'keepdim' }))
}
const extreme = (name: 'max' | 'min'): Operator =>
  operator('dim keepdim', (x, given) => {
    const { dim } = given
    if (dim === undefined) return x[name]()
    if (isTensor(dim)) return name === 'max' ? x.maximum(dim) : x.minimum(dim)
    const { values, indices } = x[name](dim as number, options(given, { keepdim: 'keepdim' }))
    return [values, indices]
  })
const triangle = (name: 'tril' | 'triu'): Operator =>
  operator('diagonal', (x, given) => x[name](options(given, { diagonal: 'diagonal' })))

/** The methods of tensors that call operators by their schemas, by the names of OpInfo. */
export const METHODS: Readonly<Record<string, Operator>> = {
  floor: unary('floor'),
  ceil: unary('ceil'),
  round: operator('decimals', (x, given) => x.round(options(given, { decimals: 'decimals' }))),
  sin: unary('sin'),
  cos: unary('cos'),
  erf: unary('erf'),
  rsqrt: unary('rsqrt'),
  long: unary('long'),
  int: unary('int'),
  bool: unary('bool'),
  maximum: binary('maximum'),
  minimum: binary('minimum'),
  bmm: binary('bmm'),
  logical_and: binary('logicalAnd'),
  logical_or: binary('logicalOr'),
  logical_xor: binary('logicalXor'),
  logical_not: operator('', (x) => x.logicalNot()),
  all: operator('dim keepdim', (x, given) => x.all(one(given))),
  any: operator('dim keepdim', (x, given) => x.any(one(given))),
  prod: operator('dim keepdim dtype', (x, given) => {
    if (given['dtype'] !== undefined) throw new NotOffered('dtype')
    return x.prod(one(given))
  }),
  argmin: operator('dim keepdim', (x, given) => x.argmin(reduce(given))),
  var: spread('var'),
  std: spread('std'),
  cumsum: operator('dim dtype', (x, given) =>
    x.cumsum(given['dim'] as number, dropNulls(withDType(options(given, { dtype: 'dtype' })))),
  ),
  sort: operator('dim descending stable', (x, given) => {
    const { values, indices } = x.sort(
      dropNulls(options(given, { dim: 'dim', descending: 'descending', stable: 'stable' })),
    )
    return [values, indices]
  }),
  argsort: operator('dim descending stable', (x, given) =>
    x.argsort(dropNulls(options(given, { dim: 'dim', descending: 'descending', stable: 'stable' }))),
  ),
  max: extreme('max'),
  min: extreme('min'),
  unbind: operator('dim', (x, given) => x.unbind(along(given))),
  where: operator('condition other', (x, given) => where(given['condition'] as Tensor, x, given['other'] as Tensor)),
  masked_fill: operator('mask value', (x, given) => x.maskedFill(given['mask'] as Tensor, given['value'] as Tensor)),
  gather: operator('dim index', (x, given) => x.gather(given['dim'] as number, given['index'] as Tensor)),
  scatter: operator('dim index src reduce', (x, given) => {
    const source = given['src'] as Tensor | number
    return x.scatter(given['dim'] as number, given['index'] as Tensor, source, options(given, { reduce: 'reduce' }))
  }),
  roll: operator('shifts dims', (x, given) => x.roll(given['shifts'] as number[], options(given, { dims: 'dims' }))),
  repeat: operator('sizes *', (x, given) => x.repeat(sizes(given, 'sizes'))),
  tile: operator('dims *', (x, given) => x.tile(sizes(given, 'dims'))),
  tril: triangle('tril'),
  triu: triangle('triu'),
  einsum: operator('equation', (x, given) => einsum(given['equation'] as string, ...[x].flat())),
}
