import { checkBoolean, checkOneOf, checkOptions, expected } from '../util/check.js'
import { skipInit } from '../nn/init.js'
import { FAMILIES, type Architecture } from './architecture.js'
import { applyDepartures } from './departures.js'
import { PreActBlock, PreActBottleneck, PreActResNet } from './preact_resnet.js'
import { BasicBlock, Bottleneck, ResNet } from './resnet.js'
import * as cifar from './resnet_cifar.js'

/** Options of {@link createModel}. */
export interface CreateModelOptions {
  /** Leave the parameters unset, for a state dict to fill: see `init.skipInit`. Default: `false`. */
  readonly skipInit?: boolean | undefined
}

/**
 * Builds the model of an architecture, in training mode and freshly initialized. Its keys have no prefix.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the architecture was written by hand and does not fit together.
 */
export function createModel(
  architecture: Architecture,
  options: CreateModelOptions = {},
): ResNet | cifar.ResNet | PreActResNet {
  if (typeof architecture !== 'object' || (architecture as unknown) === null) {
    throw expected('an Architecture', 'architecture', architecture)
  }
  checkOptions('createModel()', options, ['skipInit'])
  const build = (): ResNet | cifar.ResNet | PreActResNet => {
    const model = buildReference(architecture)
    applyDepartures(model, architecture)
    return model
  }
  return checkBoolean('skipInit', options.skipInit ?? false) ? skipInit(build) : build()
}

/** Builds the model of a family, with the sizes of an architecture and nothing replaced. */
function buildReference(architecture: Architecture): ResNet | cifar.ResNet | PreActResNet {
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
  }
}
