import { checkOneOf, checkOptions, checkPositiveInteger, expected } from '../util/check.js'
import { BatchNorm2d } from '../nn/batchnorm.js'
import { Sequential } from '../nn/container.js'
import { Conv2d } from '../nn/conv.js'
import { adaptiveAvgPool2d, avgPool2d, pad, relu } from '../nn/functional.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import type { Tensor } from '../tensor/tensor.js'

/** Sizes of the first convolution of a block of the CIFAR ResNet, in the order of what they cost. */
export const CIFAR_KERNEL_SIZES = [3, 5, 7] as const

/** One of {@link CIFAR_KERNEL_SIZES}. */
export type CifarKernelSize = (typeof CIFAR_KERNEL_SIZES)[number]

/** Shortcuts where the shape changes: a convolution (option B of the paper), or every second pixel and zeros (option A). */
export const CIFAR_SHORTCUTS = ['conv', 'pad'] as const

/** One of {@link CIFAR_SHORTCUTS}. */
export type CifarShortcut = (typeof CIFAR_SHORTCUTS)[number]

/** Options of the CIFAR `BasicBlock` and `Bottleneck`. */
export interface BasicBlockCifarOptions {
  /** Step of the first convolution. Default: `1`. */
  readonly stride?: number | undefined
  /** Size of the first convolution, padded to keep the size of the feature map. Default: `3`. */
  readonly kernelSize?: CifarKernelSize | undefined
  /** What stands beside the convolutions where the shape changes. Default: `conv`. */
  readonly shortcut?: CifarShortcut | undefined
}

/** Options of the CIFAR `ResNet` and its factories. */
export interface ResNetCifarOptions {
  /** Channels of the image. Default: `3`. */
  readonly inputChannels?: number | undefined
  /** Outputs of `linear`. Default: `10`. */
  readonly numClasses?: number | undefined
  /** Channels of the first stage; each further one has twice as many as the one before. Default: `64`, or 16 for three stages. */
  readonly width?: number | undefined
  /** Size of each block's first convolution. Default: `3`. */
  readonly kernelSize?: CifarKernelSize | undefined
  /** What stands beside the convolutions where the shape changes. Default: `conv`. */
  readonly shortcut?: CifarShortcut | undefined
}

/** A class of blocks: {@link BasicBlock}, {@link Bottleneck}, or one that takes the same arguments. */
export interface CifarBlockClass {
  /** Output channels of a block for each of its `planes`. */
  readonly expansion: number
  new (inPlanes: number, planes: number, options?: BasicBlockCifarOptions): Module
}

const BLOCK_OPTIONS = ['stride', 'kernelSize', 'shortcut'] as const

/**
 * Takes every second pixel of (N, C, H, W), and puts zeros around the channels: (N, planes, H / 2, W / 2). It has no parameters:
 * option A of the paper, https://arxiv.org/abs/1512.03385.
 */
export class PadShortcut extends Module {
  readonly planes: number
  readonly stride: number

  constructor(planes: number, stride: number) {
    super()
    this.planes = checkPositiveInteger('planes', planes)
    this.stride = checkPositiveInteger('stride', stride)
  }

  override forward(x: Tensor): Tensor {
    const missing = this.planes - (x.shape[1] ?? 0)
    const front = Math.floor(missing / 2)
    const { stride } = this
    return pad(x.slice(2, 0, undefined, stride).slice(3, 0, undefined, stride), [0, 0, 0, 0, front, missing - front])
  }
}

function makeShortcut(inPlanes: number, outPlanes: number, stride: number, kind: CifarShortcut): Module {
  if (stride === 1 && inPlanes === outPlanes) return new Sequential()
  if (kind === 'pad') return new PadShortcut(outPlanes, stride)
  return new Sequential(new Conv2d(inPlanes, outPlanes, 1, { stride, bias: false }), new BatchNorm2d(outPlanes))
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
  readonly shortcut: Module

  constructor(inPlanes: number, planes: number, options: BasicBlockCifarOptions = {}) {
    super()
    checkOptions('BasicBlock', options, BLOCK_OPTIONS, 'stride')
    const { stride = 1, kernelSize = 3, shortcut = 'conv' } = options
    checkKernelSize(kernelSize)
    checkOneOf('shortcut', shortcut, CIFAR_SHORTCUTS)

    this.conv1 = new Conv2d(inPlanes, planes, kernelSize, { stride, padding: (kernelSize - 1) / 2, bias: false })
    this.bn1 = new BatchNorm2d(planes)
    this.conv2 = new Conv2d(planes, planes, 3, { padding: 1, bias: false })
    this.bn2 = new BatchNorm2d(planes)
    this.shortcut = makeShortcut(inPlanes, planes, stride, shortcut)
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
 * A 3×3 convolution between two 1×1 ones, beside a shortcut: maps (N, inPlanes, H, W) to (N, 4 · planes, H / stride, W / stride).
 *
 * State keys: `conv1`, `bn1`, `conv2`, `bn2`, `conv3`, `bn3`, and, where the shape changes, `shortcut.0`, `shortcut.1`. The
 * package exports it as `BottleneckCifar`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an unknown option, or a kernel size other than 3.
 */
export class Bottleneck extends Module {
  static readonly expansion = 4

  readonly conv1: Conv2d
  readonly bn1: BatchNorm2d
  readonly conv2: Conv2d
  readonly bn2: BatchNorm2d
  readonly conv3: Conv2d
  readonly bn3: BatchNorm2d
  readonly shortcut: Module

  constructor(inPlanes: number, planes: number, options: BasicBlockCifarOptions = {}) {
    super()
    checkOptions('Bottleneck', options, BLOCK_OPTIONS, 'stride')
    const { stride = 1, kernelSize = 3, shortcut = 'conv' } = options
    if (kernelSize !== 3) throw expected('3 (a Bottleneck has no other)', 'kernelSize', kernelSize)
    checkOneOf('shortcut', shortcut, CIFAR_SHORTCUTS)
    const outPlanes = Bottleneck.expansion * planes

    this.conv1 = new Conv2d(inPlanes, planes, 1, { bias: false })
    this.bn1 = new BatchNorm2d(planes)
    this.conv2 = new Conv2d(planes, planes, 3, { stride, padding: 1, bias: false })
    this.bn2 = new BatchNorm2d(planes)
    this.conv3 = new Conv2d(planes, outPlanes, 1, { bias: false })
    this.bn3 = new BatchNorm2d(outPlanes)
    this.shortcut = makeShortcut(inPlanes, outPlanes, stride, shortcut)
  }

  /** Maps (N, inPlanes, H, W) to (N, 4 · planes, H / stride, W / stride). */
  override forward(x: Tensor): Tensor {
    let out = relu(this.bn1.forward(this.conv1.forward(x)), { inplace: true })
    out = relu(this.bn2.forward(this.conv2.forward(out)), { inplace: true })
    out = this.bn3.forward(this.conv3.forward(out))
    out.add_(this.shortcut.forward(x))
    return relu(out, { inplace: true })
  }
}

/**
 * The residual network for small images, as the CIFAR training scripts have it: maps (N, 3, 32, 32) to logits (N, numClasses).
 *
 * With four stages, images of 25 to 56 pixels a side end in one value per channel, which is what `linear` reads; 28 (MNIST) and
 * 32 (CIFAR) are usual. With three stages, as in the paper (https://arxiv.org/abs/1512.03385, section 4.2), images of any size do.
 * `layers` counts the blocks of each stage. State keys: `conv1`, `bn1`, `layer1` to `layer4`
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
  /** Null with three stages. */
  layer4: Sequential | null
  linear: Module

  constructor(block: CifarBlockClass, layers: readonly number[], options: ResNetCifarOptions = {}) {
    super()
    checkOptions('ResNet', options, ['inputChannels', 'numClasses', 'width', 'kernelSize', 'shortcut'], 'numClasses')
    checkLayers(layers)
    const { inputChannels = 3, numClasses = 10, width = layers.length === 3 ? 16 : 64 } = options
    const { kernelSize = 3, shortcut = 'conv' } = options
    checkPositiveInteger('inputChannels', inputChannels)
    checkPositiveInteger('numClasses', numClasses)
    checkPositiveInteger('width', width)

    this.conv1 = new Conv2d(inputChannels, width, 3, { padding: 1, bias: false })
    this.bn1 = new BatchNorm2d(width)
    const { expansion } = block
    const stage = (index: number): Sequential => {
      const planes = width * 2 ** index
      const inPlanes = index === 0 ? width : (planes / 2) * expansion
      const same = { kernelSize, shortcut }
      const blocks = [new block(inPlanes, planes, { ...same, stride: index === 0 ? 1 : 2 })]
      while (blocks.length < (layers[index] ?? 0)) blocks.push(new block(planes * expansion, planes, same))
      return new Sequential(...blocks)
    }
    this.layer1 = stage(0)
    this.layer2 = stage(1)
    this.layer3 = stage(2)
    this.layer4 = layers.length === 4 ? stage(3) : null
    this.linear = new Linear(2 ** (layers.length - 1) * width * expansion, numClasses)
  }

  /** Maps (N, inputChannels, H, W) to logits (N, numClasses). */
  override forward(x: Tensor): Tensor {
    let out = relu(this.bn1.forward(this.conv1.forward(x)), { inplace: true })
    out = this.layer1.forward(out)
    out = this.layer2.forward(out)
    out = this.layer3.forward(out)
    out = this.layer4 === null ? out : this.layer4.forward(out)
    out = this.layer4 === null ? adaptiveAvgPool2d(out, 1) : avgPool2d(out, 4)
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

/** Builds the ResNet-20 of the paper for small images, 0.27 million parameters. The package exports it as `resnet20Cifar`. */
export function resnet20(options: ResNetCifarOptions = {}): ResNet {
  return new ResNet(BasicBlock, [3, 3, 3], options)
}

/** Builds the ResNet-32 of the paper for small images, 0.46 million parameters. The package exports it as `resnet32Cifar`. */
export function resnet32(options: ResNetCifarOptions = {}): ResNet {
  return new ResNet(BasicBlock, [5, 5, 5], options)
}

/** Builds the ResNet-44 of the paper for small images, 0.66 million parameters. The package exports it as `resnet44Cifar`. */
export function resnet44(options: ResNetCifarOptions = {}): ResNet {
  return new ResNet(BasicBlock, [7, 7, 7], options)
}

/** Builds the ResNet-56 of the paper for small images, 0.85 million parameters. The package exports it as `resnet56Cifar`. */
export function resnet56(options: ResNetCifarOptions = {}): ResNet {
  return new ResNet(BasicBlock, [9, 9, 9], options)
}

/** Builds the ResNet-110 of the paper for small images, 1.7 million parameters. The package exports it as `resnet110Cifar`. */
export function resnet110(options: ResNetCifarOptions = {}): ResNet {
  return new ResNet(BasicBlock, [18, 18, 18], options)
}

function checkLayers(layers: unknown): void {
  const isCounted = Array.isArray(layers) && layers.every((n) => Number.isSafeInteger(n) && n > 0)
  if (!isCounted || (layers.length !== 3 && layers.length !== 4)) {
    throw expected('three or four positive integers', 'layers', layers)
  }
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `kernelSize` is 3, 5 or 7. */
export function checkKernelSize(kernelSize: unknown): CifarKernelSize {
  const size = CIFAR_KERNEL_SIZES.find((known) => known === kernelSize)
  if (size === undefined) throw expected('3, 5 or 7', 'kernelSize', kernelSize)
  return size
}
