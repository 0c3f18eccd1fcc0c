import { functional as F, type Tensor } from 'napi-torch'

import { dropNulls, operator, options, type Arguments, type Operator } from './arguments.js'
import { NotOffered } from './compare.js'

const INPLACE = { inplace: 'inplace' }
const inplace = (name: 'relu6' | 'silu' | 'mish' | 'hardswish' | 'hardsigmoid'): Operator =>
  operator('inplace', (x, given) => F[name](x, options(given, INPLACE)))
const scaled = (given: Arguments): Record<string, unknown> =>
  dropNulls(options(given, { weight: 'weight', bias: 'bias', eps: 'eps' }))

/** The functions that call operators by their schemas, by the names of OpInfo. */
export const FUNCTIONS: Readonly<Record<string, Operator>> = {
  'nn.functional.relu6': inplace('relu6'),
  'nn.functional.silu': inplace('silu'),
  'nn.functional.mish': inplace('mish'),
  'nn.functional.hardswish': inplace('hardswish'),
  'nn.functional.hardsigmoid': inplace('hardsigmoid'),
  'nn.functional.gelu': operator('approximate', (x, given) =>
    F.gelu(x, options(given, { approximate: 'approximate' })),
  ),
  'nn.functional.leaky_relu': operator('negative_slope inplace', (x, given) =>
    F.leakyRelu(x, options(given, { negative_slope: 'negativeSlope', ...INPLACE })),
  ),
  'nn.functional.elu': operator('alpha inplace', (x, given) =>
    F.elu(x, options(given, { alpha: 'alpha', ...INPLACE })),
  ),
  'nn.functional.hardtanh': operator('min_val max_val inplace', (x, given) =>
    F.hardtanh(x, options(given, { min_val: 'minVal', max_val: 'maxVal', ...INPLACE })),
  ),
  'nn.functional.prelu': operator('weight', (x, given) => F.prelu(x, given['weight'] as Tensor)),
  'nn.functional.softplus': operator('beta threshold', (x, given) =>
    F.softplus(x, options(given, { beta: 'beta', threshold: 'threshold' })),
  ),
  'nn.functional.layer_norm': operator('normalized_shape weight bias eps', (x, given) =>
    F.layerNorm(x, given['normalized_shape'] as number[], scaled(given)),
  ),
  'nn.functional.group_norm': operator('num_groups weight bias eps', (x, given) =>
    F.groupNorm(x, given['num_groups'] as number, scaled(given)),
  ),
  'nn.functional.instance_norm': operator(
    'running_mean running_var weight bias use_input_stats momentum eps',
    (x, given) => {
      const names = { running_mean: 'runningMean', running_var: 'runningVar', use_input_stats: 'useInputStats' }
      return F.instanceNorm(x, dropNulls({ ...options(given, { ...names, momentum: 'momentum' }), ...scaled(given) }))
    },
  ),
  'nn.functional.normalize': operator('p dim eps', (x, given) =>
    F.normalize(x, options(given, { p: 'p', dim: 'dim', eps: 'eps' })),
  ),
  'nn.functional.one_hot': operator('num_classes', (x, given) =>
    F.oneHot(x, options(given, { num_classes: 'numClasses' })),
  ),
  'nn.functional.conv1d': operator('weight bias stride padding dilation groups', (x, given) => {
    const names = { bias: 'bias', stride: 'stride', padding: 'padding', dilation: 'dilation', groups: 'groups' }
    return F.conv1d(x, given['weight'] as Tensor, dropNulls(options(given, names)))
  }),
  'nn.functional.conv_transpose2d': operator(
    'weight bias stride padding output_padding groups dilation',
    (x, given) => {
      const names = { bias: 'bias', stride: 'stride', padding: 'padding', groups: 'groups', dilation: 'dilation' }
      const given2d = options(given, { ...names, output_padding: 'outputPadding' })
      return F.convTranspose2d(x, given['weight'] as Tensor, dropNulls(given2d))
    },
  ),
  'nn.functional.pixel_shuffle': operator('upscale_factor', (x, given) =>
    F.pixelShuffle(x, given['upscale_factor'] as number),
  ),
  'nn.functional.pixel_unshuffle': operator('downscale_factor', (x, given) =>
    F.pixelUnshuffle(x, given['downscale_factor'] as number),
  ),
  'nn.functional.interpolate': operator(
    'size scale_factor mode align_corners recompute_scale_factor antialias',
    (x, given) => {
      const names = { size: 'size', scale_factor: 'scaleFactor', mode: 'mode', align_corners: 'alignCorners' }
      const others = { recompute_scale_factor: 'recomputeScaleFactor', antialias: 'antialias' }
      return F.interpolate(x, dropNulls(options(given, { ...names, ...others })))
    },
  ),
  'nn.functional.grid_sample': operator('grid mode padding_mode align_corners', (x, given) => {
    const names = { mode: 'mode', padding_mode: 'paddingMode', align_corners: 'alignCorners' }
    return F.gridSample(x, given['grid'] as Tensor, dropNulls(options(given, names)))
  }),
  'nn.functional.unfold': operator('kernel_size dilation padding stride', (x, given) =>
    F.unfold(
      x,
      given['kernel_size'] as number,
      options(given, { dilation: 'dilation', padding: 'padding', stride: 'stride' }),
    ),
  ),
  'nn.functional.adaptive_max_pool2d': operator('output_size return_indices', (x, given) => {
    if (given['return_indices'] === true) throw new NotOffered('return_indices')
    return F.adaptiveMaxPool2d(x, given['output_size'] as number)
  }),
  'nn.functional.scaled_dot_product_attention': operator(
    'key value attn_mask dropout_p is_causal scale enable_gqa',
    (x, given) => {
      const names = { attn_mask: 'attnMask', dropout_p: 'dropoutP', is_causal: 'isCausal' }
      const others = { scale: 'scale', enable_gqa: 'enableGqa' }
      if (Number(given['dropout_p'] ?? 0) > 0) throw new NotOffered('random numbers')
      const all = dropNulls(options(given, { ...names, ...others }))
      return F.scaledDotProductAttention(x, given['key'] as Tensor, given['value'] as Tensor, all)
    },
  ),
}
