import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

import {
  compile,
  createModel,
  detectArchitecture,
  fromArray,
  loadCheckpoint,
  scope,
  tensor,
  type Module,
  type Tensor,
} from 'napi-torch'

import { assertClose } from '../../support/numeric.js'

const FOLDER = new URL('../../../models/fashion-mnist/', import.meta.url)
const CHECKPOINT = fileURLToPath(new URL('resnet18-fashion-mnist.pth', FOLDER))
const IMAGES = 10_000
/** Eager, two idle cores need about 80 s for all. */
const EAGER_IMAGES = 1000
const BATCH = 100

function read(name: string): Buffer {
  return readFileSync(new URL(name, FOLDER))
}

/** The bytes of a gzipped IDX file behind its header. */
function readIdx(name: string): Uint8Array {
  const file = gunzipSync(read(name))
  return new Uint8Array(file.subarray(4 + 4 * file.readUInt8(3)))
}

/** As `prepare` in scripts/train_fashion_mnist.py: (N, 28, 28) bytes to normalized (N, 3, 28, 28). */
function prepare(pixels: Uint8Array): Tensor {
  const gray = tensor(pixels, { shape: [pixels.length / 784, 1, 28, 28] })
  const normalized = gray.float().div_(255).sub_(0.286).div_(0.353)
  return normalized.expand([-1, 3, -1, -1]).contiguous({ memoryFormat: 'channels_last' })
}

function largestOf(logits: Float32Array): number[] {
  return Array.from({ length: IMAGES }, (_, image) => {
    const row = logits.subarray(10 * image, 10 * image + 10)
    return row.indexOf(Math.max(...row))
  })
}

describe('the Fashion-MNIST checkpoint', function () {
  this.timeout(300_000)

  const record = JSON.parse(read('training.json').toString()) as {
    readonly classes: readonly string[]
    readonly half_checkpoint_test_correct: number
    readonly half_checkpoint_correct_per_class: readonly number[]
  }
  const labels = readIdx('t10k-labels-idx1-ubyte.gz')
  const bytes = Uint8Array.from(read('t10k-logits.f32.bin')).buffer
  const expected = new Float32Array(bytes)
  const actual = new Float32Array(10 * IMAGES)
  const eager = new Float32Array(10 * EAGER_IMAGES)

  before(() =>
    scope(async () => {
      const state = await loadCheckpoint(CHECKPOINT)
      const model: Module = createModel(detectArchitecture(state)).eval()
      model.loadStateDict(state)
      const pixels = readIdx('t10k-images-idx3-ubyte.gz')
      const batchAt = (image: number): Tensor => prepare(pixels.subarray(784 * image, 784 * (image + BATCH)))
      for (let image = 0; image < EAGER_IMAGES; image += BATCH) {
        scope(() => eager.set(model.forward(batchAt(image)).toFloat32Array(), 10 * image))
      }
      await using engine = await compile(model, { input: [3, 28, 28], maxBatchSize: BATCH })
      for (let image = 0; image < IMAGES; image += BATCH) {
        const batch = scope(() => batchAt(image).contiguous({ memoryFormat: 'contiguous_format' }).toFloat32Array())
        actual.set(await engine.run(batch), 10 * image)
      }
    }),
  )

  it('is recognized as resnet18Cifar in float16', () =>
    scope(async () => {
      const state = await loadCheckpoint(CHECKPOINT)

      const { name, numClasses, dtype } = detectArchitecture(state)

      assert.deepEqual([state.size, name, numClasses, dtype], [122, 'resnet18Cifar', 10, 'float16'])
    }))

  it(`gives PyTorch's logits within 1e-4 for the first ${EAGER_IMAGES} images, eager`, () =>
    scope(() => {
      const first = expected.slice(0, eager.length)
      assertClose(fromArray(eager, [EAGER_IMAGES, 10]), fromArray(first, [EAGER_IMAGES, 10]), { atol: 1e-4 })
    }))

  it(`gives PyTorch's logits within 1e-3 for all ${IMAGES} images, compiled`, () =>
    scope(() => {
      assertClose(fromArray(actual, [IMAGES, 10]), fromArray(expected, [IMAGES, 10]), { atol: 1e-3 })
    }))

  it('classifies each image as PyTorch does', () => {
    assert.deepEqual(largestOf(actual), largestOf(expected))
  })

  it(`is right about ${record.half_checkpoint_test_correct} images, as the model card says`, () => {
    const right = largestOf(actual).filter((label, image) => label === labels[image])

    assert.equal(right.length, record.half_checkpoint_test_correct)
  })

  it('is right about as many images of each class as the model card says', () => {
    const found = largestOf(actual)
    const perClass = record.classes.map(
      (_, label) => found.filter((answer, image) => answer === label && labels[image] === label).length,
    )

    assert.deepEqual(perClass, record.half_checkpoint_correct_per_class)
  })

  it('has a preset whose labels are those of the training record', () => {
    const preset = JSON.parse(read('preset.json').toString()) as { readonly labels: readonly string[] }

    assert.deepEqual(preset.labels, record.classes)
  })
})
