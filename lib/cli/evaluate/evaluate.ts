import { shorten } from '../../util/check.js'
import { basename } from 'node:path'

import { writeAtomically } from '../../util/atomic_file.js'
import type { EvaluatedImage, Evaluation } from '../../evaluation/evaluate.js'
import { openModel, type OpenedModel } from '../../model/open.js'
import type { Dataset } from '../../vision/dataset.js'
import { defineCommand, type Context, type Flags } from '../command.js'
import { EXIT } from '../exit_codes.js'
import { BATCH_SIZE, CLASSIFIER_OPTIONS, DEVICE, JSON_OUTPUT } from '../options.js'
import { messageOf } from '../output/errors.js'
import { unusedNote } from '../output/model_line.js'
import type { Terminal } from '../output/terminal.js'
import { count, plural } from '../output/text.js'
import { confusionSvg } from './confusion_svg.js'
import { contactSheet, MAX_TILES } from './contact_sheet.js'
import { MATCHES, matchClasses } from './classes.js'
import { openDataset, PartOfDataset } from './dataset.js'
import { evaluateDataset, withEngine, type DatasetEvaluation, type EngineFlags } from './measure.js'
import { linesOf, reportOf } from './report.js'
import { EvaluationState, fingerprintOf, type SkippedImage } from './state.js'

const OPTIONS = {
  ...CLASSIFIER_OPTIONS,
  batchSize: { ...BATCH_SIZE, default: 32 },
  match: {
    value: '<how>',
    description: "what tells the model's class of a folder or label: its name, its index, or its order",
    choices: MATCHES,
  },
  skipErrors: { description: 'leave out images that cannot be read, and list them at the end' },
  svg: { value: '<file>', description: 'draw the confusion matrix as SVG' },
  wrong: { value: '<file>', description: 'draw the images whose prediction is wrong, as PNG' },
  resume: { value: '<file>', description: 'keep predictions in this file, and continue from them' },
  device: DEVICE,
  json: JSON_OUTPUT,
} as const

export const command = defineCommand({
  name: 'evaluate',
  description: 'Measures the accuracy of a checkpoint on a labeled dataset.',
  arguments: {
    checkpoint: { description: 'checkpoint, folder of a hub or hf://owner/name' },
    dataset: { description: 'folder of classes, list of images (CSV, TSV or text), or IDX images file' },
  },
  options: OPTIONS,
  notes: `<dataset> is a folder with a subfolder of images for each class, a list of paths and labels, or an images file in
the IDX format of MNIST, whose labels file is beside it. Classes are matched by name without case and punctuation, else
by index where their names are integers, else by their order.`,
  examples: [
    'napi-torch evaluate resnet18-f37072fd.pth imagenet/val',
    'napi-torch evaluate best.pth t10k-images-idx3-ubyte.gz --json',
    'napi-torch evaluate best.pth test.csv --svg confusion.svg --wrong wrong.png --resume state.json',
  ],
  run: ({ checkpoint, dataset }, flags, context) => evaluate(checkpoint, dataset, flags, context),
})

/** Measures the accuracy of a checkpoint on a labeled dataset. */
async function evaluate(
  checkpoint: string,
  path: string,
  { batchSize, match: how, skipErrors, svg, wrong, resume, device, json, ...options }: Flags<typeof OPTIONS>,
  { terminal, signal }: Context,
): Promise<number> {
  // The dataset first: if it is wrong, that is found without loading a model.
  const listed = await openDataset(path)
  using opened = await openModel(checkpoint, { ...options, signal })
  const { exifOrientation } = opened
  // Rarely asked for, and known only with the preset.
  const dataset = exifOrientation ? await openDataset(path, { exifOrientation }) : listed
  const { architecture, preset, source } = opened
  const matched = await matchClasses(dataset, opened, how)
  const { labels, classOf } = matched
  for (const note of [unusedNote(opened), matched.note]) if (note !== null) terminal.note(note)
  const evaluated = { checkpoint, source, path, dataset, classOf, preset }
  const state =
    resume === undefined
      ? null
      : await EvaluationState.open(resume, await fingerprintOf(evaluated), architecture.numClasses)

  const kept: Kept = { state, predictions: [], skipped: [], skipErrors: skipErrors === true }
  const work = { dataset, preset, batchSize, classOf, terminal, signal }
  const evaluation = await evaluateRest(opened, work, { batchSize, device, signal }, kept)
  const title = `${architecture.name} on ${basename(path)}`
  try {
    // Before the report is printed, whose reader may close the output, which ends the command.
    if (svg !== undefined) await write(svg, confusionSvg(evaluation.confusion, labels, { title }))
    if (wrong !== undefined) await writeWrong(wrong, { ...kept, dataset, labels, terminal, signal })
  } finally {
    const results = { evaluation, labels, match: matched.match, skipped: kept.skipped }
    if (json === true) terminal.printJson(reportOf(path, opened, results))
    else for (const line of linesOf(opened, results, terminal.colors)) terminal.print(line)
  }
  return EXIT.ok
}

/** Where predictions are kept: in the file of `--resume`, if there is one, and in an array. */
interface Kept {
  readonly state: EvaluationState | null
  /** For each image of the dataset that could be read. */
  readonly predictions: EvaluatedImage[]
  /** The images that could not, in their order. */
  readonly skipped: SkippedImage[]
  readonly skipErrors: boolean
}

/** Evaluates the images that no earlier run has evaluated, and keeps the predictions for all images. */
async function evaluateRest(
  opened: OpenedModel,
  work: Omit<DatasetEvaluation, 'model'>,
  flags: EngineFlags,
  { state, predictions, skipped, skipErrors }: Kept,
): Promise<Evaluation> {
  const earlier = state?.earlier
  predictions.push(...(earlier?.predictions ?? []))
  skipped.push(...(state?.skipped ?? []))
  const start = predictions.length + skipped.length
  const dataset = new PartOfDataset(work.dataset, start, work.dataset.length)
  const onPredictions = (latest: readonly EvaluatedImage[]): void => {
    predictions.push(...latest)
    state?.add(latest)
  }
  const onError = (error: unknown, position: number): void => {
    const image = { index: start + position, message: messageOf(error) }
    skipped.push(image)
    state?.skip(image)
  }
  try {
    return await withEngine(opened, dataset, flags, (model) => {
      return evaluateDataset({
        ...work,
        model,
        dataset,
        earlier,
        onPredictions,
        onError: skipErrors ? onError : undefined,
      })
    })
  } finally {
    await state?.save()
  }
}

interface WrongImages {
  readonly dataset: Dataset
  readonly predictions: readonly EvaluatedImage[]
  readonly skipped: readonly SkippedImage[]
  readonly labels: readonly string[]
  readonly terminal: Terminal
  readonly signal: AbortSignal
}

async function writeWrong(
  file: string,
  { dataset, predictions, skipped, labels, terminal, signal }: WrongImages,
): Promise<void> {
  const leftOut = new Set(skipped.map(({ index }) => index))
  let next = 0
  const all = predictions.map((prediction) => {
    while (leftOut.has(next)) next++
    return { ...prediction, index: next++ }
  })
  const wrong = all.filter(({ label, prediction }) => label !== prediction)
  if (wrong.length === 0) {
    terminal.note(`${shorten(file)}: Not written, as no prediction is wrong`)
    return
  }
  if (wrong.length > MAX_TILES) {
    terminal.note(`${shorten(file)}: Shows the first ${count(MAX_TILES)} of ${plural(wrong.length, 'wrong image')}`)
  }
  await write(file, await contactSheet(dataset, wrong, labels, signal))
}

async function write(path: string, contents: string | Buffer): Promise<void> {
  await writeAtomically(path, (sink) => sink(Buffer.from(contents)))
}
