import { join, relative } from 'node:path'

import { Engine } from '../engine/engine.js'
import type { Evaluation } from '../evaluation/evaluate.js'
import { inGradModeNow } from '../libtorch/grad_mode.js'
import { currentLibtorch } from '../libtorch/libtorch.js'
import { openModel, type OpenedModel } from '../model/open.js'
import type { Module } from '../nn/module.js'
import { getNumThreads, version } from '../tensor/runtime.js'
import { percentile } from '../util/percentile.js'
import { scope } from '../util/scope.js'
import type { Dataset } from '../vision/dataset.js'
import { IdxDataset } from '../vision/idx_dataset.js'
import type { Preset } from '../vision/presets.js'
import { defineCommand, type Context } from './command.js'
import { accuracyLines } from './evaluate/accuracy.js'
import { PartOfDataset } from './evaluate/dataset.js'
import { evaluateDataset, withEngine } from './evaluate/measure.js'
import { EXIT } from './exit_codes.js'
import { POSITIVE_INTEGER } from './options.js'
import { table } from './output/table.js'
import type { Colors } from './output/terminal.js'
import { count, duration, percent, plural, rate } from './output/text.js'
import { SAMPLE_CHECKPOINT, sampleModelFolder } from './sample_model.js'

export const command = defineCommand({
  name: 'demo',
  description: `Classifies the 10,000 test images of Fashion-MNIST with the sample model, and measures accuracy and speed.`,
  options: {
    images: { value: '<n>', description: 'classify the first n images only', type: POSITIVE_INTEGER },
  },
  run: (_args, { images }, context) => demo(images, context),
})

/** Of the sizes from 1 to 250, the one with the most images per second on two cores, by a small margin. */
const BATCH_SIZE = 64

const WARM_UP_RUNS = 5
const SINGLE_RUNS = 50

/** Accuracy of people: https://github.com/zalandoresearch/fashion-mnist#benchmark */
const HUMAN_ACCURACY = 0.835

/** Classifies the test images of Fashion-MNIST with the sample model, and measures accuracy and speed. */
async function demo(images: number | undefined, { terminal, signal }: Context): Promise<number> {
  const { colors } = terminal
  const folder = sampleModelFolder()
  const checkpoint = join(folder, SAMPLE_CHECKPOINT)
  using opened = await openModel(checkpoint, { signal })
  const { preset } = opened
  const all = await IdxDataset.open(folder)
  const dataset = images === undefined ? all : new PartOfDataset(all, 0, images)
  for (const line of introduction(opened, dataset, colors)) terminal.print(line)

  const batchSize = BATCH_SIZE
  await withEngine(opened, dataset, { batchSize, device: 'cpu', signal }, async (model) => {
    const evaluation = await evaluateDataset({ model, dataset, preset, batchSize, terminal, signal })
    for (const line of accuracy(evaluation, opened.labels ?? dataset.classes, colors)) terminal.print(line)

    const single = await singleImageTimes(model, dataset, preset, signal)
    for (const line of speed(evaluation, single, colors)) terminal.print(line)
  })
  for (const line of nextCommands(checkpoint, colors)) terminal.print(line)
  return EXIT.ok
}

function* introduction({ model }: OpenedModel, dataset: Dataset, { bold, dim }: Colors): Generator<string> {
  const { libtorch, cpuCapability } = version()
  const parameters = [...model.parameters()].reduce((sum, { numel }) => sum + numel, 0)
  yield bold(`ResNet-18 on ${count(dataset.length)} test images of Fashion-MNIST`)
  yield dim(
    `libtorch ${libtorch} (${currentLibtorch()?.flavor ?? 'cpu'}, ${cpuCapability}) · ` +
      `${plural(getNumThreads(), 'thread')} · ${(parameters / 1e6).toFixed(1)} million parameters`,
  )
  yield ''
}

function* accuracy(evaluation: Evaluation, labels: readonly string[], colors: Colors): Generator<string> {
  const { images, correct, top1, confusion } = evaluation
  const { bold, dim, green } = colors
  const right = `${count(correct)} of ${count(images)} images right`
  yield `${bold('Accuracy')}  ${bold(green(percent(top1)))}  ${right}${dim(` (humans: ${percent(HUMAN_ACCURACY, 1)})`)}`
  yield ''
  yield* accuracyLines(confusion, labels, colors)
  yield ''
}

/** Measures single images, one after the other: milliseconds from the pixels in memory to the logits. */
async function singleImageTimes(
  model: Module | Engine,
  dataset: Dataset,
  preset: Preset,
  signal: AbortSignal,
): Promise<number[]> {
  const times: number[] = []
  for (let run = -WARM_UP_RUNS; run < SINGLE_RUNS; run++) {
    signal.throwIfAborted()
    const { image } = await dataset.get((run + WARM_UP_RUNS) % dataset.length)
    await scope(async () => {
      const begin = performance.now()
      const input = await preset.apply(image)
      if (model instanceof Engine) await model.run(input.toFloat32Array())
      else inGradModeNow('inference', () => model.forward(input.unsqueeze(0)).toFloat32Array())
      if (run >= 0) times.push(performance.now() - begin)
    })
  }
  return times
}

function* speed(
  { images, elapsedMs, batches }: Evaluation,
  single: readonly number[],
  { bold, dim }: Colors,
): Generator<string> {
  const [{ images: size } = { images: BATCH_SIZE }] = batches
  const full = batches.filter((batch) => batch.images === size).map(({ ms }) => ms)
  const row = (title: string, times: readonly number[], size: number, note: string): string[] => [
    title,
    duration(percentile(times, 0.5)),
    duration(percentile(times, 0.95)),
    duration(percentile(times, 0.5) / size),
    dim(note),
  ]
  yield `${bold('Speed')}  ${bold(`${rate((1000 * images) / elapsedMs)} images/s`)}  ${duration(elapsedMs)} in total`
  yield ''
  yield table(
    [
      { head: 'latency' },
      { head: 'p50', align: 'right' },
      { head: 'p95', align: 'right' },
      { head: 'per image', align: 'right' },
      {},
    ],
    [
      row(`batch of ${size}`, full, size, `${plural(full.length, 'batch', 'batches')}, model only`),
      row('single image', single, 1, `${single.length} images, from pixels to logits`),
    ],
    { styleHead: dim },
  )
  yield ''
}

function* nextCommands(checkpoint: string, { bold, cyan, dim }: Colors): Generator<string> {
  const inside = relative(process.cwd(), checkpoint)
  yield bold('Try next')
  const hints = [
    ['npx napi-torch doctor', 'check this machine'],
    ['npx napi-torch classify your-model.pth photo.jpg', 'use your own files'],
  ]
  const styled = hints.map(([command = '', hint = '']) => [cyan(command), dim(hint)])
  yield table([{}, {}], styled, { indent: 2 })
  yield `  ${cyan(`npx napi-torch inspect ${inside.startsWith('..') ? checkpoint : inside}`)}`
}
