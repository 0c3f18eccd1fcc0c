import assert from 'node:assert/strict'

import {
  PreActBlock,
  preactResnet18Cifar,
  PreActResNet,
  randn,
  scope,
  zeros,
  type PreActBlockOptions,
  type PreActResNetOptions,
} from 'napi-torch'

describe('PreActResNet', () => {
  it('has the 11,171,146 parameters of the training script as preactResnet18Cifar()', () =>
    scope(() => {
      assert.equal(preactResnet18Cifar().parameterCount(), 11_171_146)
    }))

  for (const size of [28, 32, 64]) {
    it(`maps images of ${size} pixels a side to logits`, () =>
      scope(() => {
        const model = preactResnet18Cifar({ width: 4, numClasses: 7, inputChannels: 1 }).eval()

        assert.deepEqual(model.forward(zeros([2, 1, size, size])).shape, [2, 7])
      }))
  }

  it('leaves the input of a block as it was', () =>
    scope(() => {
      const block = new PreActBlock(2, 2).eval()
      const input = randn([1, 2, 5, 5])
      const before = input.clone()

      block.forward(input)

      assert.deepEqual(input.tolist(), before.tolist())
    }))

  const refused: readonly (readonly [string, () => unknown, string])[] = [
    [
      'two stages',
      () => new PreActResNet(PreActBlock, [1, 1]),
      'Expected three or four positive integers for layers, received [1, 1]',
    ],
    ['a width of 0', () => preactResnet18Cifar({ width: 0 }), 'Expected a positive integer for width, received 0'],
    [
      'an unknown option',
      () => preactResnet18Cifar({ classes: 3 } as PreActResNetOptions),
      'Expected options among inputChannels, numClasses, width, stemWidth, finalNorm for PreActResNet, received "classes" (did you mean numClasses?)',
    ],
    [
      'an unknown option of a block',
      () => new PreActBlock(1, 1, { kernelSize: 5 } as PreActBlockOptions),
      'Expected options among stride for PreActBlock, received "kernelSize"',
    ],
  ]
  for (const [name, make, message] of refused) {
    it(`refuses ${name}`, () =>
      scope(() => {
        assert.throws(make, { code: 'TORCH_INVALID_ARGUMENT', message })
      }))
  }
})
