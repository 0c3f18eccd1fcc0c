import { checkBoolean, checkOptions, checkPositiveInteger, expected } from '../util/check.js'
import { ReLU } from '../nn/activation.js'
import { BatchNorm2d } from '../nn/batchnorm.js'
import { Sequential } from '../nn/container.js'
import { Conv2d } from '../nn/conv.js'
import { constant_, kaimingNormal_ } from '../nn/init.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { AdaptiveAvgPool2d, MaxPool2d } from '../nn/pooling.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkNetworkOptions } from './options.js'

/** Makes the normalization of `numFeatures` channels, as `(n) => new BatchNorm2d(n)` does. */
export type NormLayer = (numFeatures: number) => Module

/** A class of residual blocks: {@link BasicBlock}, {@link Bottleneck}, or one that takes the same arguments. */
export interface BlockClass {
  /** Output channels of a block for each of its `planes`. */
  readonly expansion: number
  new (inplanes: number, planes: number, options?: BlockOptions): Module
}

/** Options of {@link BasicBlock} and {@link Bottleneck}; names and defaults are torchvision's. */
export interface BlockOptions {
  /** Step of the 3×3 convolution that halves the feature map. Default: `1`. */
  readonly stride?: number | undefined
  /** Brings the input to the output's shape where they differ. Default: `null`, the identity. */
  readonly downsample?: Module | null | undefined
  /** Groups of the 3×3 convolution (ResNeXt). Default: `1`. */
  readonly groups?: number | undefined
  /** Channels of each group for 64 planes. Default: `64`. */
  readonly baseWidth?: number | undefined
  /** Spacing of the 3×3 convolution's taps. Default: `1`. */
  readonly dilation?: number | undefined
  /** Default: {@link BatchNorm2d}. */
  readonly normLayer?: NormLayer | undefined
}

/** Options of {@link ResNet} and its factories; names and defaults are torchvision's. */
export interface ResNetOptions {
  /** Channels of the image. Default: `3`. **Not in torchvision**, where users replace `conv1`. */
  readonly inputChannels?: number | undefined
  /** Channels of the stem and the first stage; each further stage has twice as many. Default: `64`. **Not in torchvision.** */
  readonly width?: number | undefined
  /** Outputs of `fc`. Default: `1000`. */
  readonly numClasses?: number | undefined
  /** Start each residual branch at zero (https://arxiv.org/abs/1706.02677). Default: `false`. */
  readonly zeroInitResidual?: boolean | undefined
  /** Groups of each block's 3×3 convolution. Default: `1`. */
  readonly groups?: number | undefined
  /** Channels of each group in the first stage. Default: `64`. */
  readonly widthPerGroup?: number | undefined
  /** Dilate instead of halving the feature map, in stages 2, 3 and 4. Default: `[false, false, false]`. */
  readonly replaceStrideWithDilation?: readonly [boolean, boolean, boolean] | undefined
  /** Default: {@link BatchNorm2d}. */
  readonly normLayer?: NormLayer | undefined
}

const BLOCK_OPTIONS = ['stride', 'downsample', 'groups', 'baseWidth', 'dilation', 'normLayer'] as const
const RESNET_OPTIONS = [
  'inputChannels',
  'width',
  'numClasses',
  'zeroInitResidual',
  'groups',
  'widthPerGroup',
  'replaceStrideWithDilation',
  'normLayer',
] as const

const batchNorm: NormLayer = (numFeatures) => new BatchNorm2d(numFeatures)

function conv3x3(inPlanes: number, outPlanes: number, stride = 1, groups = 1, dilation = 1): Conv2d {
  return new Conv2d(inPlanes, outPlanes, 3, { stride, padding: dilation, dilation, groups, bias: false })
}

function conv1x1(inPlanes: number, outPlanes: number, stride = 1): Conv2d {
  return new Conv2d(inPlanes, outPlanes, 1, { stride, bias: false })
}

/**
 * Two 3×3 convolutions beside a shortcut: maps (N, inplanes, H, W) to (N, planes, H / stride, W / stride).
 *
 * State keys: `conv1`, `bn1`, `conv2`, `bn2`, `downsample.0`, `downsample.1`. Follows `torchvision.models.resnet.BasicBlock`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for `groups`, `baseWidth` or `dilation` other than the defaults.
 */
export class BasicBlock extends Module {
  static readonly expansion = 1

  readonly conv1: Conv2d
  readonly bn1: Module
  readonly relu: ReLU
  readonly conv2: Conv2d
  readonly bn2: Module
  readonly downsample: Module | null
  readonly stride: number

  constructor(inplanes: number, planes: number, options: BlockOptions = {}) {
    super()
    checkOptions('BasicBlock', options, BLOCK_OPTIONS, 'stride')
    const { stride = 1, downsample = null, groups = 1, baseWidth = 64, dilation = 1, normLayer = batchNorm } = options
    if (groups !== 1) throw expected('1 (a BasicBlock has no groups)', 'groups', groups)
    if (baseWidth !== 64) throw expected('64 (a BasicBlock has no width of its own)', 'baseWidth', baseWidth)
    if (dilation !== 1) throw expected('1 (a BasicBlock cannot be dilated)', 'dilation', dilation)

    // Both conv1 and downsample shrink the feature map when stride is not 1.
    this.conv1 = conv3x3(inplanes, planes, stride)
    this.bn1 = normLayer(planes)
    this.relu = new ReLU({ inplace: true })
    this.conv2 = conv3x3(planes, planes)
    this.bn2 = normLayer(planes)
    this.downsample = downsample
    this.stride = stride
  }

  /** Maps (N, inplanes, H, W) to (N, planes, H / stride, W / stride). */
  override forward(x: Tensor): Tensor {
    let out = this.conv1.forward(x)
    out = this.bn1.forward(out)
    out = this.relu.forward(out)

    out = this.conv2.forward(out)
    out = this.bn2.forward(out)

    const identity = this.downsample === null ? x : this.downsample.forward(x)

    out.add_(identity)
    return this.relu.forward(out)
  }
}

/**
 * A 3×3 convolution between two 1×1 ones, beside a shortcut: maps (N, inplanes, H, W) to
 * (N, 4 · planes, H / stride, W / stride).
 *
 * The stride is at the 3×3 convolution, not at the first 1×1 as in the paper (https://arxiv.org/abs/1512.03385): "ResNet v1.5".
 *
 * State keys: `conv1`, `bn1`, `conv2`, `bn2`, `conv3`, `bn3`, `downsample.0`, `downsample.1`. Follows
 * `torchvision.models.resnet.Bottleneck`.
 */
export class Bottleneck extends Module {
  static readonly expansion = 4

  readonly conv1: Conv2d
  readonly bn1: Module
  readonly conv2: Conv2d
  readonly bn2: Module
  readonly conv3: Conv2d
  readonly bn3: Module
  readonly relu: ReLU
  readonly downsample: Module | null
  readonly stride: number

  constructor(inplanes: number, planes: number, options: BlockOptions = {}) {
    super()
    checkOptions('Bottleneck', options, BLOCK_OPTIONS, 'stride')
    const { stride = 1, downsample = null, groups = 1, baseWidth = 64, dilation = 1, normLayer = batchNorm } = options
    const width = Math.trunc(planes * (baseWidth / 64)) * groups

    // Both conv2 and downsample shrink the feature map when stride is not 1.
    this.conv1 = conv1x1(inplanes, width)
    this.bn1 = normLayer(width)
    this.conv2 = conv3x3(width, width, stride, groups, dilation)
    this.bn2 = normLayer(width)
    this.conv3 = conv1x1(width, planes * Bottleneck.expansion)
    this.bn3 = normLayer(planes * Bottleneck.expansion)
    this.relu = new ReLU({ inplace: true })
    this.downsample = downsample
    this.stride = stride
  }

  /** Maps (N, inplanes, H, W) to (N, 4 · planes, H / stride, W / stride). */
  override forward(x: Tensor): Tensor {
    let out = this.conv1.forward(x)
    out = this.bn1.forward(out)
    out = this.relu.forward(out)

    out = this.conv2.forward(out)
    out = this.bn2.forward(out)
    out = this.relu.forward(out)

    out = this.conv3.forward(out)
    out = this.bn3.forward(out)

    const identity = this.downsample === null ? x : this.downsample.forward(x)

    out.add_(identity)
    return this.relu.forward(out)
  }
}

/**
 * The residual network for images of any size, made for ImageNet: maps (N, 3, H, W) to logits (N, numClasses).
 *
 * `layers` counts the blocks of the four stages. State keys: `conv1`, `bn1`, `layer1` to `layer4` (`layer1.0.conv1.weight`), `fc`.
 * Follows `torchvision.models.resnet.ResNet`, its initialization included.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an argument outside its range or an unknown option.
 */
export class ResNet extends Module {
  // Replaceable, as users of PyTorch replace the stem and the head; the order of keys stays.
  conv1: Conv2d
  bn1: Module
  relu: ReLU
  maxpool: Module
  layer1: Sequential
  layer2: Sequential
  layer3: Sequential
  layer4: Sequential
  avgpool: Module
  fc: Module
  readonly groups: number
  readonly baseWidth: number
  #normLayer: NormLayer
  #inplanes: number
  #dilation = 1

  constructor(block: BlockClass, layers: readonly [number, number, number, number], options: ResNetOptions = {}) {
    super()
    checkResNetOptions(options)
    const {
      inputChannels = 3,
      width = 64,
      numClasses = 1000,
      zeroInitResidual = false,
      normLayer = batchNorm,
    } = options
    const { groups = 1, widthPerGroup = 64, replaceStrideWithDilation = [false, false, false] } = options
    checkPositiveInteger('inputChannels', inputChannels)
    checkPositiveInteger('width', width)
    checkPositiveInteger('numClasses', numClasses)
    checkBoolean('zeroInitResidual', zeroInitResidual)
    checkLayers(layers)
    checkDilation(replaceStrideWithDilation)

    this.groups = checkPositiveInteger('groups', groups)
    this.baseWidth = checkPositiveInteger('widthPerGroup', widthPerGroup)
    this.#normLayer = normLayer
    this.#inplanes = width
    this.conv1 = new Conv2d(inputChannels, this.#inplanes, 7, { stride: 2, padding: 3, bias: false })
    this.bn1 = normLayer(this.#inplanes)
    this.relu = new ReLU({ inplace: true })
    this.maxpool = new MaxPool2d(3, { stride: 2, padding: 1 })
    this.layer1 = this.#makeLayer(block, width, layers[0])
    this.layer2 = this.#makeLayer(block, 2 * width, layers[1], 2, replaceStrideWithDilation[0])
    this.layer3 = this.#makeLayer(block, 4 * width, layers[2], 2, replaceStrideWithDilation[1])
    this.layer4 = this.#makeLayer(block, 8 * width, layers[3], 2, replaceStrideWithDilation[2])
    this.avgpool = new AdaptiveAvgPool2d([1, 1])
    this.fc = new Linear(8 * width * block.expansion, numClasses)

    this.#initialize(zeroInitResidual)
  }

  /** Maps (N, inputChannels, H, W) to logits (N, numClasses). */
  override forward(x: Tensor): Tensor {
    x = this.conv1.forward(x)
    x = this.bn1.forward(x)
    x = this.relu.forward(x)
    x = this.maxpool.forward(x)

    x = this.layer1.forward(x)
    x = this.layer2.forward(x)
    x = this.layer3.forward(x)
    x = this.layer4.forward(x)

    x = this.avgpool.forward(x)
    x = x.flatten(1)
    return this.fc.forward(x)
  }

  #makeLayer(block: BlockClass, planes: number, blocks: number, stride = 1, dilate = false): Sequential {
    const { groups, baseWidth } = this
    const normLayer = this.#normLayer
    const outplanes = planes * block.expansion
    const previousDilation = this.#dilation
    if (dilate) {
      this.#dilation *= stride
      stride = 1
    }
    const downsample =
      stride !== 1 || this.#inplanes !== outplanes
        ? new Sequential(conv1x1(this.#inplanes, outplanes, stride), normLayer(outplanes))
        : null

    const first = { stride, downsample, groups, baseWidth, dilation: previousDilation, normLayer }
    const others = { groups, baseWidth, dilation: this.#dilation, normLayer }
    const stage = [new block(this.#inplanes, planes, first)]
    while (stage.length < blocks) stage.push(new block(outplanes, planes, others))
    this.#inplanes = outplanes
    return new Sequential(...stage)
  }

  #initialize(zeroInitResidual: boolean): void {
    for (const module of this.modules()) {
      if (module instanceof Conv2d) kaimingNormal_(module.weight, { mode: 'fan_out', nonlinearity: 'relu' })
      if (module instanceof BatchNorm2d) fillAffine(module, 1, 0)
    }
    if (!zeroInitResidual) return
    for (const module of this.modules()) {
      const last = module instanceof Bottleneck ? module.bn3 : module instanceof BasicBlock ? module.bn2 : null
      if (last instanceof BatchNorm2d) fillAffine(last, 0, 0)
    }
  }
}

/** Builds ResNet-18, 11.7 million parameters. Follows `torchvision.models.resnet18`. */
export function resnet18(options: ResNetOptions = {}): ResNet {
  return new ResNet(BasicBlock, [2, 2, 2, 2], options)
}

/** Builds ResNet-34, 21.8 million parameters. Follows `torchvision.models.resnet34`. */
export function resnet34(options: ResNetOptions = {}): ResNet {
  return new ResNet(BasicBlock, [3, 4, 6, 3], options)
}

/** Builds ResNet-50, 25.6 million parameters. Follows `torchvision.models.resnet50`. */
export function resnet50(options: ResNetOptions = {}): ResNet {
  return new ResNet(Bottleneck, [3, 4, 6, 3], options)
}

/** Builds ResNet-101, 44.5 million parameters. Follows `torchvision.models.resnet101`. */
export function resnet101(options: ResNetOptions = {}): ResNet {
  return new ResNet(Bottleneck, [3, 4, 23, 3], options)
}

/** Builds ResNet-152, 60.2 million parameters. Follows `torchvision.models.resnet152`. */
export function resnet152(options: ResNetOptions = {}): ResNet {
  return new ResNet(Bottleneck, [3, 8, 36, 3], options)
}

/** Builds ResNeXt-50 32×4d, 25.0 million parameters. Follows `torchvision.models.resnext50_32x4d`, whose name it keeps. */
export function resnext50_32x4d(options: ResNetOptions = {}): ResNet {
  return new ResNet(Bottleneck, [3, 4, 6, 3], fix(options, { groups: 32, widthPerGroup: 4 }))
}

/** Builds ResNeXt-101 32×8d, 88.8 million parameters. Follows `torchvision.models.resnext101_32x8d`, whose name it keeps. */
export function resnext101_32x8d(options: ResNetOptions = {}): ResNet {
  return new ResNet(Bottleneck, [3, 4, 23, 3], fix(options, { groups: 32, widthPerGroup: 8 }))
}

/** Builds ResNeXt-101 64×4d, 83.5 million parameters. Follows `torchvision.models.resnext101_64x4d`, whose name it keeps. */
export function resnext101_64x4d(options: ResNetOptions = {}): ResNet {
  return new ResNet(Bottleneck, [3, 4, 23, 3], fix(options, { groups: 64, widthPerGroup: 4 }))
}

/** Builds Wide ResNet-50-2, 68.9 million parameters. Follows `torchvision.models.wide_resnet50_2`, whose name it keeps. */
export function wide_resnet50_2(options: ResNetOptions = {}): ResNet {
  return new ResNet(Bottleneck, [3, 4, 6, 3], fix(options, { widthPerGroup: 128 }))
}

/** Builds Wide ResNet-101-2, 126.9 million parameters. Follows `torchvision.models.wide_resnet101_2`, whose name it keeps. */
export function wide_resnet101_2(options: ResNetOptions = {}): ResNet {
  return new ResNet(Bottleneck, [3, 4, 23, 3], fix(options, { widthPerGroup: 128 }))
}

function checkResNetOptions(options: ResNetOptions): void {
  checkNetworkOptions('ResNet', options, RESNET_OPTIONS)
}

// A name such as 32x4d is a promise: torchvision, too, refuses other values.
function fix(options: ResNetOptions, fixed: Pick<ResNetOptions, 'groups' | 'widthPerGroup'>): ResNetOptions {
  checkResNetOptions(options)
  for (const name of ['groups', 'widthPerGroup'] as const) {
    const value = options[name]
    if (fixed[name] === undefined || value === undefined || value === fixed[name]) continue
    throw expected(`${fixed[name]}, which the name of the model says,`, name, value)
  }
  return { ...options, ...fixed }
}

function fillAffine(norm: BatchNorm2d, weight: number, bias: number): void {
  if (norm.weight !== null) constant_(norm.weight, weight)
  if (norm.bias !== null) constant_(norm.bias, bias)
}

function checkLayers(layers: unknown): void {
  const blocks = Array.isArray(layers) && layers.length === 4 && layers.every((n) => Number.isSafeInteger(n) && n > 0)
  if (!blocks) throw expected('four positive integers', 'layers', layers)
}

function checkDilation(dilate: unknown): void {
  const flags = Array.isArray(dilate) && dilate.length === 3 && dilate.every((flag) => typeof flag === 'boolean')
  if (!flags) throw expected('three booleans', 'replaceStrideWithDilation', dilate)
}
