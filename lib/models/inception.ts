import { scope } from '../util/scope.js'
import { Dropout } from '../nn/dropout.js'
import { adaptiveAvgPool2d, avgPool2d, maxPool2d } from '../nn/functional.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { AdaptiveAvgPool2d, MaxPool2d } from '../nn/pooling.js'
import { cat } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import {
  BasicConv2d,
  drawTruncated,
  INCEPTION_OPTIONS,
  readInceptionOptions,
  transformInput,
  type InceptionOptions,
} from './googlenet.js'
import { readNetworkOptions } from './options.js'

/** What both heads of an {@link Inception3} give: logits (N, numClasses). */
export interface InceptionOutputs {
  readonly logits: Tensor
  /** Null without the head in the middle. */
  readonly auxLogits: Tensor | null
}

const ROW = { padding: [0, 3] } as const
const COLUMN = { padding: [3, 0] } as const
const HALF = { stride: 2 } as const

/** Fig. 5 of the paper. */
class InceptionA extends Module {
  readonly branch1x1: BasicConv2d
  readonly branch5x5_1: BasicConv2d
  readonly branch5x5_2: BasicConv2d
  readonly branch3x3dbl_1: BasicConv2d
  readonly branch3x3dbl_2: BasicConv2d
  readonly branch3x3dbl_3: BasicConv2d
  readonly branch_pool: BasicConv2d

  constructor(inChannels: number, poolFeatures: number) {
    super()
    this.branch1x1 = new BasicConv2d(inChannels, 64, 1)
    this.branch5x5_1 = new BasicConv2d(inChannels, 48, 1)
    this.branch5x5_2 = new BasicConv2d(48, 64, 5, { padding: 2 })
    this.branch3x3dbl_1 = new BasicConv2d(inChannels, 64, 1)
    this.branch3x3dbl_2 = new BasicConv2d(64, 96, 3, { padding: 1 })
    this.branch3x3dbl_3 = new BasicConv2d(96, 96, 3, { padding: 1 })
    this.branch_pool = new BasicConv2d(inChannels, poolFeatures, 1)
  }

  override forward(x: Tensor): Tensor {
    const branch1x1 = this.branch1x1.forward(x)
    const branch5x5 = through(x, this.branch5x5_1, this.branch5x5_2)
    const branch3x3dbl = through(x, this.branch3x3dbl_1, this.branch3x3dbl_2, this.branch3x3dbl_3)
    const branchPool = this.branch_pool.forward(average(x))
    return cat([branch1x1, branch5x5, branch3x3dbl, branchPool], 1)
  }
}

/** Halves the feature map: Fig. 10 of the paper. */
class InceptionB extends Module {
  readonly branch3x3: BasicConv2d
  readonly branch3x3dbl_1: BasicConv2d
  readonly branch3x3dbl_2: BasicConv2d
  readonly branch3x3dbl_3: BasicConv2d

  constructor(inChannels: number) {
    super()
    this.branch3x3 = new BasicConv2d(inChannels, 384, 3, HALF)
    this.branch3x3dbl_1 = new BasicConv2d(inChannels, 64, 1)
    this.branch3x3dbl_2 = new BasicConv2d(64, 96, 3, { padding: 1 })
    this.branch3x3dbl_3 = new BasicConv2d(96, 96, 3, HALF)
  }

  override forward(x: Tensor): Tensor {
    const branch3x3 = this.branch3x3.forward(x)
    const branch3x3dbl = through(x, this.branch3x3dbl_1, this.branch3x3dbl_2, this.branch3x3dbl_3)
    return cat([branch3x3, branch3x3dbl, maxPool2d(x, 3, HALF)], 1)
  }
}

/** Convolutions of rows and columns: Fig. 6 of the paper. */
class InceptionC extends Module {
  readonly branch1x1: BasicConv2d
  readonly branch7x7_1: BasicConv2d
  readonly branch7x7_2: BasicConv2d
  readonly branch7x7_3: BasicConv2d
  readonly branch7x7dbl_1: BasicConv2d
  readonly branch7x7dbl_2: BasicConv2d
  readonly branch7x7dbl_3: BasicConv2d
  readonly branch7x7dbl_4: BasicConv2d
  readonly branch7x7dbl_5: BasicConv2d
  readonly branch_pool: BasicConv2d

  constructor(inChannels: number, c7: number) {
    super()
    this.branch1x1 = new BasicConv2d(inChannels, 192, 1)
    this.branch7x7_1 = new BasicConv2d(inChannels, c7, 1)
    this.branch7x7_2 = new BasicConv2d(c7, c7, [1, 7], ROW)
    this.branch7x7_3 = new BasicConv2d(c7, 192, [7, 1], COLUMN)
    this.branch7x7dbl_1 = new BasicConv2d(inChannels, c7, 1)
    this.branch7x7dbl_2 = new BasicConv2d(c7, c7, [7, 1], COLUMN)
    this.branch7x7dbl_3 = new BasicConv2d(c7, c7, [1, 7], ROW)
    this.branch7x7dbl_4 = new BasicConv2d(c7, c7, [7, 1], COLUMN)
    this.branch7x7dbl_5 = new BasicConv2d(c7, 192, [1, 7], ROW)
    this.branch_pool = new BasicConv2d(inChannels, 192, 1)
  }

  override forward(x: Tensor): Tensor {
    const branch1x1 = this.branch1x1.forward(x)
    const branch7x7 = through(x, this.branch7x7_1, this.branch7x7_2, this.branch7x7_3)
    const start = through(x, this.branch7x7dbl_1, this.branch7x7dbl_2, this.branch7x7dbl_3)
    const branch7x7dbl = through(start, this.branch7x7dbl_4, this.branch7x7dbl_5)
    const branchPool = this.branch_pool.forward(average(x))
    return cat([branch1x1, branch7x7, branch7x7dbl, branchPool], 1)
  }
}

/** Halves the feature map, the second time. */
class InceptionD extends Module {
  readonly branch3x3_1: BasicConv2d
  readonly branch3x3_2: BasicConv2d
  readonly branch7x7x3_1: BasicConv2d
  readonly branch7x7x3_2: BasicConv2d
  readonly branch7x7x3_3: BasicConv2d
  readonly branch7x7x3_4: BasicConv2d

  constructor(inChannels: number) {
    super()
    this.branch3x3_1 = new BasicConv2d(inChannels, 192, 1)
    this.branch3x3_2 = new BasicConv2d(192, 320, 3, HALF)
    this.branch7x7x3_1 = new BasicConv2d(inChannels, 192, 1)
    this.branch7x7x3_2 = new BasicConv2d(192, 192, [1, 7], ROW)
    this.branch7x7x3_3 = new BasicConv2d(192, 192, [7, 1], COLUMN)
    this.branch7x7x3_4 = new BasicConv2d(192, 192, 3, HALF)
  }

  override forward(x: Tensor): Tensor {
    const branch3x3 = through(x, this.branch3x3_1, this.branch3x3_2)
    const start = through(x, this.branch7x7x3_1, this.branch7x7x3_2, this.branch7x7x3_3)
    const branch7x7x3 = this.branch7x7x3_4.forward(start)
    return cat([branch3x3, branch7x7x3, maxPool2d(x, 3, HALF)], 1)
  }
}

/** Rows and columns side by side: Fig. 7 of the paper. */
class InceptionE extends Module {
  readonly branch1x1: BasicConv2d
  readonly branch3x3_1: BasicConv2d
  readonly branch3x3_2a: BasicConv2d
  readonly branch3x3_2b: BasicConv2d
  readonly branch3x3dbl_1: BasicConv2d
  readonly branch3x3dbl_2: BasicConv2d
  readonly branch3x3dbl_3a: BasicConv2d
  readonly branch3x3dbl_3b: BasicConv2d
  readonly branch_pool: BasicConv2d

  constructor(inChannels: number) {
    super()
    this.branch1x1 = new BasicConv2d(inChannels, 320, 1)
    this.branch3x3_1 = new BasicConv2d(inChannels, 384, 1)
    this.branch3x3_2a = new BasicConv2d(384, 384, [1, 3], { padding: [0, 1] })
    this.branch3x3_2b = new BasicConv2d(384, 384, [3, 1], { padding: [1, 0] })
    this.branch3x3dbl_1 = new BasicConv2d(inChannels, 448, 1)
    this.branch3x3dbl_2 = new BasicConv2d(448, 384, 3, { padding: 1 })
    this.branch3x3dbl_3a = new BasicConv2d(384, 384, [1, 3], { padding: [0, 1] })
    this.branch3x3dbl_3b = new BasicConv2d(384, 384, [3, 1], { padding: [1, 0] })
    this.branch_pool = new BasicConv2d(inChannels, 192, 1)
  }

  override forward(x: Tensor): Tensor {
    const branch1x1 = this.branch1x1.forward(x)
    const once = this.branch3x3_1.forward(x)
    const branch3x3 = [this.branch3x3_2a.forward(once), this.branch3x3_2b.forward(once)]
    const twice = through(x, this.branch3x3dbl_1, this.branch3x3dbl_2)
    const branch3x3dbl = [this.branch3x3dbl_3a.forward(twice), this.branch3x3dbl_3b.forward(twice)]
    const branchPool = this.branch_pool.forward(average(x))
    return cat([branch1x1, ...branch3x3, ...branch3x3dbl, branchPool], 1)
  }
}

/** The head in the middle of the network: Fig. 8 of the paper. */
class InceptionAux extends Module {
  readonly conv0: BasicConv2d
  readonly conv1: BasicConv2d
  readonly fc: Linear

  constructor(inChannels: number, numClasses: number) {
    super()
    this.conv0 = new BasicConv2d(inChannels, 128, 1)
    this.conv1 = new BasicConv2d(128, 768, 5)
    this.fc = new Linear(768, numClasses)
  }

  override forward(x: Tensor): Tensor {
    x = avgPool2d(x, 5, { stride: 3 })
    x = this.conv0.forward(x)
    x = this.conv1.forward(x)
    x = adaptiveAvgPool2d(x, [1, 1])
    x = x.flatten(1)
    return this.fc.forward(x)
  }
}

/**
 * Inception v3 (https://arxiv.org/abs/1512.00567): maps (N, 3, H, W), of 299 × 299 pixels when it was trained and of 75 × 75 at least,
 * to logits (N, numClasses).
 *
 * State keys: `Conv2d_1a_3x3` (`Conv2d_1a_3x3.conv.weight`) to `Conv2d_4a_3x3`, `Mixed_5b` to `Mixed_7c`, `AuxLogits`, `fc`.
 * Follows `torchvision.models.Inception3`, its initialization included, **but `forward` gives the logits alone in training mode as
 * well: {@link outputs} gives those of both heads**.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an argument outside its range or an unknown option.
 */
export class Inception3 extends Module {
  Conv2d_1a_3x3: BasicConv2d
  Conv2d_2a_3x3: BasicConv2d
  Conv2d_2b_3x3: BasicConv2d
  maxpool1: MaxPool2d
  Conv2d_3b_1x1: BasicConv2d
  Conv2d_4a_3x3: BasicConv2d
  maxpool2: MaxPool2d
  Mixed_5b: InceptionA
  Mixed_5c: InceptionA
  Mixed_5d: InceptionA
  Mixed_6a: InceptionB
  Mixed_6b: InceptionC
  Mixed_6c: InceptionC
  Mixed_6d: InceptionC
  Mixed_6e: InceptionC
  AuxLogits: Module | null
  Mixed_7a: InceptionD
  Mixed_7b: InceptionE
  Mixed_7c: InceptionE
  avgpool: AdaptiveAvgPool2d
  dropout: Dropout
  fc: Module
  readonly transformInput: boolean

  constructor(options: InceptionOptions = {}) {
    super()
    const { inputChannels, numClasses } = readNetworkOptions('Inception3', options, INCEPTION_OPTIONS)
    const { auxLogits, transformInput, dropout } = readInceptionOptions(options, inputChannels, 0.5)

    this.Conv2d_1a_3x3 = new BasicConv2d(inputChannels, 32, 3, HALF)
    this.Conv2d_2a_3x3 = new BasicConv2d(32, 32, 3)
    this.Conv2d_2b_3x3 = new BasicConv2d(32, 64, 3, { padding: 1 })
    this.maxpool1 = new MaxPool2d(3, HALF)
    this.Conv2d_3b_1x1 = new BasicConv2d(64, 80, 1)
    this.Conv2d_4a_3x3 = new BasicConv2d(80, 192, 3)
    this.maxpool2 = new MaxPool2d(3, HALF)

    this.Mixed_5b = new InceptionA(192, 32)
    this.Mixed_5c = new InceptionA(256, 64)
    this.Mixed_5d = new InceptionA(288, 64)
    this.Mixed_6a = new InceptionB(288)
    this.Mixed_6b = new InceptionC(768, 128)
    this.Mixed_6c = new InceptionC(768, 160)
    this.Mixed_6d = new InceptionC(768, 160)
    this.Mixed_6e = new InceptionC(768, 192)
    const aux = auxLogits ? new InceptionAux(768, numClasses) : null
    this.AuxLogits = aux
    this.Mixed_7a = new InceptionD(768)
    this.Mixed_7b = new InceptionE(1280)
    this.Mixed_7c = new InceptionE(2048)

    this.avgpool = new AdaptiveAvgPool2d([1, 1])
    this.dropout = new Dropout(dropout)
    this.fc = new Linear(2048, numClasses)
    this.transformInput = transformInput

    drawTruncated(this, (layer) => (layer === aux?.conv1.conv ? 0.01 : layer === aux?.fc ? 0.001 : 0.1))
  }

  /** Maps (N, inputChannels, H, W) to logits (N, numClasses). */
  override forward(x: Tensor): Tensor {
    return this.#compute(x, { withAux: false }).logits
  }

  /** Maps (N, inputChannels, H, W) to the logits of both heads, for a loss that counts that in the middle as well. */
  outputs(x: Tensor): InceptionOutputs {
    return scope(() => this.#compute(x, { withAux: true }))
  }

  #compute(x: Tensor, { withAux }: { readonly withAux: boolean }): InceptionOutputs {
    if (this.transformInput) x = transformInput(x)
    x = this.Conv2d_1a_3x3.forward(x)
    x = this.Conv2d_2a_3x3.forward(x)
    x = this.Conv2d_2b_3x3.forward(x)
    x = this.maxpool1.forward(x)
    x = this.Conv2d_3b_1x1.forward(x)
    x = this.Conv2d_4a_3x3.forward(x)
    x = this.maxpool2.forward(x)

    x = this.Mixed_5b.forward(x)
    x = this.Mixed_5c.forward(x)
    x = this.Mixed_5d.forward(x)
    x = this.Mixed_6a.forward(x)
    x = this.Mixed_6b.forward(x)
    x = this.Mixed_6c.forward(x)
    x = this.Mixed_6d.forward(x)
    x = this.Mixed_6e.forward(x)
    const auxLogits = withAux && this.AuxLogits !== null ? this.AuxLogits.forward(x) : null
    x = this.Mixed_7a.forward(x)
    x = this.Mixed_7b.forward(x)
    x = this.Mixed_7c.forward(x)

    x = this.avgpool.forward(x)
    x = this.dropout.forward(x)
    x = x.flatten(1)
    return { logits: this.fc.forward(x), auxLogits }
  }
}

/** Runs modules one after the other. */
function through(x: Tensor, ...modules: readonly Module[]): Tensor {
  return modules.reduce((input, module) => module.forward(input), x)
}

function average(x: Tensor): Tensor {
  return avgPool2d(x, 3, { stride: 1, padding: 1 })
}

/** Builds Inception v3, 27.2 million parameters with its head in the middle. Follows `torchvision.models.inception_v3`, whose name it keeps. */
export function inception_v3(options: InceptionOptions = {}): Inception3 {
  return new Inception3(options)
}
