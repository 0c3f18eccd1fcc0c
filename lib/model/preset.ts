import type { Checkpoint } from '../checkpoint/read.js'
import type { Architecture, ModelArchitecture, OwnArchitecture } from '../models/architecture.js'
import { checkBoolean, checkOneOf, expected } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { scope } from '../util/scope.js'
import { checkLabels, loadLabels } from '../vision/labels.js'
import { ACTIVATIONS, type OutputActivation } from '../vision/activations.js'
import { ImagePreset } from '../vision/preset.js'
import { isModelPreset, torchvision } from '../vision/model_presets.js'
import { CONFIG_FILE, labelsBeside } from '../vision/preset_file.js'
import { cifar, fashionMnist, findBeside, fromMetadata, imagenet, type Preset } from '../vision/presets.js'
import { findLabels } from './labels_in_file.js'
import { PRESETS, type PresetName } from './preset_names.js'

/** What the user says about images and classes. */
export interface PresetOptions {
  /**
   * How images are prepared: a preset, or the name of one. Default: the preset in the metadata of a safetensors checkpoint,
   * else the file `preset.json` beside the checkpoint, else the preset of the architecture.
   */
  readonly preset?: PresetName | Preset | undefined
  /**
   * Names of the classes: an array, a file (see `loadLabels`), or one of `LABEL_LISTS`. Default: the labels of the preset,
   * else those in the checkpoint or in `config.json` beside it, else the list that the preset's dataset has, if their number fits.
   */
  readonly labels?: string | readonly string[] | undefined
  /**
   * How outputs become probabilities: `softmax` where each image shows one class, `sigmoid` where each output stands for itself.
   * Default: that of the preset, else `softmax`, or `sigmoid` for a model of one output.
   */
  readonly activation?: OutputActivation | undefined
  /** Turn image files as their EXIF or XMP data say. Default: that of the preset, else `false`. */
  readonly exifOrientation?: boolean | undefined
  /** Invert images first: white becomes black. Default: that of the preset, else `false`. */
  readonly invert?: boolean | undefined
}

/** How the images of a model are prepared, what its classes are called, and where both were found. */
export interface SelectedPreset {
  readonly preset: Preset
  /** Name of the preset; `own` where it was passed as a transform without a name. */
  readonly presetName: string
  /** True if the preset follows from the architecture alone: no option, checkpoint or file names one. */
  readonly isPresetGuessed: boolean
  /** One name for each class, in the order of the model's outputs, or null where the classes have no names. */
  readonly labels: readonly string[] | null
  /** Where the labels come from: a file, a list, `own` where they were passed as an array, `the checkpoint`, or `none`. */
  readonly labelsName: string
  /** How outputs become probabilities. */
  readonly activation: OutputActivation
  /** Whether image files are turned as their EXIF or XMP data say. */
  readonly exifOrientation: boolean
}

/** A preset that no option named, and where it was found. */
interface FoundPreset {
  readonly preset: ImagePreset
  readonly source: string
}

/** Stands for the name of a preset or list that was passed and has none. */
const OWN = 'own'

/** The list of class names, by the preset's name and the number of classes. */
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

/** Side of the blank image whose transform shows the input shape. */
const BLANK_SIDE = 256

/**
 * Selects how images are prepared and what the classes are called; {@link PresetOptions} gives the order. libtorch is not
 * opened.
 *
 * @throws {TorchError} `TORCH_FILE` or `TORCH_INVALID_ARGUMENT` for a preset that cannot be used, `TORCH_LABELS`, and
 * `TORCH_ARCHITECTURE` if the model reads another number of channels than the preset makes.
 */
export async function selectPreset(
  checkpoint: PresetSources,
  architecture: ModelArchitecture,
  options: PresetOptions,
): Promise<SelectedPreset> {
  const chosen = await choosePreset(checkpoint, architecture, options)
  return nameClasses(chosen, checkpoint.root, architecture, options)
}

/** Where a checkpoint may say how images are prepared and what the classes are called. */
type PresetSources = Pick<Checkpoint, 'path' | 'metadata' | 'root'>

/** A preset, before the number of classes is known. */
export type ChosenPreset = Pick<SelectedPreset, 'preset' | 'presetName' | 'isPresetGuessed' | 'exifOrientation'> & {
  /** What its labels are said to come from, where neither an option nor the metadata names the preset. */
  readonly source: string | undefined
  /** Names of classes in the `config.json` beside the checkpoint, where the preset has none. */
  readonly beside: readonly string[] | null
}

/** Chooses how images are prepared, the first half of {@link selectPreset}. */
export async function choosePreset(
  { path, metadata }: PresetSources,
  architecture: Architecture | Pick<OwnArchitecture, 'family'>,
  { preset, exifOrientation, invert }: Pick<PresetOptions, 'preset' | 'exifOrientation' | 'invert'>,
): Promise<ChosenPreset> {
  if (exifOrientation !== undefined) checkBoolean('exifOrientation', exifOrientation)
  if (invert !== undefined) checkBoolean('invert', invert)
  const found = preset === undefined ? await findPreset(path, metadata) : null
  const selected = preset ?? found?.preset ?? guessPreset(architecture)
  const made = typeof selected === 'string' ? MAKERS[checkOneOf('preset', selected, PRESETS)]() : selected
  const isFitted = made instanceof ImagePreset && architecture.family !== 'own'
  // The user's own model reads what the preset makes.
  const fitted = isFitted ? withChannels(made, architecture.inputChannels) : made
  if (!(fitted instanceof ImagePreset) && invert === true) {
    throw expected('nothing for a transform of your own, which can invert images itself,', 'invert', invert)
  }
  const asked = Object.entries({ exifOrientation, invert }).filter(([, value]) => value !== undefined)
  const changed = fitted instanceof ImagePreset && asked.length > 0
  const turned = changed ? new ImagePreset({ ...fitted.settings, ...Object.fromEntries(asked) }) : fitted
  return {
    preset: turned,
    exifOrientation:
      turned instanceof ImagePreset ? turned.settings.exifOrientation === true : exifOrientation === true,
    presetName: made instanceof ImagePreset ? made.name : OWN,
    isPresetGuessed: preset === undefined && found === null,
    source: found?.source,
    beside: path === null || (found?.preset.labels ?? null) !== null ? null : await labelsBeside(path),
  }
}

/** Finds what the classes are called and how outputs become probabilities, the second half of {@link selectPreset}. */
export async function nameClasses(
  { source, beside, ...chosen }: ChosenPreset,
  root: PresetSources['root'],
  { numClasses }: Pick<ModelArchitecture, 'numClasses'>,
  { labels, activation }: PresetOptions,
): Promise<SelectedPreset> {
  const settings = chosen.preset instanceof ImagePreset ? chosen.preset.settings : undefined
  const known = settings?.labels
  const inFile = labels === undefined && known === undefined ? findLabels(root, numClasses) : null
  const fitting = beside?.length === (numClasses === 1 ? 2 : numClasses) ? beside : undefined
  const list = labels ?? known ?? inFile ?? fitting ?? listOf(chosen.presetName, numClasses)
  const listed = typeof list === 'string' ? await loadLabels(list) : list
  // One output tells two classes apart: it is the probability of the second.
  const names = numClasses === 1 && listed?.length === 2 ? listed.slice(1) : listed
  const usual = settings?.activation ?? (numClasses === 1 ? 'sigmoid' : 'softmax')
  return {
    ...chosen,
    labels: names === undefined || numClasses === 0 ? null : checkLabels(names, numClasses),
    labelsName: nameOfLabels(list, { labels, inFile, source: list === beside ? CONFIG_FILE : source }),
    activation: activation === undefined ? usual : checkOneOf('activation', activation, ACTIVATIONS),
  }
}

function listOf(presetName: string, numClasses: number): string | undefined {
  return LISTS[`${isModelPreset(presetName) ? 'imagenet' : presetName} ${numClasses}`]
}

/** The preset that most models of an architecture have. */
function guessPreset(architecture: Architecture | Pick<OwnArchitecture, 'family'>): PresetName | ImagePreset {
  if (architecture.family === 'own') {
    const text =
      'Expected a preset, which says how images are prepared: pass { preset } or put preset.json beside the checkpoint'
    throw new TorchError('TORCH_INVALID_ARGUMENT', text)
  }
  if (architecture.family === 'torchvision') {
    const { name, options } = architecture
    return isModelPreset(name) ? torchvision(name, { imageSize: options.imageSize }) : 'imagenet'
  }
  const { family, departures } = architecture
  const isSmall = departures?.stem?.kernelSize === 3 && !departures.stem.maxPool
  return family === 'resnet' && !isSmall ? 'imagenet' : 'cifar'
}

interface LabelSources {
  readonly labels: PresetOptions['labels']
  readonly inFile: readonly string[] | null
  readonly source: string | undefined
}

function nameOfLabels(list: string | readonly string[] | undefined, { labels, inFile, source }: LabelSources): string {
  if (typeof list === 'string') return list
  if (list === undefined) return 'none'
  if (list === inFile) return 'the checkpoint'
  return list === labels ? OWN : (source ?? OWN)
}

/** Gives the shape (C, H, W) that a preset makes of an image. */
export async function inputShapeOf(
  preset: Preset,
  { inputChannels }: Pick<ModelArchitecture, 'inputChannels'>,
): Promise<readonly number[]> {
  if (preset instanceof ImagePreset) return preset.shape
  const channels = inputChannels === 1 ? 1 : 3
  const data = new Uint8Array(BLANK_SIDE * BLANK_SIDE * channels)
  const blank = { data, height: BLANK_SIDE, width: BLANK_SIDE, channels } as const
  return scope(async () => (await preset.apply(blank)).shape)
}

async function findPreset(path: string | null, metadata: Checkpoint['metadata']): Promise<FoundPreset | null> {
  const inside = fromMetadata(metadata)
  if (inside !== null) return { preset: inside, source: 'the checkpoint' }
  const found = path === null ? null : await findBeside(path)
  return found === null ? null : { preset: found.preset, source: found.file }
}

function withChannels(preset: ImagePreset, channels: number): ImagePreset {
  if (channels === preset.shape[0]) return preset
  if ((channels === 1 || channels === 3) && preset.settings.grayscale === true) return preset.withChannels(channels)
  const message = `The model reads images of ${channels} channels, but the preset ${preset.name} makes ${preset.shape[0]}`
  throw new TorchError('TORCH_ARCHITECTURE', message)
}
