import { checkBoolean, checkOneOf, checkOptions, checkPositiveInteger, checkString, expected } from '../util/check.js'
import { native } from '../libtorch/binding.js'
import type { Tensor } from '../tensor/tensor.js'
import { ACTIVATIONS, type OutputActivation } from './activations.js'
import { Compose } from './compose.js'
import { INTERPOLATION_MODES, type InterpolationMode } from './functional.js'
import { checkImage, type Image } from './image.js'
import { CenterCrop, Grayscale, Normalize, Resize, ToTensor, type Transform } from './transforms.js'

/** What an {@link ImagePreset} is made of, and the contents of a `preset.json`. */
export interface PresetSettings {
  /** For people. */
  readonly name: string
  /** Height and width of the result. */
  readonly size: readonly [height: number, width: number]
  /** Length of the shorter side before the middle of `size` is cut out. Default: the image is resized to `size`. */
  readonly resize?: number | undefined
  /** Default: `bilinear`. */
  readonly interpolation?: InterpolationMode | undefined
  /** Turn and mirror an image file as its EXIF or XMP data say, as `PIL.ImageOps.exif_transpose`. Default: `false`. */
  readonly exifOrientation?: boolean | undefined
  /** Invert the image first, as `PIL.ImageOps.invert`: white becomes black. Default: `false`. */
  readonly invert?: boolean | undefined
  /** Make the image gray. Default: `false`. */
  readonly grayscale?: boolean | undefined
  /** Channels of the result; 1 is for gray alone. Default: `3`. */
  readonly channels?: 1 | 3 | undefined
  /** One number for all channels, or one for each, of pixels of 0 to 1. */
  readonly mean: readonly number[]
  /** As `mean`. */
  readonly std: readonly number[]
  /** How the outputs of the model become probabilities: see {@link ACTIVATIONS}. Default: `softmax`, or `sigmoid` for one output. */
  readonly activation?: OutputActivation | undefined
  /** Names of the classes of the model. Default: none. */
  readonly labels?: readonly string[] | undefined
}

/** The entry of safetensors' `__metadata__` that holds a preset as JSON. */
export const PRESET_METADATA_KEY = 'napi-torch.preset'

const SETTINGS = [
  'name',
  'size',
  'resize',
  'interpolation',
  'exifOrientation',
  'invert',
  'grayscale',
  'channels',
  'mean',
  'std',
  'activation',
  'labels',
] as const satisfies readonly (keyof PresetSettings)[]

/**
 * The whole way from a decoded image to the input (C, H, W) of a model, as data that travels with a checkpoint: it resizes,
 * cuts the middle out, makes gray where that is wanted, and normalizes, all at once on a pool thread.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if a setting is unknown, missing or of the wrong kind.
 */
export class ImagePreset implements Transform<Image, Tensor<'float32'>> {
  readonly settings: PresetSettings
  /** (C, H, W) of the result. */
  readonly shape: readonly [channels: number, height: number, width: number]
  readonly #chain: Compose<readonly [Transform<Image, Tensor<'float32'>>]>

  constructor(settings: PresetSettings) {
    this.settings = checkPresetSettings('ImagePreset', settings)
    const { size, resize, interpolation, grayscale = false, channels = 3, mean, std } = this.settings
    this.shape = [channels, ...size]
    const sized =
      resize === undefined
        ? [new Resize(size, { interpolation })]
        : [new Resize(resize, { interpolation }), new CenterCrop(size)]
    const gray = grayscale ? [new Grayscale(channels)] : []
    // Each step takes what the one before it gives; the types of a chain of unknown length do not say so.
    this.#chain = new Compose([...sized, ...gray, new ToTensor(), new Normalize(mean, std)] as never)
  }

  get name(): string {
    return this.settings.name
  }

  /** Names of the classes, or null if the preset says none. */
  get labels(): readonly string[] | null {
    return this.settings.labels ?? null
  }

  /** The transforms, of which {@link apply} does the work. */
  get transforms(): readonly Transform<never, unknown>[] {
    return this.#chain.transforms
  }

  /** Gives a new tensor (C, H, W). The image must not change until it is done. */
  async apply(image: Image): Promise<Tensor<'float32'>> {
    return this.#chain.apply(await this.#inverted(image))
  }

  /**
   * Does what {@link apply} does, and writes the C × H × W elements into `target` from element `offset` on, so that a batch
   * is filled without copies. Neither the image nor `target` may be transferred until it is done.
   */
  async applyInto(image: Image, target: Float32Array, offset = 0): Promise<void> {
    return this.#chain.applyInto(await this.#inverted(image), target, offset)
  }

  /** Gives the same preset for images with `channels` channels: only a grayscale preset can make 1 or 3. */
  withChannels(channels: 1 | 3): ImagePreset {
    if (channels === this.shape[0]) return this
    const { mean, std } = this.settings
    const ofChannels = (values: readonly number[]): readonly number[] => values.slice(0, channels)
    return new ImagePreset({ ...this.settings, channels, mean: ofChannels(mean), std: ofChannels(std) })
  }

  /** What `JSON.stringify` writes: the settings that are not the defaults. */
  toJSON(): PresetSettings {
    return this.settings
  }

  /** Gives the `metadata` of `saveSafetensors` with which the preset travels in the checkpoint. */
  toMetadata(): Record<string, string> {
    return { [PRESET_METADATA_KEY]: JSON.stringify(this) }
  }

  toString(): string {
    const { exifOrientation = false, invert = false } = this.settings
    const before = [...(exifOrientation ? ['exifOrientation'] : []), ...(invert ? ['invert'] : [])]
    return [...before, this.#chain.toString()].join(', ')
  }

  async #inverted(image: Image): Promise<Image> {
    const checked = this.#check(image)
    return this.settings.invert === true ? { ...checked, data: await native.invertImage(checked.data) } : checked
  }

  #check(image: Image): Image {
    const { channels } = checkImage('image', image)
    const { grayscale = false } = this.settings
    if (!grayscale && channels !== this.shape[0])
      throw expected(`an image of ${this.shape[0]} channels`, 'image', image)
    return image
  }
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT`, which names `where`, unless `value` is {@link PresetSettings}. */
export function checkPresetSettings(where: string, value: unknown): PresetSettings {
  if (typeof value !== 'object' || value === null) throw expected('an object', where, value)
  checkOptions(where, value as PresetSettings, SETTINGS)
  const fields: { readonly [K in keyof PresetSettings]?: unknown } = value
  const of = (field: keyof PresetSettings): string => `${field} in ${where}`

  const name = checkString(of('name'), fields.name)
  const size = checkSize(of('size'), fields.size)
  const mean = checkPerChannel(of('mean'), fields.mean)
  const std = checkPerChannel(of('std'), fields.std)
  const settings: PresetSettings = {
    name,
    size,
    resize: optional(fields.resize, (resize) => checkPositiveInteger(of('resize'), resize)),
    interpolation: optional(fields.interpolation, (mode) => {
      return checkOneOf(of('interpolation'), mode, INTERPOLATION_MODES)
    }),
    exifOrientation: optional(fields.exifOrientation, (value) => checkBoolean(of('exifOrientation'), value)),
    invert: optional(fields.invert, (value) => checkBoolean(of('invert'), value)),
    grayscale: optional(fields.grayscale, (grayscale) => checkBoolean(of('grayscale'), grayscale)),
    channels: optional(fields.channels, (channels) => {
      if (channels !== 3 && !(channels === 1 && fields.grayscale === true)) {
        throw expected('3, or 1 with grayscale', of('channels'), channels)
      }
      return channels
    }),
    mean,
    std,
    activation: optional(fields.activation, (activation) => checkOneOf(of('activation'), activation, ACTIVATIONS)),
    labels: optional(fields.labels, (labels) => checkTexts(of('labels'), labels)),
  }
  if (mean.length !== std.length) throw expected(`${mean.length} numbers, as many as means,`, of('std'), std)
  if (settings.channels === 1 && mean.length !== 1) throw expected('1 number, one a channel,', of('mean'), mean)
  return Object.fromEntries(
    Object.entries(settings).filter(([, setting]) => setting !== undefined),
  ) as unknown as PresetSettings
}

function optional<T>(value: unknown, check: (value: unknown) => T): T | undefined {
  return value === undefined ? undefined : check(value)
}

function checkSize(name: string, value: unknown): readonly [number, number] {
  const isSide = (side: unknown): side is number => Number.isSafeInteger(side) && Number(side) > 0
  const sides: readonly unknown[] = Array.isArray(value) ? value : []
  const [height, width] = sides
  if (sides.length !== 2 || !isSide(height) || !isSide(width)) throw expected('a height and a width', name, value)
  return [height, width]
}

function checkPerChannel(name: string, value: unknown): readonly number[] {
  const isNumber = (number: unknown): number is number => Number.isFinite(number)
  if (!Array.isArray(value) || (value.length !== 1 && value.length !== 3) || !value.every(isNumber)) {
    throw expected('1 or 3 numbers', name, value)
  }
  return value
}

function checkTexts(name: string, value: unknown): readonly string[] {
  const isText = (text: unknown): text is string => typeof text === 'string'
  if (!Array.isArray(value) || !value.every(isText)) throw expected('an array of strings', name, value)
  return value
}
