import { checkSignal } from '../util/abort.js'
import {
  checkBoolean,
  checkInteger,
  checkNonNegativeInteger,
  checkNumber,
  checkOneOf,
  checkOptions,
  checkPositiveInteger,
  checkString,
  expected,
} from '../util/check.js'
import type { ConfusionMatrix } from '../evaluation/confusion.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Image } from '../vision/image.js'
import type { Transform } from '../vision/transforms.js'

/** What is under way: the features of all images, the head alone on them, then the last stages with the head. */
export const FINETUNE_PHASES = ['features', 'head', 'stages'] as const
export type FinetunePhase = (typeof FINETUNE_PHASES)[number]

/** How far a training has come. */
export interface FinetuneProgress {
  readonly phase: FinetunePhase
  /** Images of `features`, else steps of all epochs of the phase. */
  readonly done: number
  readonly total: number
  /** From 1; 0 for `features`. */
  readonly epoch: number
  /** Of the last step; null before. */
  readonly loss: number | null
  /** Share of the validation images that the last epoch got right, 0 to 1; null before. */
  readonly accuracy: number | null
  readonly lr: number | null
}

/** An epoch of a training. */
export interface FinetuneEpoch {
  readonly phase: Exclude<FinetunePhase, 'features'>
  /** From 1, in its phase. */
  readonly epoch: number
  /** Mean of the steps. */
  readonly trainLoss: number
  /** Mean of the validation images. */
  readonly loss: number
  /** Share of the validation images that are right, 0 to 1. */
  readonly accuracy: number
  /** Highest learning rate at its end. */
  readonly lr: number
}

/** Options of {@link finetune}. */
export interface FinetuneOptions {
  /** How images are prepared; gives tensors (C, H, W) of one shape. */
  readonly preset: Transform<Image, Tensor>
  /** Share of each class that is measured by and not trained on, above 0 to below 1. Default: `0.2`. */
  readonly validation?: number | undefined
  /** Of the split, the order of images, and all that is drawn. Default: `0`. */
  readonly seed?: number | undefined
  /** Default: `32`. */
  readonly batchSize?: number | undefined
  /** Most epochs of the head. Default: `40`. */
  readonly headEpochs?: number | undefined
  /** Highest learning rate of the head alone. Default: `0.01`. */
  readonly headLr?: number | undefined
  /** Most epochs of the last stages; 0 trains the head alone. Default: `5`. */
  readonly epochs?: number | undefined
  /** Highest learning rate of the last stages; that of the head is ten times as high then. Default: `2e-4`. */
  readonly lr?: number | undefined
  /** Parts of the model before the head that are trained. Default: `1`. */
  readonly stages?: number | undefined
  /** Default: `0.01`. */
  readonly weightDecay?: number | undefined
  /** Epochs without a better one after which a phase ends. Default: `5`. */
  readonly patience?: number | undefined
  /** Computes under `autocast` with `bfloat16`. Default: `float32`. */
  readonly dtype?: 'float32' | 'bfloat16' | undefined
  /**
   * Trains the last stages on a part of each image by chance: of photos, 35 to 100 % of them, as `RandomResizedCrop`; of small images,
   * which the preset does not crop, a part of their size after a frame was put around. Default: `true`. Only for an `ImagePreset`.
   */
  readonly crop?: boolean | undefined
  /** Mirrors half of them, as `RandomHorizontalFlip`. Default: `true`. Only for an `ImagePreset`. */
  readonly flip?: boolean | undefined
  /** Images that a class needs. Default: `4`. */
  readonly minImages?: number | undefined
  /** Leave out images that cannot be read. Default: `false`, which refuses the dataset. */
  readonly skipErrors?: boolean | undefined
  /**
   * A folder in which the state of the training is kept, epoch by epoch: called again with it, a training that was ended goes on, to
   * the same result. It is emptied at the end. Default: nothing is kept.
   */
  readonly stateFolder?: string | undefined
  /** What tells a training in `stateFolder` from others beside the options. Default: `''`. */
  readonly fingerprint?: string | undefined
  /** Ends the training with its reason. */
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: FinetuneProgress) => void) | undefined
  readonly onEpoch?: ((epoch: FinetuneEpoch) => void) | undefined
  /** Called with what is to be said of the data before the training: copies, images that were left out. */
  readonly onNote?: ((note: string) => void) | undefined
}

/** What {@link finetune} gives. The model that it was given has the best weights, in eval mode. */
export interface FinetuneResult {
  /** Names of the classes, in the order of the model's outputs. */
  readonly classes: readonly string[]
  readonly epochs: readonly FinetuneEpoch[]
  /** The epoch whose weights the model has. */
  readonly best: FinetuneEpoch
  /** Of the validation images, with the best weights. */
  readonly confusion: ConfusionMatrix
  /** Indices in the dataset. */
  readonly train: readonly number[]
  readonly validation: readonly number[]
  /** Whether a training was taken up that had been ended. */
  readonly isResumed: boolean
}

type Callbacks = Pick<FinetuneOptions, 'signal' | 'stateFolder' | 'onProgress' | 'onEpoch' | 'onNote'>

/** {@link FinetuneOptions}, with all defaults. */
export type CheckedFinetune = Callbacks & {
  readonly [K in Exclude<keyof FinetuneOptions, keyof Callbacks>]-?: Exclude<FinetuneOptions[K], undefined>
}

const NAMES = [
  'preset',
  'validation',
  'seed',
  'batchSize',
  'headEpochs',
  'headLr',
  'epochs',
  'lr',
  'stages',
  'weightDecay',
  'patience',
  'dtype',
  'crop',
  'flip',
  'minImages',
  'skipErrors',
  'stateFolder',
  'fingerprint',
  'signal',
  'onProgress',
  'onEpoch',
  'onNote',
] as const

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless each option is what it should be. */
export function checkFinetune(options: FinetuneOptions): CheckedFinetune {
  checkOptions('finetune()', options, NAMES)
  const { preset, validation = 0.2, stateFolder, onProgress, onEpoch, onNote } = options
  const rate = (name: string, value: number): number => {
    if (checkNumber(name, value) < 0) throw expected('a number >= 0', name, value)
    return value
  }
  if (typeof preset !== 'object' || typeof preset.apply !== 'function') throw expected('a preset', 'preset', preset)
  if (!(checkNumber('validation', validation) > 0 && validation < 1)) {
    throw expected('a number above 0 and below 1', 'validation', validation)
  }
  return {
    ...{ preset, validation, onProgress, onEpoch, onNote },
    seed: checkInteger('seed', options.seed ?? 0),
    batchSize: checkPositiveInteger('batchSize', options.batchSize ?? 32),
    headEpochs: checkPositiveInteger('headEpochs', options.headEpochs ?? 40),
    headLr: rate('headLr', options.headLr ?? 0.01),
    epochs: checkNonNegativeInteger('epochs', options.epochs ?? 5),
    lr: rate('lr', options.lr ?? 2e-4),
    stages: checkPositiveInteger('stages', options.stages ?? 1),
    weightDecay: rate('weightDecay', options.weightDecay ?? 0.01),
    patience: checkPositiveInteger('patience', options.patience ?? 5),
    dtype: checkOneOf('dtype', options.dtype ?? 'float32', ['float32', 'bfloat16'] as const),
    crop: checkBoolean('crop', options.crop ?? true),
    flip: checkBoolean('flip', options.flip ?? true),
    minImages: checkPositiveInteger('minImages', options.minImages ?? 4),
    skipErrors: checkBoolean('skipErrors', options.skipErrors ?? false),
    stateFolder: stateFolder === undefined ? undefined : checkString('stateFolder', stateFolder),
    fingerprint: checkString('fingerprint', options.fingerprint ?? ''),
    signal: checkSignal(options.signal),
  }
}
