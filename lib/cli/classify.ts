import { stat } from 'node:fs/promises'

import { Classifier, type Answer } from '../classifier/classifier.js'
import { imageFiles } from '../classifier/image_files.js'
import { TorchError } from '../util/errors.js'
import type { Context } from './context.js'
import { EXIT, exitCodeOf } from './exit_codes.js'
import { percent, printable } from './format.js'
import { modelLine } from './model_line.js'
import type { ClassifyFlags } from './program.js'
import { codeOf, errorLine, messageOf } from './report.js'
import { bar, table } from './table.js'
import type { Colors } from './terminal.js'

const BAR_WIDTH = 24

/** Tells what images show. An image that cannot be read is reported; the others are answered all the same. */
export async function classify(
  checkpoint: string,
  images: readonly string[],
  { top, json, ...options }: ClassifyFlags,
  { terminal, signal }: Context,
): Promise<number> {
  const { key, wholeModule, arch, labels, preset, device } = options
  const classifier = await Classifier.load(checkpoint, { key, wholeModule, arch, labels, preset, device, signal })
  try {
    const { architecture, recipe } = classifier
    if (json !== true) terminal.print(terminal.colors.dim(modelLine(architecture, recipe)))
    const reports: ImageReport[] = []
    let exitCode: number = EXIT.ok
    const report = (image: string, answers: readonly Answer[], error: unknown): void => {
      if (error !== null) {
        terminal.note(errorLine(error))
        exitCode = exitCodeOf(error)
      } else if (json !== true) {
        for (const line of linesOf(image, answers, terminal.colors)) terminal.print(line)
      }
      if (json === true) reports.push(reportOf(image, answers, error))
    }
    const faults = new Map<string, unknown>()
    const files = filesOf(images, faults)
    for await (const { image, answers, error } of classifier.classify(files, { topK: top, signal })) {
      const path = image as string
      report(path, answers ?? [], faults.get(path) ?? error)
    }
    if (json === true) {
      const { presetName, labelsName, isGuess } = recipe
      terminal.printJson({
        architecture,
        preset: presetName,
        presetGuessed: isGuess,
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
  readonly answers: readonly Answer[]
  readonly error: { readonly code: string; readonly message: string } | null
}

/** The files among `images`, and those in the folders among them. A folder that gives none stands for itself, with its fault. */
async function* filesOf(images: readonly string[], faults: Map<string, unknown>): AsyncGenerator<string> {
  for (const image of images) {
    // What is missing is found out, and told, when it is opened.
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
      if (isEmpty) throw new TorchError('TORCH_FILE', `${image}: Holds no image`)
    } catch (error) {
      faults.set(image, error)
      yield image
    }
  }
}

function reportOf(image: string, answers: readonly Answer[], error: unknown): ImageReport {
  return { image, answers, error: error === null ? null : { code: codeOf(error), message: messageOf(error) } }
}

function* linesOf(image: string, answers: readonly Answer[], { bold, cyan, dim }: Colors): Generator<string> {
  yield ''
  yield bold(printable(image))
  const rows = answers.map(({ label, index, probability }, rank) => [
    percent(probability),
    cyan(bar(probability, BAR_WIDTH).padEnd(BAR_WIDTH)),
    (rank === 0 ? bold : String)(label === null ? `class ${index}` : printable(label)),
    label === null ? '' : dim(`class ${index}`),
  ])
  yield table([{ align: 'right' }, {}, {}, {}], rows, { indent: 2 })
}
