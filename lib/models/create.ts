import { checkBoolean, checkOneOf, checkOptions, expected, isOptions } from '../util/check.js'
import { skipInit } from '../nn/init.js'
import type { Module } from '../nn/module.js'
import { FAMILIES, type Architecture, type NamedArchitecture, type ResNetArchitecture } from './architecture.js'
import { buildByName, type BUILDERS, type ModelName } from './builders.js'
import { applyDepartures } from './departures.js'
import { PreActBlock, PreActBottleneck, PreActResNet } from './preact_resnet.js'
import { BasicBlock, Bottleneck, ResNet } from './resnet.js'
import * as cifar from './resnet_cifar.js'

/** Options of {@link createModel}. */
export interface CreateModelOptions {
  /** Leave the parameters unset, for a state dict to fill: see `init.skipInit`. Default: `false`. */
  readonly skipInit?: boolean | undefined
}

/** Options of {@link createModel} where it is given a name: those of the function of that name, and `skipInit`. */
export type NamedModelOptions<N extends ModelName> = CreateModelOptions &
  NonNullable<Parameters<(typeof BUILDERS)[N]>[0]>

/**
 * Builds the model of an architecture, or the one of torchvision's that has that name, in training mode and freshly
 * initialized. Its keys have no prefix.
 *
 * @example
 * createModel('mobilenet_v3_small', { numClasses: 10 })
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if there is no model of that name, or if the architecture was written by hand and
 * does not fit together.
 */
export function createModel<N extends ModelName>(
  name: N,
  options?: NamedModelOptions<N>,
): ReturnType<(typeof BUILDERS)[N]>
export function createModel(
  architecture: ResNetArchitecture,
  options?: CreateModelOptions,
): ResNet | cifar.ResNet | PreActResNet
export function createModel(architecture: Architecture, options?: CreateModelOptions): Module
export function createModel(architecture: Architecture | string, options: CreateModelOptions = {}): Module {
  if (typeof architecture === 'string') {
    if (!isOptions(options, ['skipInit'])) throw expected('an options object', 'createModel()', options)
    const { skipInit: isEmpty = false, ...own } = options
    const build = (): Module => buildByName(architecture, own)
    return checkBoolean('skipInit', isEmpty) ? skipInit(build) : build()
  }
  if (typeof architecture !== 'object' || (architecture as unknown) === null) {
    throw expected('an Architecture, or the name of a model,', 'architecture', architecture)
  }
  checkOptions('createModel()', options, ['skipInit'])
  const build = (): Module => {
    if (architecture.family === 'torchvision') return buildNamed(architecture)
    const model = buildReference(architecture)
    applyDepartures(model, architecture)
    return model
  }
  return checkBoolean('skipInit', options.skipInit ?? false) ? skipInit(build) : build()
}

function buildNamed({ name, numClasses, inputChannels, options }: NamedArchitecture): Module {
  return buildByName(name, { ...options, numClasses, inputChannels })
}

/** Builds the model of a family, with the sizes of an architecture and nothing replaced. */
function buildReference(architecture: ResNetArchitecture): ResNet | cifar.ResNet | PreActResNet {
  const { family, block, layers, inputChannels, width, groups, widthPerGroup, kernelSize, departures } = architecture
  // A model without a head gets one, which is taken away.
  const numClasses = Math.max(1, architecture.numClasses)
  const isBasic = block === 'BasicBlock'
  switch (checkOneOf('family', family, FAMILIES)) {
    case 'resnet': {
      const [one, two, three, four, ...more] = layers
      if (one === undefined || two === undefined || three === undefined || four === undefined || more.length > 0) {
        throw expected('four positive integers', 'layers', layers)
      }
      const options = { inputChannels, numClasses, width, groups, widthPerGroup }
      return new ResNet(isBasic ? BasicBlock : Bottleneck, [one, two, three, four], options)
    }
    case 'resnet-cifar': {
      const shortcut = departures?.shortcut === 'pad' ? 'pad' : 'conv'
      const options = {
        inputChannels,
        numClasses,
        width,
        kernelSize: cifar.checkKernelSize(kernelSize),
        shortcut,
      } as const
      return new cifar.ResNet(isBasic ? cifar.BasicBlock : cifar.Bottleneck, layers, options)
    }
    case 'preact-resnet': {
      const { finalNorm, stemWidth = width } = departures ?? {}
      const options = { inputChannels, numClasses, width, stemWidth, finalNorm: finalNorm === true }
      return new PreActResNet(isBasic ? PreActBlock : PreActBottleneck, layers, options)
    }
    case 'torchvision':
      throw expected('an Architecture, or the name of a model,', 'architecture', architecture)
  }
}
