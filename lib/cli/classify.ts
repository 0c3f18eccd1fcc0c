import { stat } from 'node:fs/promises'

import { Classifier, type Prediction } from '../classifier/classifier.js'
import { imageFiles } from '../classifier/image_files.js'
import { TorchError } from '../util/errors.js'
import { defineCommand, type Context, type Flags } from './command.js'
import { EXIT, exitCodeOf } from './exit_codes.js'
import { CLASSIFIER_OPTIONS, DEVICE, JSON_OUTPUT, TOP } from './options.js'
import { codeOf, errorLine, messageOf } from './output/errors.js'
import { modelLine, unusedNote } from './output/model_line.js'
import { bar, table } from './output/table.js'
import type { Colors } from './output/terminal.js'
import { percent, printable } from './output/text.js'

const OPTIONS = { ...CLASSIFIER_OPTIONS, top: { ...TOP, default: 5 }, device: DEVICE, json: JSON_OUTPUT } as const

export const command = defineCommand({
  name: 'classify',
  description: 'Prints the most probable classes of images.',
  arguments: {
    checkpoint: { description: 'checkpoint of a ResNet' },
    image: {
      description: 'JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP or PNM file, or a folder of such files',
      kind: 'variadic',
    },
  },
  options: OPTIONS,
  notes: `The architecture is recognized from the checkpoint. Preset and labels come from the options, else from the
checkpoint's metadata, else from the file preset.json beside it, else they are guessed from the architecture.`,
  examples: [
    'napi-torch classify resnet18-f37072fd.pth dog.jpg',
    'napi-torch classify best.pth images/*.png --labels classes.txt --top 3 --json',
  ],
  run: ({ checkpoint, image }, flags, context) => classify(checkpoint, image, flags, context),
})

const BAR_WIDTH = 24

/** Classifies images. An image that cannot be read is reported, and the others are classified all the same. */
async function classify(
  checkpoint: string,
  images: readonly string[],
  { top, json, ...options }: Flags<typeof OPTIONS>,
  { terminal, signal }: Context,
): Promise<number> {
  const classifier = await Classifier.load(checkpoint, { ...options, signal })
  try {
    const note = unusedNote(classifier)
    if (note !== null) terminal.note(note)
    if (json !== true) terminal.print(terminal.colors.dim(modelLine(classifier)))
    const reports: ImageReport[] = []
    let exitCode: number = EXIT.ok
    const report = (image: string, predictions: readonly Prediction[], error: unknown): void => {
      if (error !== null) {
        terminal.note(errorLine(error))
        exitCode = exitCodeOf(error)
      } else if (json !== true) {
        for (const line of linesOf(image, predictions, terminal.colors)) terminal.print(line)
      }
      if (json === true) reports.push(reportOf(image, predictions, error))
    }
    const faults = new Map<string, unknown>()
    const files = filesOf(images, faults)
    for await (const { image, predictions, error } of classifier.classify(files, { topK: top, signal })) {
      // All sources are paths.
      if (typeof image === 'string') report(image, predictions ?? [], faults.get(image) ?? error)
    }
    if (json === true) {
      const { architecture, presetName, labelsName, isPresetGuessed } = classifier
      terminal.printJson({
        architecture,
        preset: presetName,
        presetGuessed: isPresetGuessed,
        labels: labelsName,
        images: reports,
      })
    }
    return exitCode
  } finally {
    await classifier.close()
  }
}

/** What `--json` prints for an image; `docs/cli.md` documents it. */
export interface ImageReport {
  readonly image: string
  /** Best first. Empty where there is an error. */
  readonly answers: readonly Prediction[]
  readonly error: { readonly code: string; readonly message: string } | null
}

/** Gives the files among `images`, and the files in its folders. A folder without images is given itself, and its fault is noted. */
async function* filesOf(images: readonly string[], faults: Map<string, unknown>): AsyncGenerator<string> {
  for (const image of images) {
    // A path that does not exist is reported when it is opened.
    const isFolder = await stat(image).then(
      (stats) => stats.isDirectory(),
      () => false,
    )
    if (!isFolder) {
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

function reportOf(image: string, answers: readonly Prediction[], error: unknown): ImageReport {
  return { image, answers, error: error === null ? null : { code: codeOf(error), message: messageOf(error) } }
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
