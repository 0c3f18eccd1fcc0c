import { checkOneOf } from '../util/check.js'
import { readCheckpoint } from '../checkpoint/read.js'
import { TorchError } from '../util/errors.js'
import type { Architecture } from '../models/detect.js'
import { scope } from '../util/scope.js'
import { checkLabels, loadLabels } from '../vision/labels.js'
import { ImagePreset } from '../vision/preset.js'
import { beside, cifar, fashionMnist, fromMetadata, imagenet, PRESET_FILE, type Preset } from '../vision/presets.js'
import { PRESETS, type PresetName } from './preset_names.js'

/** How images become the input of a model, and what its answers are called. */
export interface Recipe {
  readonly preset: Preset
  /** Name of the preset, for people; `own` where it was handed over and has none. */
  readonly presetName: string
  /** One for each class, or null where nobody says. */
  readonly labels: readonly string[] | null
  /** Where the labels come from, for people: a file, a list, `own` where they were handed over, or `none`. */
  readonly labelsName: string
  /** Neither an option, nor the checkpoint, nor a file beside it said so: it was concluded from the architecture. */
  readonly isGuess: boolean
}

/** What the user says about images and answers. */
export interface RecipeOptions {
  /** A preset, or the name of one of this package. Default: as the checkpoint, the file beside it, or the architecture says. */
  readonly preset?: PresetName | Preset | undefined
  /** Names of the classes, a file of them, or the name of a list of this package. Default: as for the preset. */
  readonly labels?: string | readonly string[] | undefined
}

/** What a preset that the user did not name was found in. */
interface FoundPreset {
  readonly preset: ImagePreset
  readonly source: string
}

/** Takes the place of a name where something was handed over that has none. */
const OWN = 'own'

/** Names of the classes, by what a model with so many of them was trained on. */
const LISTS: Readonly<Record<string, string>> = {
  'imagenet 1000': 'imagenet',
  'cifar 10': 'cifar10',
  'fashion-mnist 10': 'fashion-mnist',
}

const MAKERS: Readonly<Record<PresetName, () => ImagePreset>> = {
  imagenet,
  cifar,
  'fashion-mnist': fashionMnist,
}

/** Side of an image that is only there to be transformed. */
const BLANK_SIDE = 256

/**
 * Decides how images are prepared and what the classes are called: what the user says, else what the metadata of a
 * checkpoint of safetensors say, else `preset.json` beside it, else what the architecture was made for.
 *
 * @throws {TorchError} `TORCH_FILE` or `TORCH_INVALID_ARGUMENT` for a preset file that cannot be used, `TORCH_LABELS`,
 * `TORCH_ARCHITECTURE` if the model reads images of other channels.
 */
export async function findRecipe(
  checkpoint: string | Uint8Array,
  architecture: Architecture,
  { preset, labels }: RecipeOptions,
): Promise<Recipe> {
  const { family, numClasses, inputChannels } = architecture
  const found = preset === undefined ? await findPreset(checkpoint) : null
  const chosen = preset ?? found?.preset ?? (family === 'resnet' ? 'imagenet' : 'cifar')
  const made = typeof chosen === 'string' ? MAKERS[checkOneOf('preset', chosen, PRESETS)]() : chosen
  const presetName = made instanceof ImagePreset ? made.name : OWN

  const known = made instanceof ImagePreset ? made.labels : null
  const list = labels ?? known ?? LISTS[`${presetName} ${numClasses}`]
  const names = typeof list === 'string' ? await loadLabels(list) : list
  return {
    preset: made instanceof ImagePreset ? withChannels(made, inputChannels) : made,
    presetName,
    labels: names === undefined ? null : checkLabels(names, numClasses),
    labelsName:
      typeof list === 'string' ? list : list === undefined ? 'none' : list === labels ? OWN : (found?.source ?? OWN),
    isGuess: preset === undefined && found === null,
  }
}

/** Gives the shape (C, H, W) of what a preset makes of an image. */
export async function inputShapeOf(preset: Preset, { inputChannels }: Architecture): Promise<readonly number[]> {
  if (preset instanceof ImagePreset) return preset.shape
  const channels = inputChannels === 1 ? 1 : 3
  const data = new Uint8Array(BLANK_SIDE * BLANK_SIDE * channels)
  const blank = { data, height: BLANK_SIDE, width: BLANK_SIDE, channels } as const
  return scope(async () => (await preset.apply(blank)).shape)
}

async function findPreset(checkpoint: string | Uint8Array): Promise<FoundPreset | null> {
  const { metadata } = await readCheckpoint(checkpoint)
  const inside = fromMetadata(metadata)
  if (inside !== null) return { preset: inside, source: 'the checkpoint' }
  const file = typeof checkpoint === 'string' ? await beside(checkpoint) : null
  return file === null ? null : { preset: file, source: PRESET_FILE }
}

function withChannels(preset: ImagePreset, channels: number): ImagePreset {
  if (channels === preset.shape[0]) return preset
  if ((channels === 1 || channels === 3) && preset.settings.grayscale === true) return preset.withChannels(channels)
  const message = `The model reads images of ${channels} channels, but the preset ${preset.name} makes ${preset.shape[0]}`
  throw new TorchError('TORCH_ARCHITECTURE', message)
}
