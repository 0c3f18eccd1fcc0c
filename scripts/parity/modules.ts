import * as torch from 'napi-torch'
import type { DType, Module, Tensor } from 'napi-torch'

import { isTensor } from '../../lib/nn/checks.js'
import { NotOffered } from './compare.js'
import type { Arguments } from './operators.js'

/** The arguments of a constructor: those before the options, and the names of the options by PyTorch's. */
interface Constructor {
  readonly required: readonly string[]
  readonly optional: Readonly<Record<string, string>>
}

const BATCH_NORM: Constructor = {
  required: ['num_features'],
  optional: { eps: 'eps', momentum: 'momentum', affine: 'affine', track_running_stats: 'trackRunningStats' },
}

const INPLACE: Constructor = { required: [], optional: { inplace: 'inplace' } }
const NONE: Constructor = { required: [], optional: {} }
const CONV: Constructor = {
  required: ['in_channels', 'out_channels', 'kernel_size'],
  optional: {
    ...{ stride: 'stride', padding: 'padding', dilation: 'dilation', groups: 'groups', bias: 'bias' },
    padding_mode: 'paddingMode',
  },
}

/** The modules of this package by PyTorch's names. */
export const MODULES: Readonly<Record<string, Constructor>> = {
  Linear: { required: ['in_features', 'out_features'], optional: { bias: 'bias' } },
  Conv2d: CONV,
  BatchNorm1d: BATCH_NORM,
  BatchNorm2d: BATCH_NORM,
  ReLU: INPLACE,
  ReLU6: INPLACE,
  SiLU: INPLACE,
  Mish: INPLACE,
  Hardswish: INPLACE,
  Hardsigmoid: INPLACE,
  Sigmoid: NONE,
  Tanh: NONE,
  GELU: { required: [], optional: { approximate: 'approximate' } },
  LeakyReLU: { required: [], optional: { negative_slope: 'negativeSlope', inplace: 'inplace' } },
  ELU: { required: [], optional: { alpha: 'alpha', inplace: 'inplace' } },
  PReLU: { required: [], optional: { num_parameters: 'numParameters', init: 'init' } },
  Softplus: { required: [], optional: { beta: 'beta', threshold: 'threshold' } },
  Softmax: { required: ['dim'], optional: {} },
  LogSoftmax: { required: ['dim'], optional: {} },
  LayerNorm: {
    required: ['normalized_shape'],
    optional: { eps: 'eps', elementwise_affine: 'elementwiseAffine', bias: 'bias' },
  },
  GroupNorm: { required: ['num_groups', 'num_channels'], optional: { eps: 'eps', affine: 'affine', bias: 'bias' } },
  InstanceNorm2d: BATCH_NORM,
  Conv1d: CONV,
  ConvTranspose2d: {
    required: CONV.required,
    optional: {
      ...{ stride: 'stride', padding: 'padding', output_padding: 'outputPadding', groups: 'groups', bias: 'bias' },
      dilation: 'dilation',
    },
  },
  ZeroPad2d: { required: ['padding'], optional: {} },
  ReflectionPad2d: { required: ['padding'], optional: {} },
  ReplicationPad2d: { required: ['padding'], optional: {} },
  ConstantPad2d: { required: ['padding', 'value'], optional: {} },
  AdaptiveMaxPool2d: { required: ['output_size'], optional: {} },
  Embedding: { required: ['num_embeddings', 'embedding_dim'], optional: { padding_idx: 'paddingIdx' } },
  MaxPool2d: {
    required: ['kernel_size'],
    optional: { stride: 'stride', padding: 'padding', dilation: 'dilation', ceil_mode: 'ceilMode' },
  },
  AvgPool2d: {
    required: ['kernel_size'],
    optional: {
      ...{ stride: 'stride', padding: 'padding', ceil_mode: 'ceilMode', count_include_pad: 'countIncludePad' },
      divisor_override: 'divisorOverride',
    },
  },
  AdaptiveAvgPool2d: { required: ['output_size'], optional: {} },
}

type Make = new (...args: readonly unknown[]) => Module

/** How a module was made. */
export interface ModuleCase {
  readonly args: readonly unknown[]
  readonly kwargs: Arguments
  readonly state: Arguments
  readonly dtype: DType
  readonly training: boolean
}

/** Makes a module as PyTorch's was made, with its state. */
export function makeModule(name: string, { args, kwargs, state, dtype, training }: ModuleCase): Module {
  const constructor = MODULES[name]
  const make = (torch as unknown as Readonly<Record<string, Make>>)[name]
  if (constructor === undefined || make === undefined) throw new NotOffered('no such module')
  const { required, optional } = constructor
  const names = [...required, ...Object.keys(optional)]
  if (args.length > names.length) throw new NotOffered('more arguments')
  const given: Record<string, unknown> = {
    ...(Object.fromEntries(args.map((value, index) => [names[index], value])) as Arguments),
    ...kwargs,
  }
  const unknown = Object.keys(given).find((key) => !names.includes(key))
  if (unknown !== undefined) throw new NotOffered(`${unknown}=`)
  const options = Object.entries(optional).flatMap(([key, ours]): [string, unknown][] => {
    return given[key] === undefined ? [] : [[ours, given[key]]]
  })
  const positional = [
    ...required.map((key) => given[key]),
    ...(options.length === 0 ? [] : [Object.fromEntries(options) as object]),
  ]
  const module = new make(...positional)
  module.to(dtype)
  module.loadStateDict(new Map(Object.entries(state).filter((entry): entry is [string, Tensor] => isTensor(entry[1]))))
  return module.train(training)
}
