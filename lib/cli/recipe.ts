import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { checkOptions, expected } from '../check.js'
import { TorchError } from '../errors.js'
import type { Architecture } from '../models/detect.js'
import { checkLabels, loadLabels } from '../vision/labels.js'
import { cifar, fashionMnist, imagenet, type Preset } from '../vision/presets.js'
import { CenterCrop, Compose, Grayscale, Normalize, Resize, ToTensor } from '../vision/transforms.js'
import type { PresetName } from './program.js'

/** The file beside a checkpoint that says how its images are prepared; `docs/cli.md` documents it. */
export const PRESET_FILE = 'preset.json'

/** How images become the input of a model, and what its answers are called. */
export interface Recipe {
  readonly preset: Preset
  /** Name of the preset, for people. */
  readonly presetName: string
  /** One for each class, or null where nobody says. */
  readonly labels: readonly string[] | null
  /** Where the labels come from, for people. */
  readonly labelsName: string
  /** Neither an option nor a file beside the checkpoint said so: it was concluded from the architecture. */
  readonly isGuess: boolean
}

/** What the user says about images and answers. */
export interface RecipeOptions {
  readonly preset?: PresetName | undefined
  /** A file, or the name of a list of this package. */
  readonly labels?: string | undefined
}

/**
 * Decides how images are prepared and what the classes are called: what the user says, else what `preset.json` beside the
 * checkpoint says, else what the architecture was made for.
 *
 * @throws {TorchError} `TORCH_FILE` or `TORCH_INVALID_ARGUMENT` for a preset file that cannot be used, `TORCH_LABELS`,
 * `TORCH_ARCHITECTURE` if the model reads images of other channels.
 */
export async function findRecipe(
  checkpoint: string,
  architecture: Architecture,
  { preset, labels }: RecipeOptions,
): Promise<Recipe> {
  const { family, numClasses, inputChannels } = architecture
  const path = join(dirname(checkpoint), PRESET_FILE)
  const file = preset === undefined ? await readPresetFile(path) : null

  const guess = family === 'resnet' ? 'imagenet' : 'cifar'
  const presetName = preset ?? file?.name ?? guess
  const made = file === null ? namedPreset(preset ?? guess, inputChannels) : filePreset(file, inputChannels)

  const list = labels ?? (file?.labels === undefined ? LISTS[`${presetName} ${numClasses}`] : undefined)
  const names = list === undefined ? file?.labels : await loadLabels(list)
  return {
    preset: made,
    presetName,
    labels: names === undefined ? null : checkLabels(names, numClasses),
    labelsName: list ?? (names === undefined ? 'none' : PRESET_FILE),
    isGuess: preset === undefined && file === null,
  }
}

/** Names of the classes, by what a model with so many of them was trained on. */
const LISTS: Readonly<Record<string, string>> = {
  'imagenet 1000': 'imagenet',
  'cifar 10': 'cifar10',
  'fashion-mnist 10': 'fashion-mnist',
}

function namedPreset(name: PresetName, channels: number): Preset {
  if (name === 'fashion-mnist') return channels === 1 ? filePreset(GREY_FASHION_MNIST, 1) : fashionMnist()
  if (channels === 3) return name === 'imagenet' ? imagenet() : cifar()
  throw wrongChannels(channels, name)
}

/** Contents of a {@link PRESET_FILE}. */
interface PresetFile {
  readonly name: string
  /** Height and width of the input. */
  readonly size: readonly [number, number]
  /** Length of the shorter side before the middle of `size` is cut out. Default: the image is resized to `size`. */
  readonly resize?: number | undefined
  /** Make the image grey first. Default: `false`. */
  readonly grayscale?: boolean | undefined
  readonly mean: readonly number[]
  readonly std: readonly number[]
  readonly labels?: readonly string[] | undefined
}

const PRESET_FIELDS = ['name', 'size', 'resize', 'grayscale', 'mean', 'std', 'labels']

// The preset fashionMnist() for models that read the one channel that there is.
const GREY_FASHION_MNIST: PresetFile = {
  name: 'fashion-mnist',
  size: [28, 28],
  grayscale: true,
  mean: [0.286],
  std: [0.353],
}

function filePreset({ name, size, resize, grayscale = false, mean, std }: PresetFile, channels: number): Preset {
  if (channels !== 3 && !(channels === 1 && grayscale)) throw wrongChannels(channels, name)
  const sized = resize === undefined ? [new Resize([...size])] : [new Resize([resize]), new CenterCrop([...size])]
  const grey = grayscale ? [new Grayscale(channels)] : []
  const ofChannels = (values: readonly number[]): readonly number[] => values.slice(0, channels)
  return new Compose([...sized, ...grey, new ToTensor(), new Normalize(ofChannels(mean), ofChannels(std))])
}

function wrongChannels(channels: number, name: string): TorchError {
  const message = `The model reads images of ${channels} channels, but the preset ${name} makes 3`
  return new TorchError('TORCH_ARCHITECTURE', message)
}

async function readPresetFile(path: string): Promise<PresetFile | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null
    throw new TorchError('TORCH_FILE', `${path}: Cannot be read`, { cause })
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new TorchError('TORCH_FILE', `${path}: Is not valid JSON`, { cause })
  }
  return checkPresetFile(path, value)
}

function checkPresetFile(path: string, value: unknown): PresetFile {
  if (typeof value !== 'object' || value === null) throw expected('an object', path, value)
  checkOptions(path, value, PRESET_FIELDS)
  const { name, size, resize, grayscale, mean, std, labels }: { [K in keyof PresetFile]?: unknown } = value
  const isNumbers = (list: unknown): list is number[] => {
    return Array.isArray(list) && (list.length === 1 || list.length === 3) && list.every(Number.isFinite)
  }
  if (typeof name !== 'string') throw expected('a string', `name in ${path}`, name)
  if (!Array.isArray(size) || size.length !== 2) throw expected('a height and a width', `size in ${path}`, size)
  if (!isNumbers(mean)) throw expected('1 or 3 numbers', `mean in ${path}`, mean)
  if (!isNumbers(std)) throw expected('1 or 3 numbers', `std in ${path}`, std)
  if (resize !== undefined && typeof resize !== 'number') throw expected('a number', `resize in ${path}`, resize)
  if (grayscale !== undefined && typeof grayscale !== 'boolean') {
    throw expected('a boolean', `grayscale in ${path}`, grayscale)
  }
  if (labels !== undefined && !(Array.isArray(labels) && labels.every((label) => typeof label === 'string'))) {
    throw expected('an array of strings', `labels in ${path}`, labels)
  }
  const [height, width] = size as unknown[]
  return { name, size: [Number(height), Number(width)], resize, grayscale, mean, std, labels }
}
