import assert from 'node:assert/strict'
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { ImageFolder, manualSeed, memory, ReLU, resnet18Cifar, Sequential, presets, type Module } from 'napi-torch'
import { finetune, type FinetuneEpoch, type FinetuneOptions, type FinetuneProgress } from 'napi-torch/train'

import { useTemporaryFolder } from '../support/folder.js'
import { testImages, writeFolders } from '../support/images.js'

const NAMES = new Map([
  [1, 'trousers'],
  [7, 'sneaker'],
  [8, 'bag'],
])
const preset = presets.fashionMnist().withChannels(1)
/** Small and short, but through all parts. */
const QUICK: FinetuneOptions = { preset, headEpochs: 3, epochs: 3, batchSize: 16, lr: 5e-3, seed: 5 }

/** Writes test images of three classes, about a dozen of each. */
async function writePhotos(root: string): Promise<string> {
  const images = (await testImages(240)).filter(({ label }) => NAMES.has(label))
  await writeFolders(root, images, (label) => NAMES.get(label) ?? '')
  return root
}

function makeModel(): Module {
  manualSeed(1)
  return resnet18Cifar({ width: 8, inputChannels: 1 })
}

function weightsOf(model: Module): object {
  return Object.fromEntries(Array.from(model.stateDict(), ([key, tensor]) => [key, tensor.toArray()]))
}

describe('finetune()', function () {
  this.timeout(120_000)
  const temporaryFolder = useTemporaryFolder()

  it('trains a head, then the last stage, and leaves the model with the best weights and nothing else', async () => {
    const dataset = await ImageFolder.open(await writePhotos(join(temporaryFolder(), 'photos')))
    const before = memory().tensors
    const model = makeModel()
    const [frozen, tuned] = ['layer3.1.conv2.weight', 'layer4.1.conv2.weight'].map((key) => model.getParameter(key))
    const starts = [frozen?.tolist(), tuned?.tolist()]
    const progress: FinetuneProgress[] = []
    const epochs: FinetuneEpoch[] = []

    const result = await finetune(model, dataset, {
      ...QUICK,
      // Three epochs are too few to learn from parts of images.
      crop: false,
      onProgress: (each) => progress.push(each),
      onEpoch: (each) => epochs.push(each),
    })

    assert.deepEqual(result.classes, ['bag', 'sneaker', 'trousers'])
    assert.deepEqual(result.epochs, epochs)
    assert.deepEqual(
      epochs.map(({ phase, epoch }) => `${phase} ${epoch}`),
      ['head 1', 'head 2', 'head 3', 'stages 1', 'stages 2', 'stages 3'],
    )
    assert.deepEqual([...new Set(progress.map(({ phase }) => phase))], ['features', 'head', 'stages'])
    assert.ok(progress.every(({ done, total }) => done > 0 && done <= total))
    assert.deepEqual(model.getParameter('linear.weight').shape, [3, 64])
    assert.ok(model.modules().every(({ training }) => !training))
    assert.equal(result.best.phase, 'stages')
    assert.ok(result.best.accuracy > 0.6, `accuracy ${result.best.accuracy}`)
    assert.equal(result.confusion.correct / result.confusion.total, result.best.accuracy)
    assert.deepEqual(frozen?.tolist(), starts[0])
    assert.notDeepEqual(tuned?.tolist(), starts[1])
    assert.equal(new Set([...result.train, ...result.validation]).size, dataset.length)
    model.dispose()
    assert.equal(memory().tensors, before)
  })

  for (const [phase, last] of [
    ['head', 2],
    ['stages', 1],
  ] as const) {
    it(`goes on after epoch ${last} of the ${phase} to the very weights of a training that was not ended`, async () => {
      const folder = temporaryFolder()
      const dataset = await ImageFolder.open(await writePhotos(join(folder, 'photos')))
      const whole = makeModel()
      const wholeResult = await finetune(whole, dataset, QUICK)
      const stateFolder = join(folder, 'state')
      const controller = new AbortController()
      const onEpoch = ({ phase: name, epoch }: FinetuneEpoch): void => {
        if (name === phase && epoch === last) controller.abort()
      }
      const ended = makeModel()
      await assert.rejects(finetune(ended, dataset, { ...QUICK, stateFolder, onEpoch, signal: controller.signal }), {
        name: 'AbortError',
      })

      const model = makeModel()
      const result = await finetune(model, dataset, { ...QUICK, stateFolder })

      assert.equal(result.isResumed, true)
      assert.deepEqual(result.epochs, wholeResult.epochs)
      assert.deepEqual(weightsOf(model), weightsOf(whole))
      assert.deepEqual((await readdir(folder)).sort(), ['photos'])
      for (const each of [whole, ended, model]) each.dispose()
    })
  }

  it('refuses the state of a training with other options', async () => {
    const folder = temporaryFolder()
    const dataset = await ImageFolder.open(await writePhotos(join(folder, 'photos')))
    const stateFolder = join(folder, 'state')
    const controller = new AbortController()
    const ended = { ...QUICK, stateFolder, signal: controller.signal, onEpoch: () => controller.abort() }
    const model = makeModel()
    await assert.rejects(finetune(model, dataset, ended), { name: 'AbortError' })

    await assert.rejects(finetune(model, dataset, { ...QUICK, stateFolder, lr: 0.5 }), {
      code: 'TORCH_TRAINING',
      message: `${stateFolder}: Holds another training: its images, model or options differ; go on with those, or remove the folder`,
    })
    model.dispose()
  })

  it('names all faults of the data at once, before it trains', async () => {
    const root = await writePhotos(join(temporaryFolder(), 'photos'))
    const [bag = ''] = await readdir(join(root, 'bag'))
    const [sneaker = ''] = await readdir(join(root, 'sneaker'))
    await mkdir(join(root, 'hat'))
    await copyFile(join(root, 'bag', bag), join(root, 'hat', 'copy.png'))
    await writeFile(join(root, 'sneaker', sneaker), 'no image')
    const dataset = await ImageFolder.open(root)
    const model = makeModel()

    const failed = finetune(model, dataset, QUICK)

    await assert.rejects(failed, (error: { code?: string; message: string }) => {
      assert.equal(error.code, 'TORCH_DATASET')
      const [unreadable, small, same, ...others] = error.message.split('; ')
      assert.match(unreadable ?? '', /^1 image cannot be read: .*sneaker/)
      assert.equal(small, 'A class needs 4 images: too few are in hat (1)')
      const copies = `${join(root, 'bag', bag)} = ${join(root, 'hat', 'copy.png')}`
      assert.equal(same, `The same file stands in several classes: ${copies}`)
      assert.deepEqual(others, [])
      return true
    })
    assert.deepEqual(model.getParameter('linear.weight').shape, [10, 64])
    model.dispose()
  })

  it('refuses a dataset of one class', async () => {
    const root = temporaryFolder()
    const images = (await testImages(60)).filter(({ label }) => label === 8)
    await writeFolders(root, images, () => 'bag')
    const model = makeModel()

    await assert.rejects(finetune(model, await ImageFolder.open(root), QUICK), {
      code: 'TORCH_DATASET',
      message: 'There is one class (bag): nothing can be told from anything else',
    })
    model.dispose()
  })

  it('trains on or measures by all copies of a file, and leaves out what cannot be read where that is allowed', async () => {
    const root = await writePhotos(join(temporaryFolder(), 'photos'))
    const folder = join(root, 'bag')
    const [first = '', second = ''] = await readdir(folder)
    for (const name of ['x1.png', 'x2.png', 'x3.png']) await copyFile(join(folder, first), join(folder, name))
    await writeFile(join(folder, second), 'no image')
    const dataset = await ImageFolder.open(root)
    const notes: string[] = []
    const model = makeModel()

    const options = { ...QUICK, headEpochs: 1, epochs: 0, skipErrors: true, onNote: (note: string) => notes.push(note) }
    const { train, validation } = await finetune(model, dataset, options)

    const isCopy = (index: number): boolean => /x\d\.png$/.test(dataset.samples[index]?.path ?? '')
    assert.ok([0, 3].includes(train.filter(isCopy).length))
    assert.equal(train.length + validation.length, dataset.length - 1)
    assert.match(
      notes.join('\n'),
      /^1 image cannot be read: .*\nFiles of the same content are kept together, .*x1\.png = /,
    )
    model.dispose()
  })

  it('says where a loss is not finite', async () => {
    const dataset = await ImageFolder.open(await writePhotos(join(temporaryFolder(), 'photos')))
    const model = makeModel()

    await assert.rejects(
      finetune(model, dataset, { ...QUICK, lr: 1e30 }),
      (error: { code?: string; message: string }) => {
        assert.equal(error.code, 'TORCH_TRAINING')
        const where =
          /^The loss is (NaN|Infinity) in step \d of epoch 1 of the stages, at a learning rate of [\d.]+e\+\d+, for .*\.png/
        assert.match(error.message, where)
        assert.match(error.message, /: try a lower learning rate$/)
        return true
      },
    )
    model.dispose()
  })

  it('refuses a model without a linear layer, and other options', async () => {
    const dataset = await ImageFolder.open(await writePhotos(join(temporaryFolder(), 'photos')))
    const model = new Sequential(new ReLU())
    const code = 'TORCH_INVALID_ARGUMENT'

    await assert.rejects(finetune(model, dataset, QUICK), {
      code: 'TORCH_ARCHITECTURE',
      message: 'Sequential has no linear layer whose input could be its features',
    })
    const refused: readonly [object, string][] = [
      [{ validation: 1 }, 'Expected a number above 0 and below 1 for validation, received 1'],
      [{ lr: -1 }, 'Expected a number >= 0 for lr, received -1'],
      [{ epochs: 1.5 }, 'Expected a non-negative integer for epochs, received 1.5'],
      [{ dtype: 'int8' }, "Expected one of 'float32', 'bfloat16' for dtype, received \"int8\""],
    ]
    for (const [option, message] of refused) {
      await assert.rejects(finetune(model, dataset, { ...QUICK, ...option }), { code, message })
    }
    await assert.rejects(finetune(model, 'photos' as never, QUICK), {
      code,
      message: 'Expected a Dataset for dataset, received "photos"',
    })
  })
})
