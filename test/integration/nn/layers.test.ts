import * as nn from 'napi-torch'

import { describeLayers, type LayerCase } from '../../support/python_layers.js'

const IMAGES = [2, 4, 9, 8]
const IMAGE = [4, 9, 8]
const SEQUENCES = [2, 4, 9]

const layer = (python: string, make: () => nn.Module<unknown>, input: readonly number[] = IMAGES): LayerCase => ({
  ...{ python, make, input },
})
const training = (python: string, make: () => nn.Module<unknown>, input: readonly number[] = IMAGES): LayerCase => ({
  ...{ python, make, input, train: true },
})

describeLayers('activations beside Python', [
  layer('ReLU6()', () => new nn.ReLU6()),
  layer('ReLU6(inplace=True)', () => new nn.ReLU6({ inplace: true })),
  layer('Sigmoid()', () => new nn.Sigmoid()),
  layer('Tanh()', () => new nn.Tanh()),
  layer('SiLU()', () => new nn.SiLU()),
  layer('SiLU(inplace=True)', () => new nn.SiLU({ inplace: true })),
  layer('GELU()', () => new nn.GELU()),
  layer("GELU(approximate='tanh')", () => new nn.GELU({ approximate: 'tanh' })),
  layer('Hardswish()', () => new nn.Hardswish()),
  layer('Hardswish(inplace=True)', () => new nn.Hardswish({ inplace: true })),
  layer('Hardsigmoid()', () => new nn.Hardsigmoid()),
  layer('LeakyReLU()', () => new nn.LeakyReLU()),
  layer('LeakyReLU(0.2, inplace=True)', () => new nn.LeakyReLU(0.2, { inplace: true })),
  layer('ELU()', () => new nn.ELU()),
  layer('ELU(alpha=0.5, inplace=True)', () => new nn.ELU({ alpha: 0.5, inplace: true })),
  layer('PReLU()', () => new nn.PReLU()),
  layer('PReLU(4, init=0.1)', () => new nn.PReLU(4, { init: 0.1 })),
  layer('Softplus()', () => new nn.Softplus()),
  layer('Softplus(beta=2.0, threshold=1.0)', () => new nn.Softplus({ beta: 2, threshold: 1 })),
  layer('Mish()', () => new nn.Mish()),
  layer('LogSoftmax(dim=1)', () => new nn.LogSoftmax(1)),
])

describeLayers('normalizations beside Python', [
  layer('LayerNorm(8)', () => new nn.LayerNorm(8)),
  layer('LayerNorm((9, 8), eps=0.01)', () => new nn.LayerNorm([9, 8], { eps: 0.01 })),
  layer('LayerNorm([8], bias=False)', () => new nn.LayerNorm([8], { bias: false })),
  layer('LayerNorm(8, elementwise_affine=False)', () => new nn.LayerNorm(8, { elementwiseAffine: false })),
  layer('GroupNorm(2, 4)', () => new nn.GroupNorm(2, 4)),
  layer('GroupNorm(4, 4, eps=0.1, affine=False)', () => new nn.GroupNorm(4, 4, { eps: 0.1, affine: false }), SEQUENCES),
  layer('InstanceNorm2d(4)', () => new nn.InstanceNorm2d(4)),
  layer('InstanceNorm2d(4)', () => new nn.InstanceNorm2d(4), IMAGE),
  training('InstanceNorm2d(4, affine=True, track_running_stats=True)', () => {
    return new nn.InstanceNorm2d(4, { affine: true, trackRunningStats: true })
  }),
  training('InstanceNorm2d(4, momentum=None, track_running_stats=True)', () => {
    return new nn.InstanceNorm2d(4, { momentum: null, trackRunningStats: true })
  }),
  layer('InstanceNorm2d(4, track_running_stats=True)', () => new nn.InstanceNorm2d(4, { trackRunningStats: true })),
])

describeLayers('convolutions beside Python', [
  layer('Conv1d(4, 6, 3)', () => new nn.Conv1d(4, 6, 3), SEQUENCES),
  layer('Conv1d(4, 6, 3)', () => new nn.Conv1d(4, 6, [3]), [4, 9]),
  layer(
    'Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2, bias=False)',
    () => new nn.Conv1d(4, 6, 3, { stride: 2, padding: 1, dilation: 2, groups: 2, bias: false }),
    SEQUENCES,
  ),
  layer("Conv1d(4, 4, 4, padding='same')", () => new nn.Conv1d(4, 4, 4, { padding: 'same' }), SEQUENCES),
  layer("Conv1d(4, 4, 3, padding='valid')", () => new nn.Conv1d(4, 4, 3, { padding: 'valid' }), SEQUENCES),
  ...(['reflect', 'replicate', 'circular'] as const).map((paddingMode) =>
    layer(
      `Conv1d(4, 4, 4, padding='same', padding_mode='${paddingMode}')`,
      () => new nn.Conv1d(4, 4, 4, { padding: 'same', paddingMode }),
      SEQUENCES,
    ),
  ),
  layer('ConvTranspose2d(4, 6, 3)', () => new nn.ConvTranspose2d(4, 6, 3)),
  layer(
    'ConvTranspose2d(4, 6, (3, 2), stride=2, padding=1, output_padding=(1, 0), groups=2, dilation=(1, 2), bias=False)',
    () => {
      const options = { padding: 1, outputPadding: [1, 0], groups: 2, dilation: [1, 2], bias: false } as const
      return new nn.ConvTranspose2d(4, 6, [3, 2], { stride: 2, ...options })
    },
    IMAGE,
  ),
])

describeLayers('layers of shapes beside Python', [
  layer('ZeroPad2d(1)', () => new nn.ZeroPad2d(1)),
  layer('ZeroPad2d((1, 0, -1, 2))', () => new nn.ZeroPad2d([1, 0, -1, 2]), IMAGE),
  layer('ConstantPad2d((1, 2, 0, 1), 0.5)', () => new nn.ConstantPad2d([1, 2, 0, 1], 0.5)),
  layer('ReflectionPad2d((1, 2, 3, 4))', () => new nn.ReflectionPad2d([1, 2, 3, 4])),
  layer('ReplicationPad2d(2)', () => new nn.ReplicationPad2d(2)),
  layer('Upsample(scale_factor=2)', () => new nn.Upsample({ scaleFactor: 2 })),
  layer("Upsample(size=(4, 13), mode='bilinear', align_corners=True)", () => {
    return new nn.Upsample({ size: [4, 13], mode: 'bilinear', alignCorners: true })
  }),
  layer("Upsample(scale_factor=(1.5, 0.5), mode='bicubic')", () => {
    return new nn.Upsample({ scaleFactor: [1.5, 0.5], mode: 'bicubic' })
  }),
  layer("Upsample(size=5, mode='linear')", () => new nn.Upsample({ size: 5, mode: 'linear' }), SEQUENCES),
  layer('PixelShuffle(2)', () => new nn.PixelShuffle(2)),
  layer('PixelUnshuffle(2)', () => new nn.PixelUnshuffle(2), [2, 4, 6, 8]),
  layer('AdaptiveMaxPool2d(2)', () => new nn.AdaptiveMaxPool2d(2)),
  layer('AdaptiveMaxPool2d((None, 3))', () => new nn.AdaptiveMaxPool2d([null, 3]), IMAGE),
  layer('Unfold(3, padding=1)', () => new nn.Unfold(3, { padding: 1 })),
  layer('Unfold((2, 3), dilation=(2, 1), stride=2)', () => new nn.Unfold([2, 3], { dilation: [2, 1], stride: 2 })),
  layer('Unflatten(1, (2, 2))', () => new nn.Unflatten(1, [2, 2])),
  layer('Unflatten(-1, (2, -1))', () => new nn.Unflatten(-1, [2, -1])),
])

describeLayers('embeddings beside Python', [
  { python: 'Embedding(20, 3)', make: () => new nn.Embedding(20, 3), input: [2, 5], indices: true },
  {
    python: 'Embedding(20, 3, padding_idx=-20)',
    make: () => new nn.Embedding(20, 3, { paddingIdx: -20 }),
    input: [4],
    indices: true,
  },
])

describeLayers('layers of chance beside Python', [
  training('Dropout2d()', () => new nn.Dropout2d()),
  training('Dropout2d(0.25, inplace=True)', () => new nn.Dropout2d(0.25, { inplace: true })),
  layer('Dropout2d()', () => new nn.Dropout2d()),
  training("StochasticDepth(0.4, 'row')", () => new nn.StochasticDepth(0.4, 'row'), [8, 2, 3]),
  training("StochasticDepth(0.5, 'batch')", () => new nn.StochasticDepth(0.5, 'batch')),
  layer("StochasticDepth(0.5, 'batch')", () => new nn.StochasticDepth(0.5, 'batch')),
  training('DropPath(0.4)', () => new nn.DropPath(0.4), [8, 2, 3]),
  training('DropPath(0.25, scale_by_keep=False)', () => new nn.DropPath(0.25, { scaleByKeep: false }), [8, 2]),
])

describeLayers('containers beside Python', [
  {
    python: "ModuleDict({'conv': Conv2d(1, 2, 1), 'act': ReLU()})",
    make: () => new nn.ModuleDict<nn.Module>({ conv: new nn.Conv2d(1, 2, 1), act: new nn.ReLU() }),
    input: null,
  },
  { python: 'ModuleDict()', make: () => new nn.ModuleDict(), input: null },
  { python: 'ParameterList([])', make: () => new nn.ParameterList(), input: null },
  {
    python: 'ParameterList([torch.zeros(2, 3)])',
    make: () => new nn.ParameterList([nn.zeros([2, 3])]),
    input: null,
  },
  {
    python: 'ParameterList([torch.zeros(2, 3), torch.ones(1)])',
    make: () => new nn.ParameterList([nn.zeros([2, 3]), nn.ones([1])]),
    input: null,
  },
  {
    python: "ParameterDict({'left': Parameter(torch.zeros(2)), 'right': Parameter(torch.ones(1).double())})",
    make: () =>
      new nn.ParameterDict(
        new Map<string, nn.Tensor>([
          ['left', nn.zeros([2])],
          ['right', nn.ones([1]).double()],
        ]),
      ),
    input: null,
  },
])

const options = { batchFirst: true } as const

describeLayers('transformers beside Python', [
  layer(
    'TransformerEncoderLayer(8, 2, 16, batch_first=True)',
    () => new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16, ...options }),
    [2, 5, 8],
  ),
  training(
    "TransformerEncoderLayer(8, 4, 16, dropout=0.0, activation='gelu', norm_first=True)",
    () => new nn.TransformerEncoderLayer(8, 4, { dimFeedforward: 16, dropout: 0, activation: 'gelu', normFirst: true }),
    [5, 2, 8],
  ),
  { python: 'MultiheadAttention(8, 2)', make: () => new nn.MultiheadAttention(8, 2), input: null },
  {
    python: 'MultiheadAttention(8, 2, bias=False)',
    make: () => new nn.MultiheadAttention(8, 2, { bias: false }),
    input: null,
  },
])
