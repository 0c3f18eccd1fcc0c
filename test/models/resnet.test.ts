import assert from 'node:assert/strict'

import {
  BasicBlock,
  BatchNorm2d,
  Bottleneck,
  Module,
  ResNet,
  resnet101,
  resnet152,
  resnet18,
  resnet34,
  resnet50,
  resnext101_32x8d,
  resnext101_64x4d,
  resnext50_32x4d,
  scope,
  wide_resnet101_2,
  wide_resnet50_2,
  zeros,
  type ResNetOptions,
  type Tensor,
} from 'napi-torch'

import { architectures } from '../support/goldens.js'

const FACTORIES: Readonly<Record<string, (options?: ResNetOptions) => ResNet>> = {
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
  resnext50_32x4d,
  resnext101_32x8d,
  resnext101_64x4d,
  wide_resnet50_2,
  wide_resnet101_2,
}

class Plain extends Module {
  override forward(x: Tensor): Tensor {
    return x
  }
}

describe('ResNet', function () {
  // The largest has 127 million parameters to draw.
  this.timeout(60_000)

  const known = architectures()

  for (const [name, build] of Object.entries(FACTORIES)) {
    describe(`${name}()`, () => {
      it('has the keys, shapes and dtypes of torchvision in its order', () =>
        scope(() => {
          const state = build().stateDict()

          assert.deepEqual(
            Array.from(state, ([key, { shape, dtype }]) => [key, { shape, dtype }]),
            known.get(name)?.keys,
          )
        }))

      it(`has the ${known.get(name)?.parameters} parameters of torchvision`, () =>
        scope(() => {
          assert.equal(build().parameterCount(), known.get(name)?.parameters)
        }))
    })
  }

  for (const name of ['resnet18', 'resnet50']) {
    it(`prints ${name} as Python does`, () =>
      scope(() => {
        assert.equal(FACTORIES[name]?.().toString(), known.get(name)?.repr)
      }))
  }

  it('has 122 entries as ResNet-18', () =>
    scope(() => {
      assert.equal(resnet18().stateDict().size, 122)
    }))

  it('has as many outputs as numClasses says', () =>
    scope(() => {
      const model = resnet18({ numClasses: 7 }).eval()

      assert.deepEqual(model.forward(zeros([2, 3, 64, 64])).shape, [2, 7])
    }))

  it('reads as many channels as inputChannels says', () =>
    scope(() => {
      const model = resnet18({ inputChannels: 1, numClasses: 4 }).eval()

      assert.deepEqual(model.forward(zeros([1, 1, 64, 64])).shape, [1, 4])
    }))

  it('keeps the size of the stages that are dilated', () =>
    scope(() => {
      const model = resnet50({ replaceStrideWithDilation: [false, true, true] }).eval()
      let size: readonly number[] = []
      model.layer4.registerForwardHook((_module, _inputs, output) => {
        size = output.shape
      })

      model.forward(zeros([1, 3, 64, 64]))

      assert.deepEqual(size, [1, 2048, 8, 8])
    }))

  it('normalizes with the layers of normLayer', () =>
    scope(() => {
      const model = resnet18({ normLayer: (channels) => new BatchNorm2d(channels, { eps: 0.25 }) })
      const layers = model.modules().filter((module) => module instanceof BatchNorm2d)

      assert.deepEqual([layers.length, new Set(layers.map(({ eps }) => eps))], [20, new Set([0.25])])
    }))

  it('takes a normLayer without parameters', () =>
    scope(() => {
      const model = resnet18({ normLayer: () => new Plain(), zeroInitResidual: true })

      assert.deepEqual(Array.from(model.stateDict().keys()).slice(0, 3), [
        'conv1.weight',
        'layer1.0.conv1.weight',
        'layer1.0.conv2.weight',
      ])
    }))

  describe('initialization', () => {
    it('draws convolutions with the deviation √(2 / fan-out)', () =>
      scope(() => {
        const weight = resnet18().layer4.at(0).getParameter('conv1.weight')
        const deviation = Math.sqrt(Number(weight.mul(weight).mean().item()))

        // From 256 to 512 channels; 1.2 million draws leave the estimate within 0.3 %.
        assert.ok(Math.abs(deviation / Math.sqrt(2 / (512 * 9)) - 1) < 0.005, `the deviation is ${deviation}`)
      }))

    it('starts residual branches at one by default', () =>
      scope(() => {
        assert.equal(resnet18().layer1.at(0).getParameter('bn2.weight').sum().item(), 64)
      }))

    for (const [name, last] of [
      ['resnet18', 'bn2.weight'],
      ['resnet50', 'bn3.weight'],
    ] as const) {
      it(`starts the residual branches of ${name} at zero with zeroInitResidual`, () =>
        scope(() => {
          const model = FACTORIES[name]?.({ zeroInitResidual: true })

          const scales = model?.namedParameters().filter(([key]) => key.endsWith(last)) ?? []

          assert.deepEqual(
            [scales.length, scales.filter(([, scale]) => scale.abs().max().item() !== 0)],
            [name === 'resnet18' ? 8 : 16, []],
          )
        }))
    }
  })

  describe('refusals', () => {
    const refused: readonly (readonly [string, () => unknown, string])[] = [
      [
        'an unknown option',
        () => resnet18({ num_classes: 10 } as ResNetOptions),
        'Expected options among inputChannels, width, numClasses, zeroInitResidual, groups, widthPerGroup, replaceStrideWithDilation, normLayer for ResNet, received "num_classes" (did you mean numClasses?)',
      ],
      [
        'an option by position',
        () => resnet18(10 as never),
        'Expected an options object for ResNet, received 10; write: { numClasses: 10 }',
      ],
      [
        'weights from elsewhere',
        () => resnet18({ weights: 'IMAGENET1K_V1' } as ResNetOptions),
        'ResNet has no option weights, as nothing is downloaded: use loadCheckpoint() and loadStateDict()',
      ],
      ['no classes', () => resnet18({ numClasses: 0 }), 'Expected a positive integer for numClasses, received 0'],
      ['half a class', () => resnet18({ numClasses: 1.5 }), 'Expected a positive integer for numClasses, received 1.5'],
      [
        'no channels',
        () => resnet18({ inputChannels: 0 }),
        'Expected a positive integer for inputChannels, received 0',
      ],
      [
        'three stages',
        () => new ResNet(BasicBlock, [2, 2, 2] as never),
        'Expected four positive integers for layers, received [2, 2, 2]',
      ],
      [
        'an empty stage',
        () => new ResNet(BasicBlock, [2, 0, 2, 2]),
        'Expected four positive integers for layers, received [2, 0, 2, 2]',
      ],
      [
        'two dilation flags',
        () => resnet50({ replaceStrideWithDilation: [true, true] as never }),
        'Expected three booleans for replaceStrideWithDilation, received [true, true]',
      ],
      [
        'groups in a BasicBlock',
        () => resnet18({ groups: 2 }),
        'Expected 1 (a BasicBlock has no groups) for groups, received 2',
      ],
      [
        'a width in a BasicBlock',
        () => resnet18({ widthPerGroup: 128 }),
        'Expected 64 (a BasicBlock has no width of its own) for baseWidth, received 128',
      ],
      [
        'dilation of a BasicBlock',
        () => resnet18({ replaceStrideWithDilation: [true, true, true] }),
        'Expected 1 (a BasicBlock cannot be dilated) for dilation, received 2',
      ],
      [
        'other groups than the name says',
        () => resnext50_32x4d({ groups: 16 }),
        'Expected 32, which the name of the model says, for groups, received 16',
      ],
      [
        'another width than the name says',
        () => wide_resnet50_2({ widthPerGroup: 64 }),
        'Expected 128, which the name of the model says, for widthPerGroup, received 64',
      ],
      [
        'an unknown option of a block',
        () => new Bottleneck(64, 64, { width: 1 } as never),
        'Expected options among stride, downsample, groups, baseWidth, dilation, normLayer for Bottleneck, received "width" (did you mean baseWidth?)',
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
