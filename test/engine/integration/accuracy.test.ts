import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

import {
  compile,
  createModel,
  detectArchitecture,
  loadCheckpoint,
  quantize,
  scope,
  type Engine,
  type Module,
} from 'napi-torch'

import { CHECKPOINT, FASHION_MNIST } from '../../support/fashion_mnist.js'

const PIXELS = 28 * 28
const CLASSES = 10
const IMAGES = 1000
/** From the end of the test set, where none of those is that are counted. */
const CALIBRATION_IMAGES = 128

/** The bytes of a gzipped IDX file behind its header. */
function readIdx(name: string): Uint8Array {
  const file = gunzipSync(readFileSync(join(FASHION_MNIST, name)))
  return new Uint8Array(file.subarray(4 + 4 * file.readUInt8(3)))
}

/** Turns gray pixels into normalized images (N, 3, 28, 28). */
function prepare(pixels: Uint8Array): Float32Array {
  const prepared = new Float32Array(3 * pixels.length)
  for (const [index, pixel] of pixels.entries()) {
    const first = Math.floor(index / PIXELS) * 3 * PIXELS + (index % PIXELS)
    for (let channel = 0; channel < 3; channel++) prepared[first + channel * PIXELS] = (pixel / 255 - 0.286) / 0.353
  }
  return prepared
}

function answers(logits: Float32Array): number[] {
  return Array.from({ length: IMAGES }, (_, image) => {
    const row = logits.subarray(CLASSES * image, CLASSES * (image + 1))
    return row.indexOf(Math.max(...row))
  })
}

/** What the checkpoint answers by itself: float32 logits that Python has computed. */
function float32Answers(): number[] {
  return answers(new Float32Array(Uint8Array.from(readFileSync(join(FASHION_MNIST, 't10k-logits.f32.bin'))).buffer))
}

async function loadModel(): Promise<Module> {
  const state = await loadCheckpoint(CHECKPOINT)
  const model = createModel(detectArchitecture(state)).eval()
  model.loadStateDict(state)
  return model
}

/** Throws unless an engine tells the images about as right as float32 does. */
async function checkAnswers(engine: Engine, pixels: Uint8Array): Promise<void> {
  const labels = readIdx('t10k-labels-idx1-ubyte.gz')
  const wanted = float32Answers()

  const received = answers(await engine.run(prepare(pixels.subarray(0, IMAGES * PIXELS))))

  await engine.close()
  const right = (found: readonly number[]): number => found.filter((answer, index) => answer === labels[index]).length
  const equal = received.filter((answer, index) => answer === wanted[index]).length
  assert.ok(right(received) >= right(wanted) - 3, `${right(received)} right, ${right(wanted)} in float32`)
  assert.ok(equal >= 0.995 * IMAGES, `${equal} of ${IMAGES} answers are the same`)
}

describe(`${IMAGES} images of the Fashion-MNIST checkpoint are told as right as in float32 within 0.3 points`, () => {
  it('by quantize(), with the same answer for 99.5 %', async function () {
    this.timeout(300_000)
    await scope(async () => {
      const pixels = readIdx('t10k-images-idx3-ubyte.gz')
      const calibrate = [prepare(pixels.subarray(-CALIBRATION_IMAGES * PIXELS))]
      const quantized = await quantize(await loadModel(), { input: [3, 28, 28], calibrate })

      await checkAnswers(await compile(quantized, { warmup: false }), pixels)
    })
  })

  it('in bfloat16, with the same answer for 99.5 %', async function () {
    this.timeout(300_000)
    await scope(async () => {
      const model = await loadModel()
      const engine = await compile(model, { input: [3, 28, 28], dtype: 'bfloat16', warmup: false })

      await checkAnswers(engine, readIdx('t10k-images-idx3-ubyte.gz'))
    })
  })
})
