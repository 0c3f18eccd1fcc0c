import type { FinetuneEpoch, FinetuneResult } from '../../train/options.js'
import { accuracyLines } from '../evaluate/accuracy.js'
import type { Terminal } from '../output/terminal.js'
import { count, duration, percent, plural } from '../output/text.js'

const BARS = '▁▂▃▄▅▆▇█'

/** Where the result is. */
interface TrainedModel {
  readonly seconds: number
  readonly model: string
  /** The command that serves it. */
  readonly serve: string
}

/** Prints a training. */
export function* linesOf(
  { classes, epochs, best, confusion, train, validation }: FinetuneResult,
  { seconds, model, serve }: TrainedModel,
  { colors }: Terminal,
): Generator<string> {
  const { bold, dim, green } = colors
  const right = `${count(confusion.correct)} of ${count(confusion.total)}`
  yield `${bold('accuracy')}  ${green(percent(best.accuracy))}  ${right} validation images, epoch ${best.epoch} of the ${best.phase}`
  yield `${bold('loss')}      ${sparkline(epochs.map(({ loss }) => loss))}  ${dim(`${plural(epochs.length, 'epoch')}, the last right`)}`
  yield `${bold('right')}     ${sparkline(epochs.map(({ accuracy }) => accuracy))}`
  yield dim(
    `${plural(train.length, 'image')} trained on, ${count(validation.length)} measured by, ${duration(1000 * seconds)}`,
  )
  yield ''
  yield* accuracyLines(confusion, classes, colors)
  yield ''
  yield bold(model)
  yield dim('serve it by:')
  yield `  ${serve}`
}

/** Draws values as bars of a line, from the least to the greatest. */
export function sparkline(values: readonly FinetuneEpoch['loss'][]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const step = (value: number): number => {
    return most === least ? 0 : Math.round(((value - least) / (most - least)) * (BARS.length - 1))
  }
  return values.map((value) => BARS[step(value)] ?? ' ').join('')
}
