import assert from 'node:assert/strict'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

import {
  Classifier,
  createModel,
  decodeImage,
  detectArchitecture,
  fromArray,
  loadCheckpoint,
  presets,
  resnet18,
  saveCheckpoint,
  saveSafetensors,
  scope,
  type Prediction,
  type ClassifierOptions,
  type Image,
} from 'napi-torch'

import { inFolder } from '../support/checkpoints.js'
import { CHECKPOINT } from '../support/fashion_mnist.js'
import { testImages, writePng } from '../support/images.js'

const BOOT = 9

async function withClassifier(
  body: (classifier: Classifier, folder: string) => Promise<void>,
  options: ClassifierOptions = {},
): Promise<void> {
  await inFolder(async (folder) => {
    const classifier = await Classifier.load(CHECKPOINT, options)
    try {
      await body(classifier, folder)
    } finally {
      await classifier.close()
    }
  })
}

/** The first test images as raw gray pixels. */
async function pixels(count: number): Promise<Image[]> {
  const images = await testImages(count)
  return images.map(({ pixels: data }) => ({ data, height: 28, width: 28, channels: 1 }))
}

async function bootOf(folder: string): Promise<string> {
  const [boot] = await testImages(1)
  assert.ok(boot)
  return writePng(join(folder, 'boot.png'), boot)
}

function bestOf(predictions: readonly Prediction[] | null): string | null | undefined {
  return predictions?.[0]?.label
}

describe('Classifier', function () {
  this.timeout(30_000)

  describe('load()', () => {
    it('finds architecture, preset and labels by itself', async () => {
      await withClassifier(async (classifier) => {
        assert.equal(classifier.architecture.name, 'resnet18Cifar')
        assert.deepEqual([classifier.labels?.length, classifier.labels?.[BOOT]], [10, 'Ankle boot'])
        assert.match(String(classifier.preset), /Grayscale/)
        const { presetName, labelsName, isPresetGuessed } = classifier
        assert.deepEqual([presetName, labelsName, isPresetGuessed], ['fashion-mnist', 'preset.json', false])
        await Promise.resolve()
      })
    })

    it('takes a URL', async () => {
      await using classifier = await Classifier.load(pathToFileURL(CHECKPOINT))

      assert.equal(classifier.presetName, 'fashion-mnist')
    })

    it('takes the bytes of a file, beside which there is no preset: that is a guess', async () => {
      await using classifier = await Classifier.load(await readFile(CHECKPOINT))

      const { presetName, labelsName, isPresetGuessed } = classifier
      assert.deepEqual([presetName, labelsName, isPresetGuessed], ['cifar', 'cifar10', true])
    })

    it('takes a preset and names of classes', async () => {
      const labels = Array.from({ length: 10 }, (_, index) => `class ${index}`)
      await using classifier = await Classifier.load(CHECKPOINT, { preset: presets.fashionMnist(), labels })

      const { presetName, labelsName, isPresetGuessed } = classifier
      assert.deepEqual([presetName, labelsName, isPresetGuessed], ['fashion-mnist', 'own', false])
      const [image] = await pixels(1)
      assert.ok(image)
      assert.equal(bestOf(await classifier.classify(image)), 'class 9')
    })

    it('takes a preset of the user, which is a transform', async () => {
      const inner = presets.fashionMnist()
      const preset = { apply: (image: Image) => inner.apply(image), toString: () => 'mine' }
      await using classifier = await Classifier.load(CHECKPOINT, { preset, labels: 'fashion-mnist' })

      const [image] = await pixels(1)
      assert.ok(image)
      assert.equal(bestOf(await classifier.classify(image)), 'Ankle boot')
      assert.equal(classifier.presetName, 'own')
    })

    it('takes the preset that travels in the metadata of safetensors, before the file beside it', async () => {
      await inFolder(async (folder) => {
        const file = join(folder, 'model.safetensors')
        await writeFile(join(folder, 'preset.json'), 'not this')
        const metadata = presets.fashionMnist().toMetadata()
        await scope(async () => saveSafetensors(file, await loadCheckpoint(CHECKPOINT), { metadata }))

        await using classifier = await Classifier.load(file)

        const { presetName, labelsName, isPresetGuessed } = classifier
        assert.deepEqual([presetName, labelsName, isPresetGuessed], ['fashion-mnist', 'fashion-mnist', false])
      })
    })

    const refused: readonly (readonly [string, ClassifierOptions, string, string])[] = [
      [
        'another architecture than the one asked for',
        { arch: 'resnet18' },
        'TORCH_ARCHITECTURE',
        `Expected the architecture resnet18 in ${CHECKPOINT}, found resnet18Cifar`,
      ],
      [
        'labels that do not fit',
        { labels: ['a', 'b'] },
        'TORCH_LABELS',
        'Expected 10 labels, one a class of the model, received 2',
      ],
      [
        'an unknown preset',
        { preset: 'mnist' as 'cifar' },
        'TORCH_INVALID_ARGUMENT',
        `Expected one of 'imagenet', 'cifar', 'fashion-mnist' for preset, received "mnist"`,
      ],
      [
        'an unknown dtype',
        { dtype: 'int8' as 'float32' },
        'TORCH_INVALID_ARGUMENT',
        `Expected one of 'float32', 'bfloat16', 'float16' for dtype, received "int8"`,
      ],
    ]
    for (const [what, options, code, message] of refused) {
      it(`refuses ${what}`, async () => {
        await assert.rejects(Classifier.load(CHECKPOINT, options), { code, message })
      })
    }

    it('refuses unknown options', async () => {
      await assert.rejects(Classifier.load(CHECKPOINT, { top: 1 } as ClassifierOptions), {
        code: 'TORCH_INVALID_ARGUMENT',
      })
    })

    it('rejects with the reason of a signal', async () => {
      const reason = new Error('enough')
      await assert.rejects(Classifier.load(CHECKPOINT, { signal: AbortSignal.abort(reason) }), reason)
    })
  })

  describe('classify()', () => {
    it('gives the same predictions for a path, a URL, the bytes of a file, and pixels', async () => {
      await withClassifier(async (classifier, folder) => {
        const path = await bootOf(folder)
        const [gray] = await pixels(1)
        assert.ok(gray)
        const expected = await classifier.classify(path)

        const sources = [pathToFileURL(path), await readFile(path), await decodeImage(path), gray]
        for (const source of sources) assert.deepEqual(await classifier.classify(source), expected)
        assert.deepEqual([expected.length, expected[0]?.label, expected[0]?.index], [5, 'Ankle boot', BOOT])
      })
    })

    it('gives the probabilities of the eager model within 1e-5', async () => {
      await withClassifier(async (classifier, folder) => {
        const path = await bootOf(folder)
        const expected = await scope(async () => {
          const state = await loadCheckpoint(CHECKPOINT)
          const model = createModel(detectArchitecture(state)).eval()
          model.loadStateDict(state)
          const image = await presets.fashionMnist().apply(await decodeImage(path))
          return model.forward(image.unsqueeze(0)).softmax(1).toFloat32Array()
        })

        const predictions = await classifier.classify(path, { topK: 10 })

        assert.equal(predictions.length, 10)
        for (const { index, probability } of predictions) {
          assert.ok(Math.abs(probability - (expected[index] ?? NaN)) <= 1e-5, `class ${index}`)
        }
        const sum = predictions.reduce((total, { probability }) => total + probability, 0)
        assert.ok(Math.abs(sum - 1) < 1e-9)
      })
    })

    it('computes in bfloat16 where that is asked for: other probabilities, by less than 0.05, and the same classes', async () => {
      const images = await pixels(64)
      await using single = await Classifier.load(CHECKPOINT)
      await using half = await Classifier.load(CHECKPOINT, { dtype: 'bfloat16' })

      const wanted = await single.classify(images, { topK: 1 })
      const received = await half.classify(images, { topK: 1 })

      assert.deepEqual(received.map(bestOf), wanted.map(bestOf))
      const differences = received.map(
        ([prediction], image) => (prediction?.probability ?? NaN) - (wanted[image]?.[0]?.probability ?? 0),
      )
      assert.ok(differences.every((difference) => Math.abs(difference) < 0.05))
      assert.ok(differences.some((difference) => Math.abs(difference) > 1e-4))
    })

    it('gives the predictions for an array in its order, of more images than fit in a batch', async () => {
      await withClassifier(
        async (classifier) => {
          const images = await pixels(30)
          const single = await classifier.classify(images[17] ?? assert.fail())

          const predictions = await classifier.classify(images, { topK: 1 })

          const labels = (await testImages(30)).map(({ label }) => label)
          const right = predictions.filter(([best], index) => best?.index === labels[index]).length
          // Of the first 30, Python takes the fifth and the twenty-fourth and twenty-sixth for something else.
          assert.deepEqual([predictions.length, right], [30, 27])
          assert.equal(predictions[17]?.[0]?.index, single[0]?.index)
        },
        { maxBatchSize: 4 },
      )
    })

    it('gives nothing for an empty array', async () => {
      await withClassifier(async (classifier) => {
        assert.deepEqual(await classifier.classify([]), [])
      })
    })

    it('classifies in many calls at a time, and lets the event loop go on', async () => {
      await withClassifier(
        async (classifier) => {
          const images = await pixels(40)
          let turns = 0
          let isDone = false
          const spin = async (): Promise<void> => {
            for (; !isDone; turns++) await setImmediate()
          }
          const spinning = spin()

          const predictions = await Promise.all(images.map((image) => classifier.classify(image, { topK: 1 })))

          isDone = true
          await spinning
          assert.equal(predictions.length, 40)
          assert.ok(turns > 40, `${turns} turns`)
        },
        { maxBatchSize: 2 },
      )
    })

    it('fails for an array with the first image that cannot be read', async () => {
      await withClassifier(async (classifier) => {
        const [image] = await pixels(1)
        assert.ok(image)

        await assert.rejects(classifier.classify([image, 'missing.png', 'other.png']), {
          code: 'TORCH_FILE',
          message: 'missing.png: No such file',
        })
      })
    })

    it('gives the error of an image in a stream instead of predictions, and goes on', async () => {
      await withClassifier(async (classifier, folder) => {
        const boot = await bootOf(folder)
        const damaged = (await readFile(boot)).subarray(0, 200)

        const results = []
        for await (const result of classifier.classify([boot, damaged, 'missing.png', boot].values())) {
          results.push(result)
        }

        assert.deepEqual(
          results.map(({ predictions, error }) => bestOf(predictions) ?? (error as { code?: string } | null)?.code),
          ['Ankle boot', 'TORCH_IMAGE', 'TORCH_FILE', 'Ankle boot'],
        )
        assert.equal(results[2]?.image, 'missing.png')
      })
    })

    it('takes of a stream no more than two batches and what is prepared, while the predictions are not consumed', async () => {
      await withClassifier(
        async (classifier) => {
          const [image] = await pixels(1)
          assert.ok(image)
          let taken = 0
          let isClosed = false
          async function* endless(): AsyncGenerator<Image> {
            try {
              for (;;) {
                taken++
                yield image ?? assert.fail()
                await setImmediate()
              }
            } finally {
              isClosed = true
            }
          }

          const predictions = classifier.classify(endless())
          await predictions.next()
          // What is consumed makes room for one more; all of them have long been computed by then.
          for (let turn = 0; turn < 50; turn++) await classifier.classify(image)
          await predictions.return(undefined)

          assert.ok(taken >= 4 && taken <= 2 * 2 + 4 + 1, `${taken} taken`)
          assert.ok(isClosed)
        },
        { maxBatchSize: 2 },
      )
    })

    it('ends with the error of the stream itself, after the predictions before it', async () => {
      await withClassifier(async (classifier) => {
        const [image] = await pixels(1)
        function* failing(): Generator<Image> {
          yield image ?? assert.fail()
          throw new RangeError('no more')
        }

        const predictions = classifier.classify(failing())

        assert.equal(bestOf((await predictions.next()).value?.predictions ?? null), 'Ankle boot')
        await assert.rejects(predictions.next(), new RangeError('no more'))
      })
    })

    it('ends with the reason of a signal, also while the stream gives nothing', async () => {
      await withClassifier(async (classifier) => {
        const stop = new AbortController()
        const reason = new Error('enough')
        // eslint-disable-next-line require-yield -- it never comes to that
        async function* silent(): AsyncGenerator<Image> {
          await new Promise(() => undefined)
        }

        const predictions = classifier.classify(silent(), { signal: stop.signal })
        const next = predictions.next()
        stop.abort(reason)

        await assert.rejects(next, reason)
        const images = await pixels(1)
        await assert.rejects(classifier.classify(images, { signal: stop.signal }), reason)
        await assert.rejects(classifier.classify(images[0] ?? '', { signal: stop.signal }), reason)
      })
    })

    it('refuses what is no image', async () => {
      await withClassifier(async (classifier) => {
        await assert.rejects(classifier.classify(7 as unknown as string), {
          code: 'TORCH_INVALID_ARGUMENT',
          message: 'Expected an image, an array of images, or a stream of images, for images, received 7',
        })
        await assert.rejects(classifier.classify([7 as unknown as string]), {
          code: 'TORCH_INVALID_ARGUMENT',
          message:
            'Expected a path, a file: URL, bytes, a Blob, a Response, a stream of bytes, pixels or a sharp instance for image, received 7',
        })
        await assert.rejects(classifier.classify('x.png', { topK: 0 }), { code: 'TORCH_INVALID_ARGUMENT' })
        await assert.rejects(classifier.classify('x.png', { top: 1 } as object), { code: 'TORCH_INVALID_ARGUMENT' })
      })
    })

    it('gives no labels where the classes have no names', async () => {
      await inFolder(async (folder) => {
        const file = join(folder, 'new.pth')
        await scope(() => saveCheckpoint(file, resnet18({ numClasses: 3 }).stateDict()))

        await using classifier = await Classifier.load(file, { maxBatchSize: 1 })

        const [gray] = await pixels(1)
        assert.ok(gray)
        assert.deepEqual([classifier.labels, (await classifier.classify(gray)).length], [null, 3])
        assert.equal((await classifier.classify(gray))[0]?.label, null)
        assert.ok(classifier.isPresetGuessed)
      })
    })
  })

  describe('features()', () => {
    it('gives the output of a layer, row-major, and refuses one that there is not', async () => {
      await withClassifier(async (classifier) => {
        const [image] = await pixels(1)
        assert.ok(image)

        const features = await classifier.features(image, { layer: 'layer4' })
        const vector = await classifier.features(image)

        const pixelsOfMap = features.length / 512
        const mean = features.subarray(0, pixelsOfMap).reduce((sum, value) => sum + value, 0) / pixelsOfMap
        assert.ok(Math.abs(mean - (vector[0] ?? NaN)) <= 1e-4, `${mean} for ${vector[0]}`)
        await assert.rejects(classifier.features(image, { layer: 'layer9' }), {
          code: 'TORCH_INVALID_ARGUMENT',
          message: 'Expected the name of a layer (such as layer1, layer2, layer3) for layer, received "layer9"',
        })
      })
    })

    it('gives the 512 numbers that the last layer reads', async () => {
      await withClassifier(async (classifier) => {
        const [image] = await pixels(1)
        assert.ok(image)
        const before = await classifier.classify(image, { topK: 10 })

        const features = await classifier.features(image)

        assert.equal(features.length, 512)
        const logits = await scope(async () => {
          const state = await loadCheckpoint(CHECKPOINT)
          const [weight, bias] = [state.get('linear.weight'), state.get('linear.bias')]
          assert.ok(weight && bias)
          return fromArray(features, [1, 512])
            .matmul(weight.float().transpose(0, 1))
            .add(bias.float())
            .softmax(1)
            .toFloat32Array()
        })
        for (const { index, probability } of before) {
          assert.ok(Math.abs(probability - (logits[index] ?? NaN)) <= 1e-5, `class ${index}`)
        }
        assert.deepEqual(await classifier.classify(image, { topK: 10 }), before)
      })
    })

    it('gives the vectors of several images in their order', async () => {
      await withClassifier(async (classifier) => {
        const images = await pixels(3)
        const vectors = await classifier.features(images)

        assert.deepEqual(
          vectors.map(({ length }) => length),
          [512, 512, 512],
        )
        assert.notDeepEqual(vectors[0], vectors[1])
      })
    })
  })

  describe('close()', () => {
    it('waits for images that are under way, and refuses new ones', async () => {
      const classifier = await Classifier.load(CHECKPOINT)
      const images = await pixels(20)
      const predictions = classifier.classify(images)
      const features = classifier.features(images[0] ?? '')

      await classifier.close()

      assert.equal((await predictions).length, 20)
      assert.equal((await features).length, 512)
      const closed = { code: 'TORCH_ENGINE_CLOSED', message: 'The classifier is closed' }
      await assert.rejects(classifier.classify('x.png'), closed)
      await assert.rejects(classifier.classify(['x.png']), closed)
      await assert.rejects(classifier.classify(images.values()).next(), closed)
      await assert.rejects(classifier.features('x.png'), closed)
      await classifier.close()
    })

    it('ends a stream that is under way', async () => {
      const classifier = await Classifier.load(CHECKPOINT, { maxBatchSize: 1 })
      const images = await pixels(30)
      const predictions = classifier.classify(images.values())
      await predictions.next()

      await classifier.close()

      await assert.rejects(
        async () => {
          for await (const { error } of predictions) assert.equal(error, null)
        },
        { code: 'TORCH_ENGINE_CLOSED' },
      )
    })
  })

  it('reads a checkpoint whose preset file is damaged only where the preset is given', async () => {
    await inFolder(async (folder) => {
      const file = join(folder, 'model.pth')
      await copyFile(CHECKPOINT, file)
      await writeFile(join(folder, 'preset.json'), '{')

      await assert.rejects(Classifier.load(file), { code: 'TORCH_FILE' })
      await using classifier = await Classifier.load(file, { preset: 'fashion-mnist' })
      assert.equal(classifier.labelsName, 'fashion-mnist')
    })
  })
})
