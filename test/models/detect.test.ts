import assert from 'node:assert/strict'

import {
  createModel,
  detectArchitecture,
  manualSeed,
  randn,
  resnet18,
  resnet18Cifar,
  scope,
  type Architecture,
  type TensorFacts,
} from 'napi-torch'

import { architectures } from '../support/goldens.js'

type Facts = [string, TensorFacts][]

const known = architectures()

/** The state dict of a known model, with some entries replaced, or removed by null. */
function altered(name: string, changes: Readonly<Record<string, readonly number[] | null>> = {}): Facts {
  const entries = new Map<string, TensorFacts>(known.get(name)?.keys)
  for (const [key, shape] of Object.entries(changes)) {
    if (shape === null) entries.delete(key)
    else entries.set(key, { shape })
  }
  return [...entries]
}

const TORCHVISION = {
  family: 'resnet',
  numClasses: 1000,
  inputChannels: 3,
  width: 64,
  groups: 1,
  widthPerGroup: 64,
  kernelSize: 3,
  prefix: '',
  dtype: 'float32',
} as const
const CIFAR = { ...TORCHVISION, family: 'resnet-cifar', numClasses: 10 } as const

const FOUND: readonly Architecture[] = [
  { ...TORCHVISION, name: 'resnet18', block: 'BasicBlock', layers: [2, 2, 2, 2] },
  { ...TORCHVISION, name: 'resnet34', block: 'BasicBlock', layers: [3, 4, 6, 3] },
  { ...TORCHVISION, name: 'resnet50', block: 'Bottleneck', layers: [3, 4, 6, 3] },
  { ...TORCHVISION, name: 'resnet101', block: 'Bottleneck', layers: [3, 4, 23, 3] },
  { ...TORCHVISION, name: 'resnet152', block: 'Bottleneck', layers: [3, 8, 36, 3] },
  { ...TORCHVISION, name: 'resnext50_32x4d', block: 'Bottleneck', layers: [3, 4, 6, 3], groups: 32, widthPerGroup: 4 },
  {
    ...TORCHVISION,
    name: 'resnext101_32x8d',
    block: 'Bottleneck',
    layers: [3, 4, 23, 3],
    groups: 32,
    widthPerGroup: 8,
  },
  {
    ...TORCHVISION,
    name: 'resnext101_64x4d',
    block: 'Bottleneck',
    layers: [3, 4, 23, 3],
    groups: 64,
    widthPerGroup: 4,
  },
  { ...TORCHVISION, name: 'wide_resnet50_2', block: 'Bottleneck', layers: [3, 4, 6, 3], widthPerGroup: 128 },
  { ...TORCHVISION, name: 'wide_resnet101_2', block: 'Bottleneck', layers: [3, 4, 23, 3], widthPerGroup: 128 },
  { ...CIFAR, name: 'resnet18Cifar', block: 'BasicBlock', layers: [2, 2, 2, 2] },
  { ...CIFAR, name: 'resnet34Cifar', block: 'BasicBlock', layers: [3, 4, 6, 3] },
]

describe('detectArchitecture()', () => {
  for (const architecture of FOUND) {
    it(`recognizes ${architecture.name}`, () => {
      assert.deepEqual(detectArchitecture(altered(architecture.name)), architecture)
    })
  }

  it('reads the state dict of a module', () =>
    scope(() => {
      const found = detectArchitecture(resnet18({ numClasses: 5, inputChannels: 1 }).half().stateDict())

      assert.deepEqual(found, { ...FOUND[0], numClasses: 5, inputChannels: 1, dtype: 'float16' })
    }))

  it('reads bare shapes', () => {
    const shapes = altered('resnet18').map(([key, { shape }]) => [key, shape] as const)

    assert.deepEqual(detectArchitecture(shapes), { ...FOUND[0], dtype: null })
  })

  it('reads a generator', () => {
    assert.equal(detectArchitecture(altered('resnet34').values()).name, 'resnet34')
  })

  it('recognizes a checkpoint from before num_batches_tracked', () => {
    const old = altered('resnet18').filter(([key]) => !key.endsWith('num_batches_tracked'))

    assert.equal(detectArchitecture(old).name, 'resnet18')
  })

  for (const prefix of ['module.', '_orig_mod.', 'model.', 'module._orig_mod.', '_orig_mod.module.', 'model.module.']) {
    it(`sees through the prefix ${prefix}`, () => {
      const wrapped = altered('resnet18Cifar').map(([key, facts]) => [prefix + key, facts] as const)

      assert.deepEqual(detectArchitecture(wrapped), { ...FOUND[10], prefix })
    })
  }

  for (const [options, difference] of [
    [{ kernelSize: 5 }, { kernelSize: 5 }],
    [
      { kernelSize: 7, numClasses: 100 },
      { kernelSize: 7, numClasses: 100 },
    ],
    [
      { width: 16, inputChannels: 1 },
      { width: 16, inputChannels: 1 },
    ],
  ] as const) {
    it(`recognizes resnet18Cifar(${JSON.stringify(options)})`, () =>
      scope(() => {
        const found = detectArchitecture(resnet18Cifar(options).stateDict())

        const name = 'ResNet(BasicBlock, [2, 2, 2, 2])'
        assert.deepEqual(found, { ...FOUND[10], name, ...difference })
      }))
  }

  it('writes out layers that have no name', () => {
    const short = altered('resnet18').filter(([key]) => !key.startsWith('layer4.1.'))

    const found = detectArchitecture(short)

    assert.ok(found.family !== 'torchvision')
    assert.deepEqual([found.name, found.layers], ['ResNet(BasicBlock, [2, 2, 2, 1])', [2, 2, 2, 1]])
  })

  describe('refusals', () => {
    const refused: readonly (readonly [string, () => Facts, string])[] = [
      ['an empty state dict', () => [], 'the state dict is empty'],
      [
        'another kind of model',
        () => [
          ['features.0.weight', { shape: [64, 3, 3, 3] }],
          ['features.0.bias', { shape: [64] }],
          ['classifier.0.weight', { shape: [10, 64] }],
          ['classifier.0.bias', { shape: [10] }],
          ['extra', { shape: [] }],
        ],
        'it has no residual blocks of two 3×3, or of 1×1, 3×3 and 1×1 convolutions ' +
          '(5 tensors: features.0.weight, features.0.bias, classifier.0.weight, classifier.0.bias, …)',
      ],
      ['a single tensor', () => [['weight', { shape: [1] }]], 'it has no convolutions (1 tensors: weight)'],
      [
        'a stem that is no convolution',
        () => altered('resnet18', { 'conv1.weight': [64] }),
        'there is no convolution in front of its residual blocks',
      ],
      [
        'a stem of a large image before a small head',
        () => altered('resnet18Cifar', { 'conv1.weight': [64, 3, 5, 5] }),
        'its stem is 5×5, not 7×7 or 3×3',
      ],
      [
        'a wider stem',
        () => altered('resnet18', { 'conv1.weight': [96, 3, 7, 7] }),
        'there is no convolution in front of its residual blocks',
      ],
      [
        'two stages',
        () => altered('resnet18').filter(([key]) => !key.startsWith('layer4.') && !key.startsWith('layer3.')),
        'its residual blocks make 2 stages, a ResNet has four, or three for small images',
      ],
      [
        'a stage of another width',
        () =>
          altered('resnet18').map(([key, { shape }]) => {
            return [key, { shape: shape.map((size) => (size === 256 ? 200 : size)) }]
          }),
        'stage 3 makes 200 channels, not 256',
      ],
      [
        'GroupNorm',
        () => altered('resnet18').filter(([key]) => !key.includes('running_')),
        'layer1.0.bn1 has no running_mean, which BatchNorm2d has',
      ],
      [
        'a head that reads several pixels',
        () => altered('resnet18Cifar', { 'linear.weight': [10, 2048] }),
        'linear.weight reads 2048 features, not 512',
      ],
      [
        'blocks of different kernels',
        () => altered('resnet18Cifar', { 'layer2.0.conv1.weight': [128, 64, 5, 5] }),
        'its blocks begin with different kernels: 3, 3, 5, 3, 3, 3, 3, 3',
      ],
      [
        'a kernel size that no model uses',
        () =>
          altered('resnet18').map(([key, { shape }]) => {
            return [key, { shape: /layer\d\.\d\.conv1/.test(key) ? [...shape.slice(0, 2), 9, 9] : shape }]
          }),
        'its blocks begin with 9×9, not 3×3 or 5×5 or 7×7',
      ],
      [
        'a second shortcut',
        () => altered('resnet18', { 'layer2.0.shortcut.0.weight': [128, 64, 1, 1] }),
        'it is like resnet18, and has 1 keys that a ResNet lacks: layer2.0.shortcut.0.weight',
      ],
      [
        'a shortcut where the shape stays',
        () => altered('resnet18', { 'layer2.1.downsample.0.weight': [128, 128, 1, 1] }),
        'layer2.1 has a convolution in its shortcut, where no shape changes',
      ],
      [
        'convolutions of which some have a bias',
        () => altered('resnet18', { 'layer2.1.conv1.bias': [128] }),
        '1 of its 16 convolutions have a bias',
      ],
      [
        'an empty tensor',
        () => altered('resnet18', { 'conv1.weight': [0, 3, 7, 7] }),
        'there is no convolution in front of its residual blocks',
      ],
      [
        'groups that do not divide',
        () => altered('resnet50', { 'layer1.0.conv2.weight': [64, 48, 3, 3] }),
        'there is no convolution in front of its residual blocks',
      ],
    ]
    for (const [name, state, reason] of refused) {
      it(`refuses ${name}`, () => {
        assert.throws(
          () => detectArchitecture(state()),
          (error: { code: string; message: string }) => {
            assert.equal(error.code, 'TORCH_ARCHITECTURE')
            assert.equal(error.message.slice(0, 16 + reason.length), `No known model: ${reason}`)
            return true
          },
        )
      })
    }

    it('refuses what is no state dict', () => {
      assert.throws(() => detectArchitecture(7 as never), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a StateDict, or pairs of a key and a shape, for state, received 7',
      })
    })
  })
})

describe('createModel()', () => {
  for (const name of ['resnet18', 'resnext50_32x4d', 'resnet18Cifar']) {
    it(`builds ${name}, which takes the state that was detected`, () =>
      scope(() => {
        const model = createModel(detectArchitecture(altered(name)))

        assert.deepEqual(
          Array.from(model.stateDict(), ([key, { shape, dtype }]) => [key, { shape, dtype }]),
          altered(name),
        )
      }))
  }

  it('builds with the classes, channels, width and kernel that were detected', () =>
    scope(() => {
      const source = resnet18Cifar({ numClasses: 3, inputChannels: 1, width: 4, kernelSize: 5 })

      const model = createModel(detectArchitecture(source.stateDict()))

      assert.deepEqual(model.loadStateDict(source.stateDict()), { missingKeys: [], unexpectedKeys: [] })
    }))

  it('leaves the parameters unset with skipInit, and draws no random number for them', () =>
    scope(() => {
      const architecture = detectArchitecture(altered('resnet18'))
      const state = createModel(architecture).stateDict()
      manualSeed(5)
      const first = randn([4])
      manualSeed(5)

      const model = createModel(architecture, { skipInit: true })

      assert.ok(randn([4]).equal(first))
      model.loadStateDict(state)
      for (const [key, tensor] of model.stateDict()) assert.ok(tensor.equal(state.get(key) ?? tensor.neg()), key)
    }))

  it('refuses an unknown option', () => {
    const architecture = detectArchitecture(altered('resnet18'))

    assert.throws(() => createModel(architecture, { skip: true } as never), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected options among skipInit for createModel(), received "skip" (did you mean skipInit?)',
    })
  })

  it('refuses an architecture that does not fit together', () =>
    scope(() => {
      const architecture = detectArchitecture(altered('resnet18Cifar'))

      assert.ok(architecture.family !== 'torchvision')
      assert.throws(() => createModel({ ...architecture, kernelSize: 4 }), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected 3, 5 or 7 for kernelSize, received 4',
      })
      assert.throws(() => createModel({ ...architecture, family: 'vgg' as never }), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: `Expected one of 'resnet', 'resnet-cifar', 'preact-resnet', 'torchvision' for family, received "vgg"`,
      })
    }))
})
