import { stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'

import { Classifier, type Prediction } from '../classifier/classifier.js'
import { imageFiles } from '../classifier/image_files.js'
import { shorten } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { defineCommand, type Context, type Flags } from './command.js'
import { EXIT, exitCodeOf } from './exit_codes.js'
import { CLASSIFIER_OPTIONS, DEVICE, JSON_OUTPUT, TOP } from './options.js'
import { codeOf, errorLine, messageOf } from './output/errors.js'
import { modelLine, unusedNote } from './output/model_line.js'
import { Progress } from './output/progress.js'
import { bar, table } from './output/table.js'
import type { Colors } from './output/terminal.js'
import { count, percent, printable } from './output/text.js'

const OPTIONS = { ...CLASSIFIER_OPTIONS, top: { ...TOP, default: 5 }, device: DEVICE, json: JSON_OUTPUT } as const

export const command = defineCommand({
  name: 'classify',
  description: 'Prints the most probable classes of images.',
  arguments: {
    checkpoint: { description: 'checkpoint, folder of a hub or hf://owner/name' },
    image: {
      description: 'JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP or PNM file, a folder of such files, or - for standard input',
      kind: 'variadic',
    },
  },
  options: OPTIONS,
  notes: `The architecture is recognized from the checkpoint. Preset and labels come from the options, else from the
checkpoint's metadata, else from preset.json, preprocessor_config.json or config.json beside it, else they are guessed from the architecture.`,
  examples: [
    'napi-torch classify resnet18-f37072fd.pth dog.jpg',
    'napi-torch classify best.pth images/ --labels classes.txt --top 3 --json > answers.jsonl',
    'curl -s https://example.com/dog.jpg | napi-torch classify resnet18.pth -',
  ],
  run: ({ checkpoint, image }, flags, context) => classify(checkpoint, image, flags, context),
})

const BAR_WIDTH = 24

/** Stands for the image that comes from standard input. */
const STDIN = '-'

/** Images from which on progress is shown beside the lines of `--json`. */
const MIN_PROGRESS = 50

const ADDRESS =
  'Is an address, and nothing is downloaded: curl -s ADDRESS | napi-torch classify CHECKPOINT -, or fetch the file first'

/** Classifies images. An image that cannot be read is reported, and the others are classified all the same. */
async function classify(
  checkpoint: string,
  images: readonly string[],
  { top, json, ...options }: Flags<typeof OPTIONS>,
  { terminal, signal }: Context,
): Promise<number> {
  const classifier = await Classifier.load(checkpoint, { ...options, signal })
  const total = json === true ? await countImages(images, signal) : 0
  const amount = (done: number, all: number): string => `${count(done)} of ${count(all)} images`
  const progress = total < MIN_PROGRESS ? null : new Progress(terminal, total, amount)
  try {
    const note = unusedNote(classifier)
    if (note !== null) terminal.note(note)
    if (json !== true) terminal.print(terminal.colors.dim(modelLine(classifier)))
    let exitCode: number = EXIT.ok
    let done = 0
    const faults = new Map<string, unknown>()
    const sources = sourcesOf(images, faults)
    for await (const { image: source, predictions, error: failure } of classifier.classify(sources, {
      topK: top,
      signal,
    })) {
      const image = typeof source === 'string' ? source : STDIN
      const error = faults.get(image) ?? failure
      if (error !== null) {
        terminal.note(errorLine(error))
        exitCode = exitCodeOf(error)
      }
      if (json === true) terminal.print(JSON.stringify(reportOf(image, predictions ?? [], error, classifier)))
      else if (error === null) {
        for (const line of linesOf(image, predictions ?? [], terminal.colors)) terminal.print(line)
      }
      progress?.update(++done)
    }
    return exitCode
  } finally {
    progress?.stop()
    await classifier.close()
  }
}

/** What `--json` prints for an image, in a line; `docs/cli.md` documents it. */
export interface ImageReport {
  readonly image: string
  /** Best first. Empty where there is an error. */
  readonly answers: readonly Prediction[]
  readonly error: { readonly code: string; readonly message: string } | null
  readonly preset: string
  /** True if the preset follows from the architecture alone: no option, checkpoint or file names one. */
  readonly presetGuessed: boolean
  /** Where the names of the classes come from. */
  readonly labels: string
}

/**
 * Gives the files among `images`, those in its folders, and standard input for {@link STDIN}. A folder without images is given itself, and
 * its fault is noted.
 */
async function* sourcesOf(images: readonly string[], faults: Map<string, unknown>): AsyncGenerator<string | Readable> {
  for (const image of images) {
    if (image === STDIN) {
      yield process.stdin
      continue
    }
    if (!(await isFolder(image))) {
      const hint = /^https?:\/\//i.test(image) ? ADDRESS : null
      if (hint !== null) faults.set(image, new TorchError('TORCH_FILE', `${shorten(image)}: ${hint}`))
      yield image
      continue
    }
    let isEmpty = true
    try {
      for await (const path of imageFiles(image)) {
        isEmpty = false
        yield path
      }
      if (isEmpty) throw new TorchError('TORCH_FILE', `${image}: Contains no images`)
    } catch (error) {
      faults.set(image, error)
      yield image
    }
  }
}

async function countImages(images: readonly string[], signal: AbortSignal): Promise<number> {
  let total = 0
  for (const image of images) {
    if (!(await isFolder(image))) {
      total++
      continue
    }
    try {
      for await (const path of imageFiles(image)) {
        if (signal.aborted) return 0
        if (path !== '') total++
      }
    } catch {
      // Reported when the folder is read.
    }
  }
  return total
}

/** A path that does not exist is no folder: it is reported when it is opened. */
async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  )
}

function reportOf(image: string, answers: readonly Prediction[], error: unknown, model: Classifier): ImageReport {
  return {
    image,
    answers,
    error: error === null ? null : { code: codeOf(error), message: messageOf(error) },
    preset: model.presetName,
    presetGuessed: model.isPresetGuessed,
    labels: model.labelsName,
  }
}

function* linesOf(image: string, predictions: readonly Prediction[], colors: Colors): Generator<string> {
  const { bold, cyan, dim } = colors
  yield ''
  yield bold(printable(image))
  const rows = predictions.map(({ label, index, probability }, rank) => [
    percent(probability),
    cyan(bar(probability, BAR_WIDTH).padEnd(BAR_WIDTH)),
    (rank === 0 ? bold : String)(label === null ? `class ${index}` : printable(label)),
    label === null ? '' : dim(`class ${index}`),
  ])
  yield table([{ align: 'right' }, {}, {}, {}], rows, { indent: 2 })
}
