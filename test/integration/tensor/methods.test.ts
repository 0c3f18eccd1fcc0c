import { einsum, where, type Tensor } from 'napi-torch'

import { describeCalls, type PythonCall } from '../../support/python_calls.js'

const CUBE = [3, 4, 5]
const MATRIX = [4, 4]

const one = (python: string, call: (x: Tensor) => Tensor | readonly Tensor[], shape = CUBE): PythonCall => ({
  ...{ python, call, inputs: [shape] },
})
const two = (python: string, call: (x: Tensor, y: Tensor) => Tensor, shape = CUBE, other = shape): PythonCall => ({
  python,
  call,
  inputs: [shape, other],
})
const pair = ({ values, indices }: { values: Tensor; indices: Tensor }): readonly Tensor[] => [values, indices]

describeCalls('functions of elements', [
  one('x.mul(3).floor()', (x) => x.mul(3).floor()),
  one('x.mul(3).ceil()', (x) => x.mul(3).ceil()),
  one('x.mul(2).round().div(2).round()', (x) => x.mul(2).round().div(2).round()),
  one('x.round(decimals=2)', (x) => x.round({ decimals: 2 })),
  one('x.sin()', (x) => x.sin()),
  one('x.cos()', (x) => x.cos()),
  one('x.long().cos()', (x) => x.long().cos()),
  one('x.erf()', (x) => x.erf()),
  one('x.abs().rsqrt()', (x) => x.abs().rsqrt(), CUBE),
  two('torch.maximum(x, y)', (x, y) => x.maximum(y)),
  two('torch.minimum(x, y)', (x, y) => x.minimum(y), CUBE, [5]),
  two('(x > 0).logical_and(y > 0)', (x, y) => x.gt(0).logicalAnd(y.gt(0))),
  two('x.logical_or(y > 0)', (x, y) => x.logicalOr(y.gt(0))),
  two('x.logical_xor(y > 0)', (x, y) => x.logicalXor(y.gt(0))),
  one('(x > 0).logical_not()', (x) => x.gt(0).logicalNot()),
  one('x.mul(3).long()', (x) => x.mul(3).long()),
  one('x.mul(3).int()', (x) => x.mul(3).int()),
  one('x.mul(2).int().bool()', (x) => x.mul(2).int().bool()),
])

describeCalls('reductions', [
  one('x.var()', (x) => x.var()),
  one('x.var(1)', (x) => x.var(1)),
  one('x.var((0, 2), correction=0, keepdim=True)', (x) => x.var([0, 2], { correction: 0, keepdim: true })),
  one('x.std()', (x) => x.std()),
  one('x.std(-1, correction=2)', (x) => x.std(-1, { correction: 2 })),
  one('x.prod()', (x) => x.prod(), [2, 3]),
  one('x.prod(1, keepdim=True)', (x) => x.prod(1, { keepdim: true })),
  one('x.norm()', (x) => x.norm()),
  one('x.norm(1, dim=1)', (x) => x.norm(1, { dim: 1 })),
  one('x.norm(inf, dim=(0, 1), keepdim=True)', (x) => x.norm(Infinity, { dim: [0, 1], keepdim: true })),
  one("x.norm('fro', dim=(0, 1))", (x) => x.norm('fro', { dim: [0, 1] })),
  one('x.cumsum(1)', (x) => x.cumsum(1)),
  one('x.int().cumsum(-1)', (x) => x.int().cumsum(-1)),
  one('x.cumsum(0, dtype=torch.float64)', (x) => x.cumsum(0, { dtype: 'float64' })),
  one('(x > 0).all()', (x) => x.gt(0).all()),
  one('(x > -1).all(1)', (x) => x.gt(-1).all(1)),
  one('(x > 1).any(2, keepdim=True)', (x) => x.gt(1).any(2, { keepdim: true })),
  one('x.argmin()', (x) => x.argmin()),
  one('x.argmin(1, keepdim=True)', (x) => x.argmin(1, { keepdim: true })),
  one('x.max(1)', (x) => pair(x.max(1))),
  one('x.min(-1, keepdim=True)', (x) => pair(x.min(-1, { keepdim: true }))),
  one('x.amax(1)', (x) => x.max({ dim: 1 })),
  one('x.sort()', (x) => pair(x.sort())),
  one('x.int().sort(dim=1, descending=True, stable=True)', (x) =>
    pair(x.int().sort(1, { descending: true, stable: true })),
  ),
  one('x.argsort(0)', (x) => x.argsort(0)),
])

describeCalls('indexing', [
  one('x.T', (x) => x.T, [3, 4]),
  one('x.mT', (x) => x.mT),
  one('x.unbind()', (x) => x.unbind()),
  one('x.unbind(-1)', (x) => x.unbind(-1)),
  two('x.where(y > 0, y)', (x, y) => x.where(y.gt(0), y)),
  two('x.where(y > 0, 0.5)', (x, y) => x.where(y.gt(0), 0.5)),
  two('torch.where(x > 0, x, y)', (x, y) => where(x.gt(0), x, y)),
  two('torch.where(x > 0, 1.5, y)', (x, y) => where(x.gt(0), 1.5, y)),
  one('torch.where(x > 0, x, 2.5)', (x) => where(x.gt(0), x, 2.5)),
  one('torch.where(x > 0, 1.5, -1.5)', (x) => where(x.gt(0), 1.5, -1.5)),
  two('x.masked_fill(y > 0, -inf)', (x, y) => x.maskedFill(y.gt(0), -Infinity)),
  two('x.masked_fill(y > 0, y.sum())', (x, y) => x.maskedFill(y.gt(0), y.sum()), CUBE, [5]),
  two('x.masked_fill_(y > 0, 2)', (x, y) => x.maskedFill_(y.gt(0), 2)),
  two('x.gather(1, y.abs().long().clamp(max=3))', (x, y) => x.gather(1, y.abs().long().clamp({ max: 3 }))),
  two('x.scatter(1, torch.arange(4).view(1, 4, 1).expand(3, 4, 5).flip(1), y)', (x, y) =>
    x.scatter(1, x.argsort(1).mul(0).add(countdown(x)), y),
  ),
  two('x.scatter(0, torch.zeros(1, 4, 5).long(), 7)', (x) => x.scatter(0, x.narrow(0, 0, 1).mul(0).long(), 7)),
  two('x.scatter(0, torch.zeros(3, 4, 5).long(), y, reduce="add")', (x, y) =>
    x.scatter(0, x.mul(0).long(), y, { reduce: 'add' }),
  ),
  one('x.roll(2)', (x) => x.roll(2)),
  one('x.roll((1, -2), (0, 2))', (x) => x.roll([1, -2], [0, 2])),
  one('x.repeat(2, 1, 3, 1)', (x) => x.repeat(2, 1, 3, 1)),
  one('x.tile(2, 3)', (x) => x.tile(2, 3)),
  one('x.tril()', (x) => x.tril(), MATRIX),
  one('x.tril(-1)', (x) => x.tril(-1)),
  one('x.triu(1)', (x) => x.triu(1), MATRIX),
])

describeCalls('products', [
  two('x.bmm(y)', (x, y) => x.bmm(y), CUBE, [3, 5, 2]),
  two("torch.einsum('bij,bjk->bik', x, y)", (x, y) => einsum('bij,bjk->bik', x, y), CUBE, [3, 5, 2]),
  two("torch.einsum('b...i,ji->b...j', x, y)", (x, y) => einsum('b...i,ji->b...j', x, y), CUBE, [2, 5]),
  one("torch.einsum('ii->i', x)", (x) => einsum('ii->i', x), MATRIX),
])

/** 3, 2, 1, 0 along the second dimension. */
function countdown(x: Tensor): Tensor {
  return x.mul(0).add(1).long().cumsum(1).mul(-1).add(4)
}
