import { checkBoolean, checkOneOf, checkOptions } from '../util/check.js'
import { synchronousScope } from '../util/scope.js'
import { tensor } from '../tensor/creation.js'
import { drawInteger, drawLogUniform, drawUniform } from './chance.js'
import { crop } from './functional_geometry.js'
import {
  checkImagePadding,
  checkResizeSize,
  fault,
  INTERPOLATION_MODES,
  pad,
  PADDING_MODES,
  resize,
  type ImagePadding,
  type ImagePaddingMode,
  type InterpolationMode,
  type ResizeSize,
} from './functional.js'
import type { Image } from './image.js'
import { python, pythonFloats, roundHalfToEven } from './python.js'
import { checkRange, RandomTransform } from './random_transform.js'
import type { Drawn, ImageSize } from './transforms.js'

/** Options of {@link RandomCrop}. */
export interface RandomCropOptions {
  /** A frame that is put around the image first. Default: none. */
  readonly padding?: ImagePadding | null | undefined
  /** Whether a smaller image gets a frame that makes it large enough. Default: `false`. */
  readonly padIfNeeded?: boolean | undefined
  /** Value of the frame, 0 to 255, or one for each channel. Default: `0`. */
  readonly fill?: number | readonly number[] | undefined
  /** Default: `constant`. */
  readonly paddingMode?: ImagePaddingMode | undefined
}

/** Options of {@link RandomResizedCrop}. */
export interface RandomResizedCropOptions {
  /** Share of the image that is cut out, from and to. Default: `[0.08, 1]`. */
  readonly scale?: readonly [number, number] | undefined
  /** Width / height of what is cut out, from and to. Default: `[3 / 4, 4 / 3]`. */
  readonly ratio?: readonly [number, number] | undefined
  /** Default: `bilinear`. */
  readonly interpolation?: InterpolationMode | undefined
}

/** A part of an image, in pixels. */
interface Box {
  readonly top: number
  readonly left: number
  readonly height: number
  readonly width: number
}

/** Tries to find a part that fits, before the middle is taken: torchvision's. */
const ATTEMPTS = 10

/**
 * Cuts a part of a size out, at a place by chance. Follows `torchvision.transforms.RandomCrop`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if a size or an option is of the wrong kind. `apply()` and `draw()`: `TORCH_IMAGE` if
 * the image is smaller.
 */
export class RandomCrop extends RandomTransform {
  readonly size: readonly [height: number, width: number]
  readonly padding: ImagePadding | null
  readonly padIfNeeded: boolean
  readonly fill: number | readonly number[]
  readonly paddingMode: ImagePaddingMode

  constructor(size: ResizeSize, options: RandomCropOptions = {}) {
    super()
    checkOptions('RandomCrop', options, ['padding', 'padIfNeeded', 'fill', 'paddingMode'], 'padding')
    const { padding = null, padIfNeeded = false, fill = 0, paddingMode = 'constant' } = options
    this.size = pairOf(size)
    if (padding !== null) checkImagePadding(padding)
    this.padding = padding
    this.padIfNeeded = checkBoolean('padIfNeeded', padIfNeeded)
    this.fill = fill
    this.paddingMode = checkOneOf('paddingMode', paddingMode, PADDING_MODES)
  }

  override draw({ height, width, channels }: ImageSize): Drawn<Image, Image> {
    const frames = this.#framesOf(height, width)
    let [rows, columns] = [height, width]
    for (const [left, top, right, bottom] of frames) {
      rows += top + bottom
      columns += left + right
    }
    const [cropHeight, cropWidth] = this.size
    if (rows < cropHeight || columns < cropWidth) {
      const text = `is larger than input image size (${rows}, ${columns})`
      throw fault('TORCH_IMAGE', `Required crop size (${cropHeight}, ${cropWidth}) ${text}`)
    }
    const isWhole = rows === cropHeight && columns === cropWidth
    const top = isWhole ? 0 : drawInteger(0, rows - cropHeight + 1)
    const left = isWhole ? 0 : drawInteger(0, columns - cropWidth + 1)
    const { fill, paddingMode } = this
    return {
      outputSize: { height: cropHeight, width: cropWidth, channels },
      async apply(input) {
        let image = input
        for (const frame of frames) image = await pad(image, frame, { fill, paddingMode })
        return isWhole ? image : crop(image, top, left, cropHeight, cropWidth)
      },
    }
  }

  override toString(): string {
    return `RandomCrop(size=${python(this.size)}, padding=${python(this.padding)})`
  }

  /** Frames that are put around an image of a size, one after the other. */
  #framesOf(height: number, width: number): (readonly [number, number, number, number])[] {
    const frame = this.padding === null ? ([0, 0, 0, 0] as const) : checkImagePadding(this.padding)
    const frames = this.padding === null ? [] : [frame]
    const columns = this.size[1] - (width + frame[0] + frame[2])
    const rows = this.size[0] - (height + frame[1] + frame[3])
    if (this.padIfNeeded && columns > 0) frames.push([columns, 0, columns, 0])
    if (this.padIfNeeded && rows > 0) frames.push([0, rows, 0, rows])
    return frames
  }
}

/**
 * Cuts a part of a size and a shape by chance out, and resizes it, equal to Pillow's resize to the byte. Follows
 * `torchvision.transforms.RandomResizedCrop`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if a size or an option is of the wrong kind.
 */
export class RandomResizedCrop extends RandomTransform {
  readonly size: readonly [height: number, width: number]
  readonly scale: readonly [number, number]
  readonly ratio: readonly [number, number]
  readonly interpolation: InterpolationMode

  constructor(size: ResizeSize, options: RandomResizedCropOptions = {}) {
    super()
    checkOptions('RandomResizedCrop', options, ['scale', 'ratio', 'interpolation'], 'scale')
    const { scale = [0.08, 1], ratio = [3 / 4, 4 / 3], interpolation = 'bilinear' } = options
    this.size = pairOf(size)
    this.scale = checkRange('scale', scale, { least: 0 })
    this.ratio = checkRange('ratio', ratio, { least: Number.MIN_VALUE })
    this.interpolation = checkOneOf('interpolation', interpolation, INTERPOLATION_MODES)
  }

  override draw({ height, width, channels }: ImageSize): Drawn<Image, Image> {
    const { size, interpolation } = this
    const box = drawBox({ height, width }, this.scale, this.ratio) ?? middleBox({ height, width }, this.ratio)
    return {
      outputSize: { height: size[0], width: size[1], channels },
      async apply(image) {
        const { top, left, ...part } = box
        return resize(await crop(image, top, left, part.height, part.width), size, { interpolation })
      },
    }
  }

  override toString(): string {
    const [scale, ratio] = [this.scale, this.ratio].map((range) => pythonFloats(range.map(round4)))
    const { size, interpolation } = this
    return `RandomResizedCrop(size=${python(size)}, scale=${scale}, ratio=${ratio}, interpolation=${interpolation}, antialias=True)`
  }
}

/** Logarithms of a range, in PyTorch's float32. */
export function logarithmsOf(range: readonly [number, number]): readonly [number, number] {
  const [low = 0, high = 0] = synchronousScope(() =>
    tensor([...range])
      .log()
      .toFloat32Array(),
  )
  return [low, high]
}

function drawBox(
  { height, width }: { readonly height: number; readonly width: number },
  scale: readonly [number, number],
  ratio: readonly [number, number],
): Box | null {
  const logRatio = logarithmsOf(ratio)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const area = height * width * drawUniform(...scale)
    const aspect = drawLogUniform(...logRatio)
    const columns = roundHalfToEven(Math.sqrt(area * aspect))
    const rows = roundHalfToEven(Math.sqrt(area / aspect))
    if (columns <= 0 || columns > width || rows <= 0 || rows > height) continue
    const top = drawInteger(0, height - rows + 1)
    return { top, left: drawInteger(0, width - columns + 1), height: rows, width: columns }
  }
  return null
}

/** The largest part in the middle whose shape is in the range. */
function middleBox(size: { readonly height: number; readonly width: number }, ratio: readonly [number, number]): Box {
  let { height, width } = size
  const shape = width / height
  if (shape < ratio[0]) height = roundHalfToEven(width / ratio[0])
  else if (shape > ratio[1]) width = roundHalfToEven(height * ratio[1])
  return {
    ...{ top: Math.floor((size.height - height) / 2), left: Math.floor((size.width - width) / 2) },
    ...{ height, width },
  }
}

function pairOf(size: ResizeSize): readonly [number, number] {
  const [height = 0, width = height] = checkResizeSize(size)
  return [height, width]
}

function round4(value: number): number {
  return Number(value.toFixed(4))
}
