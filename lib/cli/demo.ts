import { join, relative } from 'node:path'

import { currentLibtorch } from '../libtorch/libtorch.js'
import { Engine } from '../engine/engine.js'
import type { Module } from '../nn/module.js'
import { getNumThreads, version } from '../tensor/runtime.js'
import { scope } from '../util/scope.js'
import type { Dataset } from '../vision/dataset.js'
import { IdxDataset } from '../vision/idx_dataset.js'
import type { Evaluation } from '../evaluation/evaluate.js'
import { accuracyLines } from './accuracy.js'
import { withCompiled } from './compile_model.js'
import type { Context } from './context.js'
import { evaluateDataset } from './evaluate.js'
import { EXIT } from './exit_codes.js'
import { count, duration, percent, plural, rate } from './format.js'
import { loadModel, type LoadedModel } from '../classifier/load_model.js'
import { PartOfDataset } from './part_of_dataset.js'
import type { DemoFlags } from './program.js'
import { findRecipe, type Recipe } from '../classifier/recipe.js'
import { sampleModelFolder } from './sample_model.js'
import { percentile } from '../util/percentile.js'
import { table } from './table.js'
import type { Colors } from './terminal.js'

const CHECKPOINT = 'resnet18-fashion-mnist.pth'

/** Of the sizes from 1 to 250, the one with the most images a second on two cores, by a little. */
const BATCH_SIZE = 64

const WARM_UP_RUNS = 5
const SINGLE_RUNS = 50

/** https://github.com/zalandoresearch/fashion-mnist#benchmark */
const PEOPLE = 0.835

/** Classifies the test images of Fashion-MNIST with the sample model, and measures accuracy and speed. */
export async function demo({ images }: DemoFlags, { terminal, signal }: Context): Promise<number> {
  const { colors } = terminal
  const folder = sampleModelFolder()
  const checkpoint = join(folder, CHECKPOINT)
  const loaded = await loadModel(checkpoint)
  try {
    const recipe = await findRecipe(checkpoint, loaded.architecture, {})
    const all = await IdxDataset.open(folder)
    const dataset = images === undefined ? all : new PartOfDataset(all, 0, images)
    for (const line of introduction(loaded, dataset, colors)) terminal.print(line)

    const flags = { batchSize: BATCH_SIZE, device: 'cpu' } as const
    await withCompiled(loaded.model, dataset, recipe, { ...flags, signal }, async (model) => {
      const evaluation = await evaluateDataset({ model, dataset, recipe, flags, terminal, signal })
      for (const line of accuracy(evaluation, recipe.labels ?? dataset.classes, colors)) terminal.print(line)

      const single = await singleImageTimes(model, dataset, recipe, signal)
      for (const line of speed(evaluation, single, colors)) terminal.print(line)
    })
    for (const line of nextCommands(checkpoint, colors)) terminal.print(line)
    return EXIT.ok
  } finally {
    loaded.model.dispose()
  }
}

function* introduction({ model }: LoadedModel, dataset: Dataset, { bold, dim }: Colors): Generator<string> {
  const { libtorch, cpuCapability } = version()
  const parameters = [...model.parameters()].reduce((sum, { numel }) => sum + numel, 0)
  yield bold(`ResNet-18 on ${count(dataset.length)} test images of Fashion-MNIST`)
  yield dim(
    `libtorch ${libtorch} (${currentLibtorch()?.flavour ?? 'cpu'}, ${cpuCapability}) · ` +
      `${plural(getNumThreads(), 'thread')} · ${(parameters / 1e6).toFixed(1)} million parameters`,
  )
  yield ''
}

function* accuracy(evaluation: Evaluation, labels: readonly string[], colors: Colors): Generator<string> {
  const { images, correct, top1, confusion } = evaluation
  const { bold, dim, green } = colors
  const answers = `${count(correct)} of ${count(images)} images right`
  yield `${bold('Accuracy')}  ${bold(green(percent(top1)))}  ${answers}${dim(` (people: ${percent(PEOPLE, 1)})`)}`
  yield ''
  yield* accuracyLines(confusion, labels, colors)
  yield ''
}

/** Times of one image after the other, each from pixels in memory to the logits, in ms. */
async function singleImageTimes(
  model: Module | Engine,
  dataset: Dataset,
  { preset }: Recipe,
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
      else model.forward(input.unsqueeze(0)).toFloat32Array()
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
  yield `${bold('Speed')}  ${bold(`${rate((1000 * images) / elapsedMs)} images/s`)}  ${duration(elapsedMs)} in all`
  yield ''
  yield table(
    [
      { head: 'latency' },
      { head: 'p50', align: 'right' },
      { head: 'p95', align: 'right' },
      { head: 'an image', align: 'right' },
      {},
    ],
    [
      row(`batch of ${size}`, full, size, `${plural(full.length, 'batch', 'batches')}, the model alone`),
      row('single image', single, 1, `${single.length} images, from pixels to answer`),
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
    ['npx napi-torch classify your-model.pth photo.jpg', 'with files of your own'],
  ]
  const styled = hints.map(([command = '', hint = '']) => [cyan(command), dim(hint)])
  yield table([{}, {}], styled, { indent: 2 })
  yield `  ${cyan(`npx napi-torch inspect ${inside.startsWith('..') ? checkpoint : inside}`)}`
}
