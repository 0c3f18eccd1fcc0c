import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { saveCheckpoint } from '../../checkpoint/write/save.js'
import { openModel, type OpenedModel } from '../../model/open.js'
import { finetune } from '../../train/finetune.js'
import type { FinetuneEpoch, FinetunePhase, FinetuneProgress, FinetuneResult } from '../../train/options.js'
import { writeAtomically } from '../../util/atomic_file.js'
import { shorten } from '../../util/check.js'
import { TorchError } from '../../util/errors.js'
import { ImagePreset } from '../../vision/preset.js'
import { save as savePreset } from '../../vision/preset_file.js'
import { defineCommand, type Context, type Flags, type ValueType } from '../command.js'
import { confusionSvg } from '../evaluate/confusion_svg.js'
import { openDataset } from '../evaluate/dataset.js'
import { fingerprintOf } from '../evaluate/state.js'
import { EXIT } from '../exit_codes.js'
import { BATCH_SIZE, CLASSIFIER_OPTIONS, JSON_OUTPUT, MODEL_OPTIONS, POSITIVE_INTEGER } from '../options.js'
import { Progress } from '../output/progress.js'
import { count, percent, plural } from '../output/text.js'
import { curveSvg } from './curve_svg.js'
import { linesOf } from './report.js'

/** What the command writes into its folder. */
const FILES = {
  model: 'model.pth',
  labels: 'labels.txt',
  preset: 'preset.json',
  record: 'training.json',
  curve: 'curve.svg',
  confusion: 'confusion.svg',
  state: '.training',
} as const

const NON_NEGATIVE_INTEGER: ValueType<number> = {
  expected: 'an integer from 0',
  parse: (text) => (/^\d{1,9}$/.test(text) ? Number(text) : undefined),
}
const POSITIVE_NUMBER: ValueType<number> = {
  expected: 'a positive number',
  parse: (text) => (Number(text) > 0 && Number.isFinite(Number(text)) ? Number(text) : undefined),
}
const SHARE: ValueType<number> = {
  expected: 'a number above 0 and below 1',
  parse: (text) => (Number(text) > 0 && Number(text) < 1 ? Number(text) : undefined),
}

const TRAINING = 'Training'

const { preset: PRESET, exifOrientation: EXIF_ORIENTATION, invert: INVERT } = CLASSIFIER_OPTIONS

const OPTIONS = {
  from: { value: '<checkpoint>', description: 'model from which the training starts', isRequired: true },
  output: { short: 'o', value: '<folder>', description: 'folder for the trained model', isRequired: true },
  force: { description: 'replace a model that is in the folder' },
  epochs: {
    value: '<n>',
    description: 'most epochs of the last stages; 0 trains the head alone',
    type: NON_NEGATIVE_INTEGER,
    default: 5,
    group: TRAINING,
  },
  headEpochs: {
    value: '<n>',
    description: 'most epochs of the head alone',
    type: POSITIVE_INTEGER,
    default: 40,
    group: TRAINING,
  },
  lr: {
    value: '<rate>',
    description: 'highest learning rate of the last stages',
    type: POSITIVE_NUMBER,
    default: 2e-4,
    group: TRAINING,
  },
  headLr: {
    value: '<rate>',
    description: 'highest learning rate of the head alone',
    type: POSITIVE_NUMBER,
    default: 0.01,
    group: TRAINING,
  },
  stages: {
    value: '<n>',
    description: 'parts before the head that are trained',
    type: POSITIVE_INTEGER,
    default: 1,
    group: TRAINING,
  },
  patience: {
    value: '<n>',
    description: 'epochs without a better one after which it stops',
    type: POSITIVE_INTEGER,
    default: 5,
    group: TRAINING,
  },
  validation: {
    value: '<share>',
    description: 'share of each class that is measured by',
    type: SHARE,
    default: 0.2,
    group: TRAINING,
  },
  seed: {
    value: '<n>',
    description: 'seed of the split and of all that is drawn',
    type: NON_NEGATIVE_INTEGER,
    default: 0,
    group: TRAINING,
  },
  dtype: {
    value: '<dtype>',
    description: 'dtype of convolutions in the training',
    choices: ['float32', 'bfloat16'],
    default: 'float32',
    group: TRAINING,
  },
  crop: { negation: 'train on whole images, and not on parts of them by chance', group: TRAINING },
  flip: { negation: 'do not mirror images by chance', group: TRAINING },
  batchSize: { ...BATCH_SIZE, default: 32 },
  minImages: {
    value: '<n>',
    description: 'images that each class needs',
    type: POSITIVE_INTEGER,
    default: 4,
    group: TRAINING,
  },
  skipErrors: { description: 'leave out images that cannot be read', group: TRAINING },
  preset: PRESET,
  exifOrientation: EXIF_ORIENTATION,
  invert: INVERT,
  ...MODEL_OPTIONS,
  json: JSON_OUTPUT,
} as const

export const command = defineCommand({
  name: 'train',
  description: 'Trains a model for classes of your own, starting from a checkpoint.',
  arguments: {
    dataset: { description: 'folder of classes, list of images (CSV, TSV or text), or IDX images file' },
  },
  options: OPTIONS,
  notes: `The model gets a new head, which learns from the features of the images first; then the last stages learn with it. The
data is checked before: images that cannot be read, one class, classes of few images and files that stand in several
classes are refused. The best weights are kept.

The folder holds model.pth, labels.txt, preset.json, training.json and two drawings; classify, evaluate and serve take
it as it is. A training that was ended, by Ctrl-C or with the machine, goes on where it was with the same command.`,
  examples: [
    'napi-torch train photos/ --from resnet18-f37072fd.pth -o my-model/',
    'napi-torch train list.csv --from resnet18-f37072fd.pth -o my-model/ --epochs 10 --json',
  ],
  run: ({ dataset }, flags, context) => train(dataset, flags, context),
})

/** Trains a model, and writes it with all that it needs into a folder. */
async function train(
  path: string,
  { from, output, force, json, ...flags }: Flags<typeof OPTIONS>,
  { terminal, signal }: Context,
): Promise<number> {
  const model = join(output, FILES.model)
  if (force !== true && (await exists(model))) {
    const text = `${shorten(model)}: Exists already: choose another folder, or replace it by --force`
    throw new TorchError('TORCH_INVALID_ARGUMENT', text)
  }
  const { key, wholeModule, prefix, stem, arch, module, preset: named, exifOrientation, invert, ...options } = flags
  const listed = await openDataset(path)
  const place = { key, wholeModule, prefix, stem, arch, module, preset: named, exifOrientation, invert }
  using opened = await openModel(from, { ...place, signal })
  const dataset = opened.exifOrientation ? await openDataset(path, { exifOrientation: true }) : listed
  const preset = presetOf(opened)
  await mkdir(output, { recursive: true })

  const { checkpoint, dataset: images } = await fingerprintOf({
    checkpoint: from,
    source: opened.source,
    path,
    dataset,
    preset,
  })
  const started = performance.now()
  const shown = new TrainingProgress((total, amount) => new Progress(terminal, total, amount))
  let result: FinetuneResult
  try {
    result = await finetune(opened.model, dataset, {
      ...options,
      preset,
      stateFolder: join(output, FILES.state),
      fingerprint: `${checkpoint} ${images}`,
      signal,
      onNote: (note) => terminal.note(note),
      onProgress: (progress) => shown.update(progress),
      onEpoch: (epoch) => {
        if (json === true) terminal.print(JSON.stringify({ type: 'epoch', ...epoch }))
      },
    })
  } catch (error) {
    shown.stop()
    if (signal.aborted) terminal.note('Ended: the same command goes on from the last epoch')
    throw error
  }
  shown.stop()

  const seconds = (performance.now() - started) / 1000
  await writeResult(output, opened, preset, result)
  const record = recordOf(path, from, opened, { result, seconds, settings: options })
  await write(join(output, FILES.record), `${JSON.stringify(record, null, 2)}\n`)
  const serve = `napi-torch serve ${model}`
  if (json === true) terminal.print(JSON.stringify({ type: 'end', ...record, serve }))
  else for (const line of linesOf(result, { seconds, model, serve }, terminal)) terminal.print(line)
  return EXIT.ok
}

/** One bar for each part of a training. */
class TrainingProgress {
  readonly #make: (total: number, amount: (done: number, total: number) => string) => Progress
  #bar: Progress | null = null
  #phase: FinetunePhase | null = null

  constructor(make: (total: number, amount: (done: number, total: number) => string) => Progress) {
    this.#make = make
  }

  update({ phase, done, total, epoch, loss, accuracy, lr }: FinetuneProgress): void {
    if (phase !== this.#phase) {
      this.stop()
      this.#phase = phase
      this.#bar = this.#make(total, (now, all) => {
        return phase === 'features'
          ? `${count(now)} of ${plural(all, 'image')}`
          : `${phase} ${count(now)} of ${count(all)}`
      })
    }
    const parts = [
      epoch > 0 ? `epoch ${epoch}` : null,
      loss === null ? null : `loss ${loss.toFixed(3)}`,
      accuracy === null ? null : `${percent(accuracy, 1)} right`,
      lr === null ? null : `lr ${lr.toExponential(1)}`,
    ]
    this.#bar?.update(done, parts.filter((part) => part !== null).join(' · '))
  }

  stop(): void {
    this.#bar?.stop()
    this.#bar = null
  }
}

function presetOf({ preset }: OpenedModel): ImagePreset {
  if (preset instanceof ImagePreset) return preset
  throw new TorchError('TORCH_INVALID_ARGUMENT', 'Expected a preset that can be written as JSON, received a transform')
}

async function writeResult(
  folder: string,
  { model, architecture }: OpenedModel,
  preset: ImagePreset,
  { classes, epochs, confusion }: FinetuneResult,
): Promise<void> {
  const title = `${architecture.name}, ${plural(classes.length, 'class', 'classes')}`
  const settings = { ...preset.settings, labels: classes, activation: undefined }
  await savePreset(join(folder, FILES.preset), new ImagePreset(settings))
  await write(join(folder, FILES.labels), `${classes.join('\n')}\n`)
  await write(join(folder, FILES.curve), curveSvg(epochs, { title }))
  await write(join(folder, FILES.confusion), confusionSvg(confusion, classes, { title }))
  // Last: where it is, all is.
  await saveCheckpoint(join(folder, FILES.model), model.stateDict())
}

/** What `training.json` holds. */
interface TrainingRecord {
  readonly dataset: string
  readonly from: string
  readonly architecture: string
  readonly classes: readonly string[]
  readonly settings: object
  readonly trainImages: number
  readonly validationImages: number
  readonly best: FinetuneEpoch
  readonly epochs: readonly FinetuneEpoch[]
  readonly seconds: number
}

function recordOf(
  dataset: string,
  from: string,
  { architecture }: OpenedModel,
  {
    result,
    seconds,
    settings,
  }: { readonly result: FinetuneResult; readonly seconds: number; readonly settings: object },
): TrainingRecord {
  const { classes, best, epochs, train, validation } = result
  return {
    ...{ dataset, from, architecture: architecture.name, classes, settings },
    ...{ trainImages: train.length, validationImages: validation.length, best, epochs, seconds },
  }
}

async function write(path: string, contents: string): Promise<void> {
  await writeAtomically(path, (sink) => sink(Buffer.from(contents)))
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
