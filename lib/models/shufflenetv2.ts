import { expected } from '../util/check.js'
import { ReLU } from '../nn/activation.js'
import { BatchNorm2d } from '../nn/batchnorm.js'
import { Sequential } from '../nn/container.js'
import { Conv2d } from '../nn/conv.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { MaxPool2d } from '../nn/pooling.js'
import { cat } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import { readNetworkOptions, type NetworkOptions } from './options.js'

/** Options of {@link ShuffleNetV2} and its factories; names and defaults are torchvision's. */
export type ShuffleNetV2Options = NetworkOptions

/** Channels of the first convolution, of the three stages, and of the last convolution. */
export type ShuffleNetV2Channels = readonly [number, number, number, number, number]

const GROUPS = 2

function conv1x1(input: number, out: number): Conv2d {
  return new Conv2d(input, out, 1, { bias: false })
}

function depthwise(channels: number, stride: number): Conv2d {
  return new Conv2d(channels, channels, 3, { stride, padding: 1, bias: false, groups: channels })
}

/** Takes a channel of each half in turn. */
function channelShuffle(x: Tensor): Tensor {
  const [count = 0, channels = 0, height = 0, width = 0] = x.shape
  return x
    .reshape([count, GROUPS, channels / GROUPS, height, width])
    .transpose(1, 2)
    .reshape([count, channels, height, width])
}

/** Convolves one half of the channels, or both where the feature map is halved: Fig. 3 (c) and (d) of the paper. */
class InvertedResidual extends Module {
  readonly branch1: Sequential
  readonly branch2: Sequential
  readonly #stride: number

  constructor(inp: number, oup: number, stride: number) {
    super()
    const features = Math.floor(oup / 2)
    this.branch1 =
      stride > 1
        ? new Sequential(
            depthwise(inp, stride),
            new BatchNorm2d(inp),
            conv1x1(inp, features),
            new BatchNorm2d(features),
            new ReLU({ inplace: true }),
          )
        : new Sequential()
    this.branch2 = new Sequential(
      conv1x1(stride > 1 ? inp : features, features),
      new BatchNorm2d(features),
      new ReLU({ inplace: true }),
      depthwise(features, stride),
      new BatchNorm2d(features),
      conv1x1(features, features),
      new BatchNorm2d(features),
      new ReLU({ inplace: true }),
    )
    this.#stride = stride
  }

  override forward(x: Tensor): Tensor {
    if (this.#stride > 1) return channelShuffle(cat([this.branch1.forward(x), this.branch2.forward(x)], 1))
    const [left = x, right = x] = x.chunk(2, 1)
    return channelShuffle(cat([left, this.branch2.forward(right)], 1))
  }
}

/**
 * ShuffleNetV2 (https://arxiv.org/abs/1807.11164): maps (N, 3, H, W) to logits (N, numClasses).
 *
 * State keys: `conv1`, `stage2` to `stage4` (`stage2.0.branch1.0.weight`), `conv5`, `fc`. Follows
 * `torchvision.models.ShuffleNetV2`, its initialization included.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an argument outside its range or an unknown option.
 */
export class ShuffleNetV2 extends Module {
  conv1: Sequential
  maxpool: MaxPool2d
  stage2: Sequential
  stage3: Sequential
  stage4: Sequential
  conv5: Sequential
  fc: Module

  constructor(
    repeats: readonly [number, number, number],
    channels: ShuffleNetV2Channels,
    options: ShuffleNetV2Options = {},
  ) {
    super()
    const { inputChannels, numClasses } = readNetworkOptions('ShuffleNetV2', options, [])
    checkPositive('three', 'repeats', repeats)
    checkPositive('five', 'channels', channels)

    const [first, two, three, four, last] = channels
    this.conv1 = new Sequential(
      new Conv2d(inputChannels, first, 3, { stride: 2, padding: 1, bias: false }),
      new BatchNorm2d(first),
      new ReLU({ inplace: true }),
    )
    this.maxpool = new MaxPool2d(3, { stride: 2, padding: 1 })
    this.stage2 = makeStage(first, two, repeats[0])
    this.stage3 = makeStage(two, three, repeats[1])
    this.stage4 = makeStage(three, four, repeats[2])
    this.conv5 = new Sequential(conv1x1(four, last), new BatchNorm2d(last), new ReLU({ inplace: true }))
    this.fc = new Linear(last, numClasses)
  }

  /** Maps (N, inputChannels, H, W) to logits (N, numClasses). */
  override forward(x: Tensor): Tensor {
    x = this.conv1.forward(x)
    x = this.maxpool.forward(x)
    x = this.stage2.forward(x)
    x = this.stage3.forward(x)
    x = this.stage4.forward(x)
    x = this.conv5.forward(x)
    x = x.mean([2, 3])
    return this.fc.forward(x)
  }
}

function makeStage(input: number, out: number, repeats: number): Sequential {
  return new Sequential(
    ...Array.from({ length: repeats }, (_, block) => {
      return block === 0 ? new InvertedResidual(input, out, 2) : new InvertedResidual(out, out, 1)
    }),
  )
}

function checkPositive(count: 'three' | 'five', name: string, value: unknown): void {
  const isList = Array.isArray(value) && value.length === (count === 'three' ? 3 : 5)
  if (!isList || !value.every((n) => Number.isSafeInteger(n) && Number(n) > 0)) {
    throw expected(`${count} positive integers`, name, value)
  }
}

const REPEATS = [4, 8, 4] as const

/** Builds ShuffleNetV2 0.5×, 1.4 million parameters. Follows `torchvision.models.shufflenet_v2_x0_5`, whose name it keeps. */
export function shufflenet_v2_x0_5(options: ShuffleNetV2Options = {}): ShuffleNetV2 {
  return new ShuffleNetV2(REPEATS, [24, 48, 96, 192, 1024], options)
}

/** Builds ShuffleNetV2 1.0×, 2.3 million parameters. Follows `torchvision.models.shufflenet_v2_x1_0`, whose name it keeps. */
export function shufflenet_v2_x1_0(options: ShuffleNetV2Options = {}): ShuffleNetV2 {
  return new ShuffleNetV2(REPEATS, [24, 116, 232, 464, 1024], options)
}

/** Builds ShuffleNetV2 1.5×, 3.5 million parameters. Follows `torchvision.models.shufflenet_v2_x1_5`, whose name it keeps. */
export function shufflenet_v2_x1_5(options: ShuffleNetV2Options = {}): ShuffleNetV2 {
  return new ShuffleNetV2(REPEATS, [24, 176, 352, 704, 1024], options)
}

/** Builds ShuffleNetV2 2.0×, 7.4 million parameters. Follows `torchvision.models.shufflenet_v2_x2_0`, whose name it keeps. */
export function shufflenet_v2_x2_0(options: ShuffleNetV2Options = {}): ShuffleNetV2 {
  return new ShuffleNetV2(REPEATS, [24, 244, 488, 976, 2048], options)
}
