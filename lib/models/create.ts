import { checkBoolean, checkOneOf, checkOptions } from '../util/check.js'
import { skipInit } from '../nn/init.js'
import { checkKernelSize } from './resnet_cifar.js'
import { FAMILIES, type Architecture } from './architecture.js'
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
export function createModel(architecture: Architecture, options: CreateModelOptions = {}): ResNet | cifar.ResNet {
  checkOptions('createModel()', options, ['skipInit'])
  return checkBoolean('skipInit', options.skipInit ?? false) ? skipInit(() => build(architecture)) : build(architecture)
}

function build(architecture: Architecture): ResNet | cifar.ResNet {
  const { family, block, inputChannels, numClasses, width, groups, widthPerGroup, kernelSize } = architecture
  const layers = architecture.layers as readonly [number, number, number, number]
  if (checkOneOf('family', family, FAMILIES) === 'resnet') {
    const options = { inputChannels, numClasses, groups, widthPerGroup }
    return new ResNet(block === 'BasicBlock' ? BasicBlock : Bottleneck, layers, options)
  }
  const size = checkKernelSize(kernelSize)
  return new cifar.ResNet(cifar.BasicBlock, layers, { inputChannels, numClasses, width, kernelSize: size })
}
