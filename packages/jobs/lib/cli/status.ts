import { setTimeout } from 'node:timers/promises'

import {
  bar,
  type Colors,
  type Context,
  count,
  defineCommand,
  duration,
  EXIT,
  type Flags,
  percent,
  plural,
  printable,
  Progress,
  rate,
  table,
  type Terminal,
} from 'napi-torch/internal/cli'
import { JobQueue } from '../job_queue.js'
import { readStatus, type QueueStatus, type RunStatus } from '../status.js'
import { QUEUE_OPTIONS, REDIS_NOTES, RUN } from './options.js'

const OPTIONS = { watch: { description: 'show progress until all runs are done' }, ...QUEUE_OPTIONS } as const

export const command = defineCommand({
  name: 'status',
  description: 'Prints the progress of runs, and their workers. Exit code 1 if chunks have failed or are lost.',
  arguments: { run: { ...RUN, kind: 'optional' } },
  options: OPTIONS,
  notes: `Without <run>, all runs of the queue are printed.

${REDIS_NOTES}`,
  run: ({ run }, flags, context) => status(run, flags, context),
})

const BAR_WIDTH = 28

/** Milliseconds between two looks of `--watch`. */
const WATCH_MS = 1000

/** Prints the progress of runs; with `--watch`, when none of them is running any more. */
async function status(
  run: string | undefined,
  flags: Flags<typeof OPTIONS>,
  { terminal, signal }: Context,
): Promise<number> {
  await using queue = await JobQueue.open(flags)
  let found = await readStatus(queue, run)
  if (flags.watch === true) found = await watch(queue, run, found, terminal, signal)
  if (flags.json === true) terminal.printJson(found)
  else for (const line of linesOf(found, terminal.colors)) terminal.print(line)
  for (const warning of found.warnings) terminal.note(`napi-torch: ${warning}`)
  return found.runs.some(({ state, isLost, chunks }) => state === 'failed' || isLost || chunks.failed > 0)
    ? EXIT.failed
    : EXIT.ok
}

async function watch(
  queue: JobQueue,
  run: string | undefined,
  first: QueueStatus,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<QueueStatus> {
  const sum = ({ runs }: QueueStatus, value: (run: RunStatus) => number): number => {
    return runs.reduce((total, each) => total + value(each), 0)
  }
  const total = sum(first, ({ images }) => images)
  if (total === 0) return first
  const amount = (done: number, all: number): string => `${count(done)} of ${count(all)} images`
  const progress = new Progress(
    terminal,
    total,
    amount,
    sum(first, ({ imagesDone }) => imagesDone),
  )
  let found = first
  try {
    while (found.runs.some(({ state, isLost }) => state === 'running' && !isLost)) {
      const { workers, imagesPerSecond } = found
      progress.update(
        sum(found, ({ imagesDone }) => imagesDone),
        `${rate(imagesPerSecond)} images/s · ${plural(workers.length, 'worker')}`,
      )
      await setTimeout(WATCH_MS, undefined, { signal })
      found = await readStatus(queue, run)
    }
    progress.update(sum(found, ({ imagesDone }) => imagesDone))
    return found
  } finally {
    progress.stop()
  }
}

function* linesOf(found: QueueStatus, colors: Colors): Generator<string> {
  const { queue, redis, runs, workers, imagesPerSecond, remainingMs } = found
  const { bold, dim } = colors
  const left = remainingMs === null ? '' : ` · ${duration(remainingMs)} left`
  yield dim(
    `queue ${queue} at ${redis} · ${plural(workers.length, 'worker')} · ${rate(imagesPerSecond)} images/s${left}`,
  )
  if (runs.length === 0) yield 'No runs have been submitted.'
  for (const run of runs) {
    yield ''
    yield* runLines(run, colors)
  }
  if (workers.length === 0) return
  yield ''
  const rows = workers.map(({ id, inHand, images, errors, imagesPerSecond: speed, uptimeMs }) => [
    printable(id),
    count(inHand),
    count(images),
    count(errors),
    rate(speed),
    duration(uptimeMs),
  ])
  const columns = ['worker', 'chunks', 'images', 'failed', 'images/s', 'uptime'] as const
  yield table(
    columns.map((head, index) => ({ head, align: index === 0 ? 'left' : 'right' }) as const),
    rows,
    { styleHead: bold },
  )
}

function* runLines(run: RunStatus, { bold, cyan, dim, green, red, yellow }: Colors): Generator<string> {
  const { state, chunks, errors, failures, images, imagesDone, isLost } = run
  const style = { running: cyan, finished: green, failed: red, cancelled: yellow }[state]
  const share = imagesDone / images
  yield `${bold(run.run)} ${style(state)}  ${dim(`${printable(run.source)} → ${printable(run.out)}`)}`
  const full = bar(share, BAR_WIDTH)
  yield `${cyan(full)}${dim('░'.repeat(BAR_WIDTH - full.length))} ${percent(share, 0)}  ${count(imagesDone)} of ${plural(images, 'image')}`
  const { done, active, waiting, failed } = chunks
  yield `chunks: ${count(done)} done, ${count(active)} active, ${count(waiting)} waiting, ${count(failed)} failed`
  if (Object.keys(errors).length > 0) yield `failed images: ${listed(errors)}`
  if (failed > 0) yield red(`failed chunks: ${listed(failures)}; napi-torch jobs retry ${printable(run.out)}`)
  if (isLost) yield red(`Redis has lost chunks: napi-torch jobs retry ${printable(run.out)}`)
}

function listed(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).sort(([, one], [, other]) => other - one)
  return entries.map(([code, number]) => `${count(number)} × ${code}`).join(', ')
}
