import { ACTIVATIONS, PRESETS, STEMS } from '../model/preset_names.js'
import { isDevice, type Device } from '../util/device.js'
import type { Option, ValueType } from './command.js'

// The options that several commands have, those of `serve` and `jobs` included: one text and one meaning each.

/** Headings of the help. */
const MODEL = 'Which model of the checkpoint'
const IMAGES = 'Images and classes'

/** An integer from 1 to 999,999,999. */
export const POSITIVE_INTEGER: ValueType<number> = {
  expected: 'a positive integer',
  parse: (text) => (/^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined),
}

const DEVICE_NAME: ValueType<Device> = {
  expected: 'cpu, cuda or cuda:N',
  parse: (text) => (isDevice(text) ? text : undefined),
}

export const JSON_OUTPUT = { description: 'print the result as JSON' } as const satisfies Option

export const KEY = {
  value: '<key>',
  description: 'path of the state dict in the file, such as model.ema',
  group: MODEL,
} as const satisfies Option

export const WHOLE_MODULE = {
  description: 'load a module that was pickled as a whole, without running its code',
  group: MODEL,
} as const satisfies Option

export const PREFIX = {
  value: '<prefix>',
  description: 'which network of several: what its keys begin with, such as student.',
  group: MODEL,
} as const satisfies Option

export const STEM = {
  value: '<form>',
  description: 'whether a max-pool follows a 3×3 stem, which keys do not show',
  choices: STEMS,
  group: MODEL,
} as const satisfies Option

export const MODULE = {
  value: '<file>',
  description: 'JavaScript or TypeScript file that builds the model; its code is run',
  group: MODEL,
} as const satisfies Option

export const ACTIVATION = {
  value: '<name>',
  description: 'how outputs become probabilities; sigmoid for several labels per image',
  choices: ACTIVATIONS,
  group: IMAGES,
} as const satisfies Option

export const ARCH = {
  value: '<name>',
  description: 'refuse a checkpoint of any other architecture, such as resnet18',
  group: MODEL,
} as const satisfies Option

export const PRESET = {
  value: '<name>',
  description: 'how images are prepared',
  choices: PRESETS,
  group: IMAGES,
} as const satisfies Option

export const EXIF_ORIENTATION = {
  description: 'turn images as their EXIF or XMP data say',
  group: IMAGES,
} as const satisfies Option

export const INVERT = {
  description: 'invert images first: white becomes black',
  group: IMAGES,
} as const satisfies Option

export const LABELS = {
  value: '<file>',
  description: 'file of class names, one per line, or one of imagenet, cifar10, fashion-mnist',
  group: IMAGES,
} as const satisfies Option

export const DEVICE = {
  value: '<device>',
  description: 'device that computes: cpu, cuda or cuda:N',
  type: DEVICE_NAME,
  default: 'cpu',
} as const satisfies Option

/** Its default is the command's. */
export const TOP = {
  value: '<k>',
  description: 'maximum number of predictions per image',
  type: POSITIVE_INTEGER,
} as const satisfies Option

/** Its default is the command's. */
export const BATCH_SIZE = {
  value: '<n>',
  description: 'maximum number of images in a batch',
  type: POSITIVE_INTEGER,
} as const satisfies Option

/** The options that say which model of a checkpoint is meant; they have the names of `openModel`'s. */
export const MODEL_OPTIONS = {
  key: KEY,
  wholeModule: WHOLE_MODULE,
  prefix: PREFIX,
  stem: STEM,
  arch: ARCH,
  module: MODULE,
} as const

/** {@link MODEL_OPTIONS}, and the options that say how images are prepared and what the classes are called. */
export const CLASSIFIER_OPTIONS = {
  ...MODEL_OPTIONS,
  preset: PRESET,
  exifOrientation: EXIF_ORIENTATION,
  invert: INVERT,
  labels: LABELS,
  activation: ACTIVATION,
} as const
