import { checkOptions, checkPositiveInteger, checkBoolean, expected } from '../util/check.js'
import { BatchNorm2d } from '../nn/batchnorm.js'
import { Sequential } from '../nn/container.js'
import { Conv2d } from '../nn/conv.js'
import { adaptiveAvgPool2d, relu } from '../nn/functional.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import type { Tensor } from '../tensor/tensor.js'

/** Options of the blocks with pre-activation. */
export interface PreActBlockOptions {
  /** Step of the block's first 3×3 convolution. Default: `1`. */
  readonly stride?: number | undefined
}

/** A class of blocks: {@link PreActBlock}, {@link PreActBottleneck}, or one that takes the same arguments. */
export interface PreActBlockClass {
  /** Output channels of a block for each of its `planes`. */
  readonly expansion: number
  new (inPlanes: number, planes: number, options?: PreActBlockOptions): Module
}

/** Options of {@link PreActResNet}. */
export interface PreActResNetOptions {
  /** Channels of the image. Default: `3`. */
  readonly inputChannels?: number | undefined
  /** Outputs of `linear`. Default: `10`. */
  readonly numClasses?: number | undefined
  /** Channels of the first stage; each further one has twice as many as the one before. Default: `64`. */
  readonly width?: number | undefined
  /** Channels of the stem, where the first stage widens them, as in a wide ResNet. Default: `width`. */
  readonly stemWidth?: number | undefined
  /** Normalize the output of the last stage, as in the paper: state key `bn`. Default: `false`. */
  readonly finalNorm?: boolean | undefined
}

function makeShortcut(inPlanes: number, outPlanes: number, stride: number): Sequential | null {
  if (stride === 1 && inPlanes === outPlanes) return null
  return new Sequential(new Conv2d(inPlanes, outPlanes, 1, { stride, bias: false }))
}

/**
 * Two convolutions behind their normalizations, beside a shortcut: maps (N, inPlanes, H, W) to (N, planes, H / stride, W / stride).
 *
 * State keys: `bn1`, `conv1`, `bn2`, `conv2`, and, where the shape changes, `shortcut.0`. Follows
 * https://arxiv.org/abs/1603.05027, with the names of the CIFAR training scripts.
 */
export class PreActBlock extends Module {
  static readonly expansion = 1

  readonly bn1: BatchNorm2d
  readonly conv1: Conv2d
  readonly bn2: BatchNorm2d
  readonly conv2: Conv2d
  readonly shortcut: Sequential | null

  constructor(inPlanes: number, planes: number, options: PreActBlockOptions = {}) {
    super()
    checkOptions('PreActBlock', options, ['stride'], 'stride')
    const { stride = 1 } = options

    this.bn1 = new BatchNorm2d(inPlanes)
    this.conv1 = new Conv2d(inPlanes, planes, 3, { stride, padding: 1, bias: false })
    this.bn2 = new BatchNorm2d(planes)
    this.conv2 = new Conv2d(planes, planes, 3, { padding: 1, bias: false })
    this.shortcut = makeShortcut(inPlanes, planes, stride)
  }

  /** Maps (N, inPlanes, H, W) to (N, planes, H / stride, W / stride). */
  override forward(x: Tensor): Tensor {
    const active = relu(this.bn1.forward(x))
    // What is handed on unchanged is the input before its normalization.
    const identity = this.shortcut === null ? x : this.shortcut.forward(active)
    let out = this.conv1.forward(active)
    out = this.conv2.forward(relu(this.bn2.forward(out), { inplace: true }))
    return out.add_(identity)
  }
}

/**
 * 1×1, 3×3 and 1×1 convolutions behind their normalizations, beside a shortcut: maps (N, inPlanes, H, W) to
 * (N, 4 · planes, H / stride, W / stride).
 *
 * State keys: `bn1`, `conv1`, `bn2`, `conv2`, `bn3`, `conv3`, and, where the shape changes, `shortcut.0`.
 */
export class PreActBottleneck extends Module {
  static readonly expansion = 4

  readonly bn1: BatchNorm2d
  readonly conv1: Conv2d
  readonly bn2: BatchNorm2d
  readonly conv2: Conv2d
  readonly bn3: BatchNorm2d
  readonly conv3: Conv2d
  readonly shortcut: Sequential | null

  constructor(inPlanes: number, planes: number, options: PreActBlockOptions = {}) {
    super()
    checkOptions('PreActBottleneck', options, ['stride'], 'stride')
    const { stride = 1 } = options
    const outPlanes = PreActBottleneck.expansion * planes

    this.bn1 = new BatchNorm2d(inPlanes)
    this.conv1 = new Conv2d(inPlanes, planes, 1, { bias: false })
    this.bn2 = new BatchNorm2d(planes)
    this.conv2 = new Conv2d(planes, planes, 3, { stride, padding: 1, bias: false })
    this.bn3 = new BatchNorm2d(planes)
    this.conv3 = new Conv2d(planes, outPlanes, 1, { bias: false })
    this.shortcut = makeShortcut(inPlanes, outPlanes, stride)
  }

  /** Maps (N, inPlanes, H, W) to (N, 4 · planes, H / stride, W / stride). */
  override forward(x: Tensor): Tensor {
    const active = relu(this.bn1.forward(x))
    const identity = this.shortcut === null ? x : this.shortcut.forward(active)
    let out = this.conv1.forward(active)
    out = this.conv2.forward(relu(this.bn2.forward(out), { inplace: true }))
    out = this.conv3.forward(relu(this.bn3.forward(out), { inplace: true }))
    return out.add_(identity)
  }
}

/**
 * The residual network with pre-activation, for small images: maps (N, 3, H, W) to logits (N, numClasses).
 *
 * `layers` counts the blocks of its three or four stages. State keys: `conv1`, `layer1` to `layer4`, `bn` with `finalNorm`, and
 * `linear`. Follows https://arxiv.org/abs/1603.05027, with the names of the CIFAR training scripts; those of wide ResNets
 * (https://arxiv.org/abs/1605.07146) are this network with `stemWidth` and `finalNorm`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an argument outside its range or an unknown option.
 */
export class PreActResNet extends Module {
  // Replaceable, as users of PyTorch replace the stem and the head; the order of keys stays.
  conv1: Conv2d
  layer1: Sequential
  layer2: Sequential
  layer3: Sequential
  /** Null with three stages. */
  layer4: Sequential | null
  /** Null without `finalNorm`. */
  bn: BatchNorm2d | null
  linear: Module

  constructor(block: PreActBlockClass, layers: readonly number[], options: PreActResNetOptions = {}) {
    super()
    checkOptions(
      'PreActResNet',
      options,
      ['inputChannels', 'numClasses', 'width', 'stemWidth', 'finalNorm'],
      'numClasses',
    )
    const { inputChannels = 3, numClasses = 10, width = 64, stemWidth = width, finalNorm = false } = options
    checkPositiveInteger('inputChannels', inputChannels)
    checkPositiveInteger('numClasses', numClasses)
    checkPositiveInteger('width', width)
    checkPositiveInteger('stemWidth', stemWidth)
    checkBoolean('finalNorm', finalNorm)
    checkLayers(layers)
    const { expansion } = block
    const stage = (index: number): Sequential => {
      const planes = width * 2 ** index
      const inPlanes = index === 0 ? stemWidth : (planes / 2) * expansion
      const blocks = [new block(inPlanes, planes, { stride: index === 0 ? 1 : 2 })]
      while (blocks.length < (layers[index] ?? 0)) blocks.push(new block(planes * expansion, planes))
      return new Sequential(...blocks)
    }
    const features = 2 ** (layers.length - 1) * width * expansion

    this.conv1 = new Conv2d(inputChannels, stemWidth, 3, { padding: 1, bias: false })
    this.layer1 = stage(0)
    this.layer2 = stage(1)
    this.layer3 = stage(2)
    this.layer4 = layers.length === 4 ? stage(3) : null
    this.bn = finalNorm ? new BatchNorm2d(features) : null
    this.linear = new Linear(features, numClasses)
  }

  /** Maps (N, inputChannels, H, W) to logits (N, numClasses). */
  override forward(x: Tensor): Tensor {
    let out = this.conv1.forward(x)
    out = this.layer1.forward(out)
    out = this.layer2.forward(out)
    out = this.layer3.forward(out)
    out = this.layer4 === null ? out : this.layer4.forward(out)
    out = this.bn === null ? out : relu(this.bn.forward(out), { inplace: true })
    out = adaptiveAvgPool2d(out, 1).flatten(1)
    return this.linear.forward(out)
  }
}

/** Builds the ResNet-18 with pre-activation for small images, 11.2 million parameters. */
export function preactResnet18Cifar(options: PreActResNetOptions = {}): PreActResNet {
  return new PreActResNet(PreActBlock, [2, 2, 2, 2], options)
}

function checkLayers(layers: unknown): void {
  const isCounted = Array.isArray(layers) && layers.every((n) => Number.isSafeInteger(n) && n > 0)
  if (!isCounted || (layers.length !== 3 && layers.length !== 4)) {
    throw expected('three or four positive integers', 'layers', layers)
  }
}
