/**
 * Times a folder of photos that streams through `Classifier.classify()`, beside each of its stages alone, in one run: in each
 * round everybody has one turn. With one thread for the model and a core left for the images, the stream should be as fast as
 * the slowest stage; with a thread on every core the stages share what there is, and it should be as fast as their sum.
 *
 * npm run bench:classify -- [--rounds 7] [--images 96] [--json bench/results/classify.json]
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { Classifier, compile, imageFiles, manualSeed, resnet18, saveCheckpoint, type Engine } from 'napi-torch'
import { decodeImage, presets } from 'napi-torch/vision'
import sharp from 'sharp'

import { describeMachine, printMachine } from './support/machine.js'
import { formatSample, sampleOf, type Sample } from './support/sample.js'

/** About the size of a photo of ImageNet. */
const [WIDTH, HEIGHT] = [500, 375]
const SAMPLE = 3 * 224 * 224
/** As many as a Classifier prepares at a time. */
const AT_A_TIME = 4
const BATCH = 8

const preset = presets.imagenet()

async function writePhotos(folder: string, count: number): Promise<void> {
  for (let photo = 0; photo < count; photo++) {
    const data = new Uint8Array(WIDTH * HEIGHT * 3)
    for (let index = 0; index < data.length; index++) {
      const [x, y] = [Math.floor(index / 3) % WIDTH, Math.floor(index / (3 * WIDTH))]
      const noise = (Math.imul(index + photo, 2654435761) >>> 27) - 16
      data[index] = 120 + 60 * Math.sin(x / (20 + photo) + (index % 3)) + 40 * Math.cos(y / 31) + noise
    }
    await sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
      .jpeg({ quality: 90 })
      .toFile(join(folder, `${photo}.jpg`))
  }
}

/** Calls `work` for all images, a few at a time, and gives the images per second. */
async function rateOf(images: number, work: (image: number) => Promise<unknown>): Promise<number> {
  const started = performance.now()
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < images) await work(next++)
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, worker))
  return (1000 * images) / (performance.now() - started)
}

interface Stages {
  readonly paths: readonly string[]
  readonly classifier: Classifier
  readonly engine: Engine
}

/** What is timed, by its name: images per second. */
function turnsOf({ paths, classifier, engine }: Stages): Readonly<Record<string, () => Promise<number>>> {
  const batch = new Float32Array(BATCH * SAMPLE).fill(0.5)
  return {
    decode: () => rateOf(paths.length, (image) => decodeImage(paths[image] ?? '')),
    'decode and prepare': () =>
      rateOf(paths.length, async (image) => (await preset.apply(await decodeImage(paths[image] ?? ''))).dispose()),
    model: async () => {
      const started = performance.now()
      for (let done = 0; done < paths.length; done += BATCH) await engine.run(batch)
      return (1000 * Math.ceil(paths.length / BATCH) * BATCH) / (performance.now() - started)
    },
    stream: async () => {
      const started = performance.now()
      let count = 0
      for await (const { error } of classifier.classify(imageFiles(dirname(paths[0] ?? '')))) {
        if (error !== null) throw error
        count++
      }
      return (1000 * count) / (performance.now() - started)
    },
  }
}

async function measure(stages: Stages, rounds: number): Promise<Readonly<Record<string, Sample>>> {
  const turns = Object.entries(turnsOf(stages))
  const rates = turns.map((): number[] => [])
  for (let round = -1; round < rounds; round++) {
    for (let index = 0; index < turns.length; index++) {
      const turn = (index + round + 1) % turns.length
      const rate = await turns[turn]?.[1]()
      // The first round warms up.
      if (round >= 0 && rate !== undefined) rates[turn]?.push(rate)
    }
  }
  return Object.fromEntries(turns.map(([name], index) => [name, sampleOf(rates[index] ?? [])]))
}

/** How near the stream is to its slowest stage, and to stages that take turns on the same cores. */
function ratiosOf(samples: Readonly<Record<string, Sample>>): { readonly slowest: number; readonly turns: number } {
  const rate = (name: string): number => samples[name]?.median ?? NaN
  const [prepare, model, stream] = [rate('decode and prepare'), rate('model'), rate('stream')]
  return { slowest: stream / Math.min(prepare, model), turns: stream * (1 / prepare + 1 / model) }
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    images: { type: 'string', default: '96' },
    json: { type: 'string', default: fileURLToPath(new URL('results/classify.json', import.meta.url)) },
  },
})
const [rounds, images] = [Number(values.rounds), Number(values.images)]
const machine = describeMachine()
printMachine(machine)

const folder = mkdtempSync(join(tmpdir(), 'napi-torch-bench-'))
const results: object[] = []
try {
  const photos = join(folder, 'photos')
  mkdirSync(photos)
  await writePhotos(photos, images)
  const checkpoint = join(folder, 'resnet18.pth')
  manualSeed(1)
  const model = resnet18().eval()
  await saveCheckpoint(checkpoint, model.stateDict())
  const paths: string[] = []
  for await (const path of imageFiles(photos)) paths.push(path)
  console.log(
    `ResNet-18, ${images} JPEG files of ${WIDTH} × ${HEIGHT}; images per second, medians of ${rounds} (and range)`,
  )
  for (const threads of new Set([1, availableParallelism()])) {
    await using classifier = await Classifier.load(checkpoint, { threads, preset: 'imagenet' })
    await using engine = await compile(model, { input: [3, 224, 224], threads, maxBatchSize: BATCH })
    const samples = await measure({ paths, classifier, engine }, rounds)
    const ratios = ratiosOf(samples)
    console.log(`\n${threads} ${threads === 1 ? 'thread' : 'threads'} for the model`)
    for (const [name, sample] of Object.entries(samples)) console.log(`| ${name} | ${formatSample(sample)} |`)
    console.log(`stream ÷ slowest stage ${ratios.slowest.toFixed(2)}, ÷ stages in turn ${ratios.turns.toFixed(2)}`)
    results.push({ threads, samples, ratios })
  }
  model.dispose()
} finally {
  rmSync(folder, { recursive: true })
}
writeFileSync(values.json, `${JSON.stringify({ machine, images, rounds, results }, null, 2)}\n`)
