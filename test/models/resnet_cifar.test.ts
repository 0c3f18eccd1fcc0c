import assert from 'node:assert/strict'

import {
  BasicBlockCifar,
  Conv2d,
  ResNetCifar,
  resnet110Cifar,
  resnet18Cifar,
  resnet20Cifar,
  resnet32Cifar,
  resnet34Cifar,
  resnet44Cifar,
  resnet56Cifar,
  scope,
  zeros,
  type ResNetCifarOptions,
} from 'napi-torch'

import { architectures } from '../support/goldens.js'

describe('ResNetCifar', function () {
  this.timeout(20_000)

  const known = architectures()

  for (const [name, build] of Object.entries({ resnet18Cifar, resnet34Cifar })) {
    describe(`${name}()`, () => {
      it('has the keys, shapes and dtypes of the training script in its order', () =>
        scope(() => {
          assert.deepEqual(
            Array.from(build().stateDict(), ([key, { shape, dtype }]) => [key, { shape, dtype }]),
            known.get(name)?.keys,
          )
        }))

      it(`has the ${known.get(name)?.parameters} parameters of the training script`, () =>
        scope(() => {
          assert.equal(build().parameterCount(), known.get(name)?.parameters)
        }))
    })
  }

  // The counts that table 6 of the paper rounds, https://arxiv.org/abs/1512.03385, with option A.
  const papers = [
    ['resnet20Cifar', resnet20Cifar, 269_722],
    ['resnet32Cifar', resnet32Cifar, 464_154],
    ['resnet44Cifar', resnet44Cifar, 658_586],
    ['resnet56Cifar', resnet56Cifar, 853_018],
    ['resnet110Cifar', resnet110Cifar, 1_727_962],
  ] as const
  for (const [name, build, parameters] of papers) {
    it(`has the ${parameters} parameters of the paper as ${name}({ shortcut: 'pad' })`, () =>
      scope(() => {
        assert.equal(build({ shortcut: 'pad' }).parameterCount(), parameters)
      }))
  }

  it('prints as Python does', () =>
    scope(() => {
      assert.equal(resnet18Cifar().toString(), known.get('resnet18Cifar')?.repr)
    }))

  it('has 122 entries as ResNet-18', () =>
    scope(() => {
      assert.equal(resnet18Cifar().stateDict().size, 122)
    }))

  for (const size of [25, 28, 32, 33, 56]) {
    it(`maps images of ${size} pixels a side to ten logits`, () =>
      scope(() => {
        const model = resnet18Cifar({ width: 4 }).eval()

        assert.deepEqual(model.forward(zeros([2, 3, size, size])).shape, [2, 10])
      }))
  }

  for (const size of [24, 57]) {
    it(`refuses images of ${size} pixels a side`, () =>
      scope(() => {
        const model = resnet18Cifar({ width: 4 }).eval()

        assert.throws(() => model.forward(zeros([2, 3, size, size])), { name: 'TorchError' })
      }))
  }

  it('has as many outputs and inputs as its options say', () =>
    scope(() => {
      const model = resnet18Cifar({ inputChannels: 1, numClasses: 26, width: 8 }).eval()

      assert.deepEqual(model.forward(zeros([3, 1, 28, 28])).shape, [3, 26])
    }))

  for (const kernelSize of [3, 5, 7] as const) {
    it(`keeps the size of the feature map with a first convolution of ${kernelSize}×${kernelSize}`, () =>
      scope(() => {
        const block = new BasicBlockCifar(2, 4, { kernelSize }).eval()

        assert.deepEqual(block.conv1.kernelSize, [kernelSize, kernelSize])
        assert.deepEqual(block.forward(zeros([1, 2, 9, 8])).shape, [1, 4, 9, 8])
      }))
  }

  it('gives the kernel size to the first convolution of every block, and to no other', () =>
    scope(() => {
      const model = resnet18Cifar({ kernelSize: 7, width: 4 })
      const wide = model
        .namedModules()
        .filter(([, module]) => module instanceof Conv2d && module.kernelSize[0] === 7)
        .map(([name]) => name)

      assert.deepEqual(
        wide,
        [1, 2, 3, 4].flatMap((stage) => [0, 1].map((block) => `layer${stage}.${block}.conv1`)),
      )
    }))

  it('has an empty shortcut where the shape stays', () =>
    scope(() => {
      assert.deepEqual(
        [new BasicBlockCifar(4, 4), new BasicBlockCifar(4, 8), new BasicBlockCifar(4, 4, { stride: 2 })].map(
          ({ shortcut }) => shortcut.children().length,
        ),
        [0, 2, 2],
      )
    }))

  it('leaves its input as it was', () =>
    scope(() => {
      const block = new BasicBlockCifar(2, 2).eval()
      const input = zeros([1, 2, 5, 5]).sub(1)

      block.forward(input)

      assert.equal(input.max().item(), -1)
    }))

  describe('refusals', () => {
    const refused: readonly (readonly [string, () => unknown, string])[] = [
      [
        'a kernel size of 4',
        () => resnet18Cifar({ kernelSize: 4 as never }),
        'Expected 3, 5 or 7 for kernelSize, received 4',
      ],
      [
        'an unknown option',
        () => resnet18Cifar({ classes: 3 } as ResNetCifarOptions),
        'Expected options among inputChannels, numClasses, width, kernelSize, shortcut for ResNet, received "classes" (did you mean numClasses?)',
      ],
      ['a width of 0', () => resnet18Cifar({ width: 0 }), 'Expected a positive integer for width, received 0'],
      [
        'five stages',
        () => new ResNetCifar(BasicBlockCifar, [1, 1, 1, 1, 1] as never),
        'Expected three or four positive integers for layers, received [1, 1, 1, 1, 1]',
      ],
    ]
    for (const [name, make, message] of refused) {
      it(`refuses ${name}`, () =>
        scope(() => {
          assert.throws(make, { code: 'TORCH_INVALID_ARGUMENT', message })
        }))
    }
  })
})
