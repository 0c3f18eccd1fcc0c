import { checkOneOf, checkPositiveInteger } from '../util/check.js'
import { Signature, type NoOptions } from '../util/signature.js'
import type { Tensor } from '../tensor/tensor.js'
import { interpolate, pixelShuffle, pixelUnshuffle } from './functional.js'
import { INTERPOLATION_MODES, type InterpolateOptions, type UpsamplingMode } from './functional_vision.js'
import { Module } from './module.js'
import { pythonFloat, pythonSize } from './repr.js'

/** Options of {@link Upsample}; names and defaults are PyTorch's. */
export type UpsampleOptions = Omit<InterpolateOptions, 'antialias'>

const UPSAMPLE = new Signature<UpsampleOptions>('new Upsample', [], {
  ...{ size: 'name', scaleFactor: 'name', mode: 'name', alignCorners: 'name', recomputeScaleFactor: 'name' },
})
const SHUFFLE = new Signature<NoOptions>('new PixelShuffle', ['upscaleFactor'], {})
const UNSHUFFLE = new Signature<NoOptions>('new PixelUnshuffle', ['downscaleFactor'], {})

/** Makes sequences, images or volumes larger or smaller. Follows `torch.nn.Upsample`. */
export class Upsample extends Module {
  readonly size: number | readonly number[] | undefined
  readonly scaleFactor: number | readonly number[] | undefined
  readonly mode: UpsamplingMode
  readonly alignCorners: boolean | undefined
  readonly recomputeScaleFactor: boolean | undefined

  constructor(options?: UpsampleOptions)
  constructor(...given: readonly unknown[]) {
    super()
    const { size, scaleFactor, mode = 'nearest', alignCorners, recomputeScaleFactor } = UPSAMPLE.read([], given)
    this.size = size
    this.scaleFactor = scaleFactor
    this.mode = checkOneOf('mode', mode, INTERPOLATION_MODES)
    this.alignCorners = alignCorners
    this.recomputeScaleFactor = recomputeScaleFactor
  }

  override forward(input: Tensor): Tensor {
    const { size, scaleFactor, mode, alignCorners, recomputeScaleFactor } = this
    return interpolate(input, { size, scaleFactor, mode, alignCorners, recomputeScaleFactor })
  }

  override extraRepr(): string {
    const { size, scaleFactor, mode } = this
    if (scaleFactor === undefined) {
      return `size=${pythonSize(size ?? null)}, mode='${mode}'`
    }
    const factors =
      typeof scaleFactor === 'number' ? pythonFloat(scaleFactor) : `(${scaleFactor.map(pythonFloat).join(', ')})`
    return `scale_factor=${factors}, mode='${mode}'`
  }
}

/** Turns channels into pixels: (..., C · r², H, W) becomes (..., C, H · r, W · r). Follows `torch.nn.PixelShuffle`. */
export class PixelShuffle extends Module {
  readonly upscaleFactor: number

  constructor(upscaleFactor: number) {
    super()
    SHUFFLE.read([upscaleFactor], [])
    this.upscaleFactor = checkPositiveInteger('upscaleFactor', upscaleFactor)
  }

  override forward(input: Tensor): Tensor {
    return pixelShuffle(input, this.upscaleFactor)
  }

  override extraRepr(): string {
    return `upscale_factor=${this.upscaleFactor}`
  }
}

/** Turns pixels into channels, the inverse of {@link PixelShuffle}. Follows `torch.nn.PixelUnshuffle`. */
export class PixelUnshuffle extends Module {
  readonly downscaleFactor: number

  constructor(downscaleFactor: number) {
    super()
    UNSHUFFLE.read([downscaleFactor], [])
    this.downscaleFactor = checkPositiveInteger('downscaleFactor', downscaleFactor)
  }

  override forward(input: Tensor): Tensor {
    return pixelUnshuffle(input, this.downscaleFactor)
  }

  override extraRepr(): string {
    return `downscale_factor=${this.downscaleFactor}`
  }
}
