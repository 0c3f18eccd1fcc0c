import { checkBoolean, checkPositiveInteger } from '../util/check.js'
import { Signature, type NoOptions } from '../util/signature.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkOutputSize, checkSize2d, type OutputSize2d, type Size2d } from './checks.js'
import { adaptiveAvgPool2d, adaptiveMaxPool2d, avgPool2d, maxPool2d } from './functional.js'
import { Module } from './module.js'
import { pythonBool, pythonSize } from './repr.js'

/** Options of {@link MaxPool2d}; names and defaults are PyTorch's. */
export interface MaxPool2dOptions {
  /** Steps from one window to the next. Default: `kernelSize`. */
  readonly stride?: Size2d | null | undefined
  /** Negative infinities on every side, at most half of `kernelSize`. Default: `0`. */
  readonly padding?: Size2d | undefined
  /** Steps between the points of the window. Default: `1`. */
  readonly dilation?: Size2d | undefined
  /** Round the size of the output up. Default: `false`. */
  readonly ceilMode?: boolean | undefined
}

// After `dilation` PyTorch takes `return_indices` by position.
const MAX_POOL = new Signature<MaxPool2dOptions>('new MaxPool2d', ['kernelSize'], {
  stride: 'name',
  padding: 'name',
  dilation: 'name',
  ceilMode: 'keyword',
})
const ADAPTIVE_MAX_POOL = new Signature<NoOptions>('new AdaptiveMaxPool2d', ['outputSize'], {})
const ADAPTIVE_AVG_POOL = new Signature<NoOptions>('new AdaptiveAvgPool2d', ['outputSize'], {})

/**
 * Gives the largest element of each window of images (N, C, H, W) or (C, H, W). Follows `torch.nn.MaxPool2d`,
 * **without `return_indices`**.
 */
export class MaxPool2d extends Module {
  readonly kernelSize: Size2d
  readonly stride: Size2d
  readonly padding: Size2d
  readonly dilation: Size2d
  readonly ceilMode: boolean

  constructor(kernelSize: Size2d, options?: MaxPool2dOptions)
  constructor(kernelSize: Size2d, ...given: readonly unknown[]) {
    super()
    const { stride = null, padding = 0, dilation = 1, ceilMode = false } = MAX_POOL.read([kernelSize], given)
    this.kernelSize = checkSize2d('kernelSize', kernelSize, 1)
    this.stride = stride === null ? this.kernelSize : checkSize2d('stride', stride, 1)
    this.padding = checkSize2d('padding', padding, 0)
    this.dilation = checkSize2d('dilation', dilation, 1)
    this.ceilMode = checkBoolean('ceilMode', ceilMode)
  }

  override forward(input: Tensor): Tensor {
    const { kernelSize, stride, padding, dilation, ceilMode } = this
    return maxPool2d(input, kernelSize, { stride, padding, dilation, ceilMode })
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding, dilation, ceilMode } = this
    const window = `kernel_size=${pythonSize(kernelSize)}, stride=${pythonSize(stride)}, padding=${pythonSize(padding)}`
    return `${window}, dilation=${pythonSize(dilation)}, ceil_mode=${pythonBool(ceilMode)}`
  }
}

/** Options of {@link AvgPool2d}; names and defaults are PyTorch's. */
export interface AvgPool2dOptions {
  /** Steps from one window to the next. Default: `kernelSize`. */
  readonly stride?: Size2d | null | undefined
  /** Zeros on every side, at most half of `kernelSize`. Default: `0`. */
  readonly padding?: Size2d | undefined
  /** Round the size of the output up. Default: `false`. */
  readonly ceilMode?: boolean | undefined
  /** Count the padding in the average. Default: `true`. */
  readonly countIncludePad?: boolean | undefined
  /** Divide by this instead of by the number of elements. Default: `null`. */
  readonly divisorOverride?: number | null | undefined
}

const AVG_POOL = new Signature<AvgPool2dOptions>('new AvgPool2d', ['kernelSize'], {
  stride: 'name',
  padding: 'name',
  ceilMode: 'name',
  countIncludePad: 'name',
  divisorOverride: 'name',
})

/** Averages each window of images (N, C, H, W) or (C, H, W). Follows `torch.nn.AvgPool2d`. */
export class AvgPool2d extends Module {
  readonly kernelSize: Size2d
  readonly stride: Size2d
  readonly padding: Size2d
  readonly ceilMode: boolean
  readonly countIncludePad: boolean
  readonly divisorOverride: number | null

  constructor(kernelSize: Size2d, options?: AvgPool2dOptions)
  constructor(kernelSize: Size2d, ...given: readonly unknown[]) {
    super()
    const options = AVG_POOL.read([kernelSize], given)
    const { stride = null, padding = 0, ceilMode = false, countIncludePad = true, divisorOverride = null } = options
    this.kernelSize = checkSize2d('kernelSize', kernelSize, 1)
    this.stride = stride === null ? this.kernelSize : checkSize2d('stride', stride, 1)
    this.padding = checkSize2d('padding', padding, 0)
    this.ceilMode = checkBoolean('ceilMode', ceilMode)
    this.countIncludePad = checkBoolean('countIncludePad', countIncludePad)
    this.divisorOverride = divisorOverride === null ? null : checkPositiveInteger('divisorOverride', divisorOverride)
  }

  override forward(input: Tensor): Tensor {
    const { kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride } = this
    return avgPool2d(input, kernelSize, { stride, padding, ceilMode, countIncludePad, divisorOverride })
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding } = this
    return `kernel_size=${pythonSize(kernelSize)}, stride=${pythonSize(stride)}, padding=${pythonSize(padding)}`
  }
}

/**
 * Averages images (N, C, H, W) or (C, H, W) to a given size, whatever theirs is; `null` keeps that of the input.
 * Follows `torch.nn.AdaptiveAvgPool2d`.
 */
export class AdaptiveAvgPool2d extends Module {
  readonly outputSize: OutputSize2d

  constructor(outputSize: OutputSize2d) {
    super()
    ADAPTIVE_AVG_POOL.read([outputSize], [])
    const pair = checkOutputSize(outputSize)
    this.outputSize = Array.isArray(outputSize) ? pair : outputSize
  }

  override forward(input: Tensor): Tensor {
    return adaptiveAvgPool2d(input, this.outputSize)
  }

  override extraRepr(): string {
    return `output_size=${pythonSize(this.outputSize)}`
  }
}

/**
 * Gives the largest elements of images (N, C, H, W) or (C, H, W) in a given size; `null` keeps that of the input. Follows
 * `torch.nn.AdaptiveMaxPool2d`, **without `return_indices`**.
 */
export class AdaptiveMaxPool2d extends Module {
  readonly outputSize: OutputSize2d

  constructor(outputSize: OutputSize2d) {
    super()
    ADAPTIVE_MAX_POOL.read([outputSize], [])
    const pair = checkOutputSize(outputSize)
    this.outputSize = Array.isArray(outputSize) ? pair : outputSize
  }

  override forward(input: Tensor): Tensor {
    return adaptiveMaxPool2d(input, this.outputSize)
  }

  override extraRepr(): string {
    return `output_size=${pythonSize(this.outputSize)}`
  }
}
