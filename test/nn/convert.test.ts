import assert from 'node:assert/strict'

import { arange, Linear, memory, ones, scope, tensor, type Tensor } from 'napi-torch'
import { SGD } from 'napi-torch/optim'

import { convertForInference } from '../../lib/nn/convert.js'
import { finish } from '../../lib/util/slices.js'

describe('Module.to()', () => {
  it('leaves parameters that can be trained, also those that are as they should be already', () =>
    scope(() => {
      const model = new Linear(2, 1).to({ memoryFormat: 'channels_last' }).to('float32')
      const optimizer = new SGD(model.parameters(), { lr: 0.5 })
      const before = Number(model.weight.sum().item())

      for (let step = 0; step < 2; step++) {
        optimizer.zeroGrad()
        model
          .forward(ones([1, 2]))
          .sum()
          .backward()
        optimizer.step()
      }

      assert.ok(Math.abs(before - 2 - Number(model.weight.sum().item())) < 1e-5)
    }))
})

describe('convertForInference()', () => {
  const cases: readonly (readonly [string, () => Tensor, readonly number[]])[] = [
    ['kernels, of more than one piece', () => arange(3 * 70 * 20 * 10).view(3, 70, 20, 10), [14_000, 1, 700, 70]],
    ['half-precision kernels', () => arange(24).view(2, 3, 2, 2).to('float16'), [12, 1, 6, 3]],
    ['a transposed matrix', () => arange(6).view(2, 3).transpose(0, 1), [2, 1]],
    ['half-precision vectors', () => arange(5).to('bfloat16'), [1]],
    ['a scalar of another dtype', () => tensor(3, { dtype: 'float64' }), []],
  ]
  for (const [name, make, strides] of cases) {
    it(`makes float32 of ${name}, laid out as kernels read it`, () =>
      scope(() => {
        const given = make()
        const expected = given.to('float32').contiguous()

        finish(convertForInference(given))

        assert.equal(given.dtype, 'float32')
        assert.deepEqual(given.strides, strides)
        assert.ok(given.equal(expected))
      }))
  }

  it('leaves integers, and what is as it should be, in the same memory', () =>
    scope(() => {
      const tensors = [tensor([1n, 2n]), arange(4), arange(24).view(2, 2, 2, 3).permute(0, 3, 1, 2)]
      const before = memory()

      for (const each of tensors) finish(convertForInference(each))

      assert.deepEqual(memory(), before)
      assert.deepEqual(
        tensors.map(({ dtype }) => dtype),
        ['int64', 'float32', 'float32'],
      )
    }))

  it('leaves nothing behind where it is given up', () =>
    scope(() => {
      const given = arange(3 * 70 * 20 * 10).view(3, 70, 20, 10)
      const before = memory()

      const work = convertForInference(given)
      work.next()
      work.return()

      assert.deepEqual(memory(), before)
      assert.deepEqual(given.strides, [14_000, 200, 10, 1])
    }))
})
