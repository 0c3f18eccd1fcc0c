import { checkOptions, checkPositiveInteger, expected } from '../util/check.js'
import { BatchNorm2d } from '../nn/batchnorm.js'
import { Sequential } from '../nn/container.js'
import { Conv2d } from '../nn/conv.js'
import { avgPool2d, relu } from '../nn/functional.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import type { Tensor } from '../tensor/tensor.js'

/** Sizes of the first convolution of a block of the CIFAR ResNet, in the order of what they cost. */
export const CIFAR_KERNEL_SIZES = [3, 5, 7] as const

/** One of {@link CIFAR_KERNEL_SIZES}. */
export type CifarKernelSize = (typeof CIFAR_KERNEL_SIZES)[number]

/** Options of the CIFAR `BasicBlock`. */
export interface BasicBlockCifarOptions {
  /** Step of the first convolution. Default: `1`. */
  readonly stride?: number | undefined
  /** Size of the first convolution, padded to keep the size of the feature map. Default: `3`. */
  readonly kernelSize?: CifarKernelSize | undefined
}

/** Options of the CIFAR `ResNet` and its factories. */
export interface ResNetCifarOptions {
  /** Channels of the image. Default: `3`. */
  readonly inputChannels?: number | undefined
  /** Outputs of `linear`. Default: `10`. */
  readonly numClasses?: number | undefined
  /** Channels of the first stage; each of the next three has twice as many as the one before. Default: `64`. */
  readonly width?: number | undefined
  /** Size of each block's first convolution. Default: `3`. */
  readonly kernelSize?: CifarKernelSize | undefined
}

/**
 * Two convolutions beside a shortcut: maps (N, inPlanes, H, W) to (N, planes, H / stride, W / stride).
 *
 * State keys: `conv1`, `bn1`, `conv2`, `bn2`, and, where the shape changes, `shortcut.0`, `shortcut.1`. The package
 * exports it as `BasicBlockCifar`; it is called `BasicBlock` here because it prints so in Python.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for a kernel size other than 3, 5 or 7, or an unknown option.
 */
export class BasicBlock extends Module {
  static readonly expansion = 1

  readonly conv1: Conv2d
  readonly bn1: BatchNorm2d
  readonly conv2: Conv2d
  readonly bn2: BatchNorm2d
  readonly shortcut: Sequential

  constructor(inPlanes: number, planes: number, options: BasicBlockCifarOptions = {}) {
    super()
    checkOptions('BasicBlock', options, ['stride', 'kernelSize'])
    const { stride = 1, kernelSize = 3 } = options
    checkKernelSize(kernelSize)
    const reshapes = stride !== 1 || inPlanes !== planes

    this.conv1 = new Conv2d(inPlanes, planes, kernelSize, { stride, padding: (kernelSize - 1) / 2, bias: false })
    this.bn1 = new BatchNorm2d(planes)
    this.conv2 = new Conv2d(planes, planes, 3, { padding: 1, bias: false })
    this.bn2 = new BatchNorm2d(planes)
    this.shortcut = reshapes
      ? new Sequential(new Conv2d(inPlanes, planes, 1, { stride, bias: false }), new BatchNorm2d(planes))
      : new Sequential()
  }

  /** Maps (N, inPlanes, H, W) to (N, planes, H / stride, W / stride). */
  override forward(x: Tensor): Tensor {
    let out = relu(this.bn1.forward(this.conv1.forward(x)), { inplace: true })
    out = this.bn2.forward(this.conv2.forward(out))
    out.add_(this.shortcut.forward(x))
    return relu(out, { inplace: true })
  }
}

/**
 * The residual network for small images, as the CIFAR training scripts have it: maps (N, 3, 32, 32) to logits (N, numClasses).
 *
 * Images of 25 to 56 pixels a side end in one value per channel, which is what `linear` reads; 28 (MNIST) and 32 (CIFAR)
 * are usual. `layers` counts the blocks of the four stages. State keys: `conv1`, `bn1`, `layer1` to `layer4`
 * (`layer2.0.shortcut.0.weight`), `linear`. The package exports it as `ResNetCifar`; it is called `ResNet` here because
 * it prints so in Python.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an argument outside its range or an unknown option.
 */
export class ResNet extends Module {
  // Replaceable, as users of PyTorch replace the stem and the head; the order of keys stays.
  conv1: Conv2d
  bn1: BatchNorm2d
  layer1: Sequential
  layer2: Sequential
  layer3: Sequential
  layer4: Sequential
  linear: Module

  constructor(
    block: typeof BasicBlock,
    layers: readonly [number, number, number, number],
    options: ResNetCifarOptions = {},
  ) {
    super()
    checkOptions('ResNet', options, ['inputChannels', 'numClasses', 'width', 'kernelSize'])
    const { inputChannels = 3, numClasses = 10, width = 64, kernelSize = 3 } = options
    checkPositiveInteger('inputChannels', inputChannels)
    checkPositiveInteger('numClasses', numClasses)
    checkPositiveInteger('width', width)
    checkLayers(layers)

    this.conv1 = new Conv2d(inputChannels, width, 3, { padding: 1, bias: false })
    this.bn1 = new BatchNorm2d(width)
    this.layer1 = makeLayer(block, width, width, layers[0], 1, kernelSize)
    this.layer2 = makeLayer(block, width, 2 * width, layers[1], 2, kernelSize)
    this.layer3 = makeLayer(block, 2 * width, 4 * width, layers[2], 2, kernelSize)
    this.layer4 = makeLayer(block, 4 * width, 8 * width, layers[3], 2, kernelSize)
    this.linear = new Linear(8 * width * block.expansion, numClasses)
  }

  /** Maps (N, inputChannels, H, W) to logits (N, numClasses). */
  override forward(x: Tensor): Tensor {
    let out = relu(this.bn1.forward(this.conv1.forward(x)), { inplace: true })
    out = this.layer1.forward(out)
    out = this.layer2.forward(out)
    out = this.layer3.forward(out)
    out = this.layer4.forward(out)
    out = avgPool2d(out, 4)
    out = out.flatten(1)
    return this.linear.forward(out)
  }
}

/** Builds the ResNet-18 for small images, 11.2 million parameters. The package exports it as `resnet18Cifar`. */
export function resnet18(options: ResNetCifarOptions = {}): ResNet {
  return new ResNet(BasicBlock, [2, 2, 2, 2], options)
}

/** Builds the ResNet-34 for small images, 21.3 million parameters. The package exports it as `resnet34Cifar`. */
export function resnet34(options: ResNetCifarOptions = {}): ResNet {
  return new ResNet(BasicBlock, [3, 4, 6, 3], options)
}

function makeLayer(
  block: typeof BasicBlock,
  inPlanes: number,
  planes: number,
  blocks: number,
  stride: number,
  kernelSize: CifarKernelSize,
): Sequential {
  const stage = [new block(inPlanes, planes, { stride, kernelSize })]
  while (stage.length < blocks) stage.push(new block(planes, planes, { kernelSize }))
  return new Sequential(...stage)
}

function checkLayers(layers: unknown): void {
  const blocks = Array.isArray(layers) && layers.length === 4 && layers.every((n) => Number.isSafeInteger(n) && n > 0)
  if (!blocks) throw expected('four positive integers', 'layers', layers)
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `kernelSize` is 3, 5 or 7. */
export function checkKernelSize(kernelSize: unknown): CifarKernelSize {
  const size = CIFAR_KERNEL_SIZES.find((known) => known === kernelSize)
  if (size === undefined) throw expected('3, 5 or 7', 'kernelSize', kernelSize)
  return size
}
