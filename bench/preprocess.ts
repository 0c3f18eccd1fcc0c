/**
 * Times the way from a photo of 2048 × 1536 pixels to the input of an ImageNet model, in one run: in each round everybody
 * has one turn. The figures of docs/images.md come from here.
 *
 * npm run bench:preprocess -- [--rounds 51] [--json bench/results/preprocess.json]
 *
 * `NAPI_TORCH_TEST_PYTHON` names a Python with Pillow and numpy; without it only this package and sharp run.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { decodeImage, presets } from 'napi-torch/vision'
import sharp from 'sharp'

import { describeMachine, printMachine } from './support/machine.js'
import { formatSample, sampleOf, type Sample } from './support/sample.js'

const RESULTS = fileURLToPath(new URL('results/preprocess.json', import.meta.url))
const PYTHON = process.env['NAPI_TORCH_TEST_PYTHON']
const [WIDTH, HEIGHT] = [2048, 1536]
const WARMUP = 5

/** Writes a JPEG file of soft shapes, edges and the noise of a camera. */
async function writePhoto(path: string): Promise<void> {
  const data = new Uint8Array(WIDTH * HEIGHT * 3)
  let state = 1
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const edge = (x >> 7) % 3 === 0 && (y >> 6) % 2 === 0 ? 60 : 0
      for (let c = 0; c < 3; c++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0
        const noise = (state / 2 ** 32 - 0.5) * 28
        const shape = 50 * Math.sin(x / (90 + 20 * c) + y / 170) + 40 * Math.cos((x * y) / 90000 + c)
        data[(y * WIDTH + x) * 3 + c] = Math.max(0, Math.min(255, 110 + edge + shape + noise))
      }
    }
  }
  await sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .jpeg({ quality: 90 })
    .toFile(path)
}

/** What bench/preprocess/python.py says first. */
interface Rival {
  readonly pillow: string
  readonly numpy: string
  readonly digest: string
}

/** Pillow and numpy in a process of their own, which has the photo in memory. */
class Python implements AsyncDisposable {
  readonly #child
  readonly #lines: AsyncIterator<string>

  constructor(photo: string) {
    const program = fileURLToPath(new URL('preprocess/python.py', import.meta.url))
    this.#child = spawn(PYTHON ?? 'python3', [program, photo], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  async describe(): Promise<Rival> {
    return JSON.parse(await this.#line()) as Rival
  }

  /** Prepares the photo and gives the milliseconds. */
  async run(): Promise<number> {
    this.#child.stdin.write('\n')
    return Number(await this.#line())
  }

  async #line(): Promise<string> {
    const line: IteratorResult<string, unknown> = await this.#lines.next()
    if (line.done === true) throw new Error('Python has ended')
    return line.value
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exit = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.stdin.end()
    await exit
  }
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

const preset = presets.imagenet()

async function measure(photo: string, python: Python | null, rounds: number): Promise<ReadonlyMap<string, Sample>> {
  const image = await decodeImage(photo)
  const turns: readonly (readonly [string, () => Promise<number>])[] = [
    ...(python === null ? [] : ([['Pillow + numpy', async () => python.run()]] as const)),
    ['preset', async () => timeOf(async () => (await preset.apply(image)).dispose())],
    ["sharp's decoding alone", async () => timeOf(async () => sharp(photo).raw().toBuffer())],
    ['decodeImage()', async () => timeOf(async () => decodeImage(photo))],
    ['file to tensor', async () => timeOf(async () => (await preset.apply(await decodeImage(photo))).dispose())],
  ]
  const times = new Map<string, number[]>(turns.map(([name]) => [name, []]))
  for (let round = -WARMUP; round < rounds; round++) {
    for (let index = 0; index < turns.length; index++) {
      // In another order each time, and without the garbage of the turn before: a decoded photo is 9 MB.
      const place = (index + round + WARMUP) % turns.length
      const turn = turns[round % 2 === 0 ? place : turns.length - 1 - place]
      if (turn === undefined) continue
      globalThis.gc?.()
      const time = await turn[1]()
      if (round >= 0) times.get(turn[0])?.push(time)
    }
    process.stderr.write(`round ${round + 1} of ${rounds}  \r`)
  }
  return new Map(Array.from(times, ([name, each]) => [name, sampleOf(each)]))
}

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '51' }, json: { type: 'string', default: RESULTS } },
})
const rounds = Number(values.rounds)
if (!Number.isSafeInteger(rounds) || rounds < 1) throw new Error('Expected a positive integer for --rounds')
if (PYTHON === undefined) console.log('NAPI_TORCH_TEST_PYTHON names no Python with Pillow: sharp alone is compared')

const folder = mkdtempSync(join(tmpdir(), 'napi-torch-bench-'))
try {
  const photo = join(folder, 'photo.jpg')
  await writePhoto(photo)
  await using python = PYTHON === undefined ? null : new Python(photo)
  const rival = (await python?.describe()) ?? null
  const machine = describeMachine()
  printMachine(machine)

  const made = await preset.apply(await decodeImage(photo))
  const digest = createHash('sha256').update(Buffer.from(made.toArray().buffer)).digest('hex')
  made.dispose()
  if (rival !== null && rival.digest !== digest) throw new Error('Pillow and this package do not give the same bits')

  const fileBytes = statSync(photo).size
  console.log(`A JPEG of ${WIDTH} × ${HEIGHT} pixels and ${fileBytes} bytes; medians of ${rounds} (and range), in ms\n`)
  const samples = await measure(photo, python, rounds)
  for (const [name, sample] of samples) console.log(`| ${name} | ${formatSample(sample, 2)} |`)

  const ratio = (over: string, under: string): number =>
    (samples.get(over)?.median ?? NaN) / (samples.get(under)?.median ?? NaN)
  const ratios = {
    pillowToPreset: rival === null ? null : ratio('Pillow + numpy', 'preset'),
    fileToTensorToDecoding: ratio('file to tensor', "sharp's decoding alone"),
  }
  console.log(`\nPillow + numpy : preset = ${ratios.pillowToPreset?.toFixed(1) ?? 'unknown'}`)
  console.log(`file to tensor : sharp's decoding alone = ${ratios.fileToTensorToDecoding.toFixed(2)}`)

  const { sharp: sharpVersion, vips } = sharp.versions
  const versions = { sharp: sharpVersion, vips, pillow: rival?.pillow ?? null, numpy: rival?.numpy ?? null }
  const report = { machine, versions, rounds, fileBytes, results: Object.fromEntries(samples), ratios }
  const rounded = (_key: string, value: unknown): unknown =>
    typeof value === 'number' ? Math.round(value * 1000) / 1000 : value
  writeFileSync(values.json, `${JSON.stringify(report, rounded, 1)}\n`)
} finally {
  rmSync(folder, { recursive: true })
}
