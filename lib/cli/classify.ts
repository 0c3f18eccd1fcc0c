import { scope } from '../scope.js'
import { stack } from '../tensor/creation.js'
import type { Tensor } from '../tensor.js'
import { decodeImage } from '../vision/decode.js'
import type { Context } from './context.js'
import { EXIT, exitCodeOf } from './exit_codes.js'
import { percent, plural, printable } from './format.js'
import { loadModel, type LoadedModel } from './load_model.js'
import type { ClassifyFlags } from './program.js'
import { findRecipe, type Recipe } from './recipe.js'
import { codeOf, errorLine, messageOf } from './report.js'
import { bar, table } from './table.js'

/** Images at once: enough to use all cores, few enough that the first answers come soon. */
const BATCH = 16

const BAR_WIDTH = 24

/** Tells what images show. An image that cannot be read is reported; the others are answered all the same. */
export async function classify(
  checkpoint: string,
  images: readonly string[],
  flags: ClassifyFlags,
  { terminal, signal }: Context,
): Promise<number> {
  const loaded = await loadModel(checkpoint, flags)
  try {
    const recipe = await findRecipe(checkpoint, loaded.architecture, flags)
    if (flags.json !== true) for (const line of headOf(loaded, recipe, terminal.colors)) terminal.print(line)
    const reports: ImageReport[] = []
    let exitCode: number = EXIT.ok
    for (let at = 0; at < images.length; at += BATCH) {
      signal.throwIfAborted()
      for (const result of await classifyBatch(images.slice(at, at + BATCH), loaded, recipe, flags)) {
        if (result.error !== null) {
          terminal.note(errorLine(result.error))
          exitCode = exitCodeOf(result.error)
        } else if (flags.json !== true) {
          for (const line of linesOf(result, terminal.colors)) terminal.print(line)
        }
        reports.push(reportOf(result))
      }
    }
    if (flags.json === true) {
      const { presetName, labelsName } = recipe
      terminal.printJson({ architecture: loaded.architecture, preset: presetName, labels: labelsName, images: reports })
    }
    return exitCode
  } finally {
    loaded.model.dispose()
  }
}

/** One answer of the model. */
export interface Answer {
  /** Null where the classes have no names. */
  readonly label: string | null
  readonly index: number
  /** 0 to 1. */
  readonly probability: number
}

/** What `--json` prints for an image; `docs/cli.md` documents it. */
export interface ImageReport {
  readonly image: string
  /** Best first. Empty where there is an error. */
  readonly answers: readonly Answer[]
  readonly error: { readonly code: string; readonly message: string } | null
}

interface Result {
  readonly image: string
  readonly answers: readonly Answer[]
  readonly error: unknown
}

async function classifyBatch(
  images: readonly string[],
  { model }: LoadedModel,
  { preset, labels }: Recipe,
  { device, top }: ClassifyFlags,
): Promise<Result[]> {
  return scope(async () => {
    const inputs = await Promise.allSettled(images.map(async (image) => preset.apply(await decodeImage(image))))
    const good = inputs.flatMap((input) => (input.status === 'fulfilled' ? [input.value] : []))
    const answers = good.length === 0 ? [] : answer(model.forward(stack(good).to(device)), top, labels)
    return inputs.map((input, index) => {
      const image = images[index] ?? ''
      if (input.status === 'rejected') return { image, answers: [], error: input.reason as unknown }
      return { image, answers: answers.shift() ?? [], error: null }
    })
  })
}

/** The most probable classes of each row of logits (N, classes). */
function answer(logits: Tensor, top: number, labels: readonly string[] | null): Answer[][] {
  const { values, indices } = logits
    .float()
    .softmax(1)
    .topk(Math.min(top, logits.size(1)))
  const [rows = 0, count = 0] = values.shape
  const probabilities = values.toFloat32Array()
  const classes = indices.toArray()
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: count }, (_, rank) => {
      const index = Number(classes[row * count + rank])
      return { label: labels?.[index] ?? null, index, probability: probabilities[row * count + rank] ?? NaN }
    }),
  )
}

function reportOf({ image, answers, error }: Result): ImageReport {
  return { image, answers, error: error === null ? null : { code: codeOf(error), message: messageOf(error) } }
}

function* headOf(
  { architecture }: LoadedModel,
  recipe: Recipe,
  { dim }: Context['terminal']['colors'],
): Generator<string> {
  const { name, numClasses } = architecture
  const { presetName, labelsName, isGuess } = recipe
  const choice = isGuess ? ' (by the architecture; --preset and --labels choose others)' : ''
  yield dim(
    `${name}, ${plural(numClasses, 'class', 'classes')}, preset ${presetName}, labels ${printable(labelsName)}${choice}`,
  )
}

function* linesOf({ image, answers }: Result, { bold, cyan, dim }: Context['terminal']['colors']): Generator<string> {
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
