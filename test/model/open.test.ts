import assert from 'node:assert/strict'
import { copyFile, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import {
  Classifier,
  loadCheckpoint,
  memory,
  openModel,
  presets,
  resnet18,
  saveCheckpoint,
  saveSafetensors,
  scope,
  zeros,
  type OpenModelOptions,
} from 'napi-torch'

import { fixture, inFolder } from '../support/checkpoints.js'
import { runModule } from '../support/child.js'
import { CHECKPOINT } from '../support/fashion_mnist.js'
import { formatFixture } from '../support/formats.js'

/** Writes the sample model as safetensors, whose metadata name its preset. */
async function writeWithMetadata(file: string): Promise<void> {
  const metadata = { ...presets.fashionMnist().toMetadata(), author: 'me' }
  await scope(async () => saveSafetensors(file, await loadCheckpoint(CHECKPOINT), { metadata }))
}

describe('openModel()', function () {
  this.timeout(60_000)

  it('gives the model in eval mode with architecture, preset, labels and their sources', async () => {
    using opened = await openModel(CHECKPOINT)

    const { model, architecture, preset, presetName, isPresetGuessed, labels, labelsName, source } = opened
    assert.deepEqual([architecture.name, model.training], ['resnet18Cifar', false])
    assert.deepEqual([presetName, isPresetGuessed, labelsName, source], ['fashion-mnist', false, 'preset.json', ''])
    assert.deepEqual([labels?.length, labels?.[9]], [10, 'Ankle boot'])
    assert.match(String(preset), /Grayscale/)
    assert.deepEqual([opened.inputShape, opened.metadata], [[3, 28, 28], null])
  })

  it('gives the metadata of safetensors, and finds the preset in it', async () => {
    await inFolder(async (folder) => {
      const file = join(folder, 'model.safetensors')
      await writeWithMetadata(file)

      using opened = await openModel(file)

      assert.equal(opened.metadata?.get('author'), 'me')
      assert.deepEqual([opened.presetName, opened.isPresetGuessed], ['fashion-mnist', false])
    })
  })

  it('takes a file: URL, and the bytes of a file', async () => {
    using byUrl = await openModel(pathToFileURL(CHECKPOINT))
    using byBytes = await openModel(await readFile(CHECKPOINT))

    assert.deepEqual([byUrl.presetName, byUrl.isPresetGuessed], ['fashion-mnist', false])
    // Beside bytes there is no preset.json.
    assert.deepEqual([byBytes.presetName, byBytes.isPresetGuessed], ['cifar', true])
  })

  it('reads the directory of the file once, and each tensor once', async () => {
    await inFolder(async (folder) => {
      const file = join(folder, 'model.safetensors')
      await writeWithMetadata(file)
      // Every way to open a file is counted, in a process of its own.
      const source = `
        import fs from 'node:fs'
        import promises from 'node:fs/promises'
        import { syncBuiltinESMExports } from 'node:module'
        const file = ${JSON.stringify(file)}
        let opens = 0
        for (const [module, name] of [[promises, 'open'], [promises, 'readFile'], [fs, 'openSync'], [fs, 'open'], [fs, 'readFile'], [fs, 'createReadStream']]) {
          const original = module[name]
          module[name] = function (path, ...rest) {
            if (String(path) === file) opens++
            return original.call(this, path, ...rest)
          }
        }
        syncBuiltinESMExports()
        const { openModel, readCheckpoint } = await import('napi-torch')
        await readCheckpoint(file)
        const ofDirectory = opens
        opens = 0
        const opened = await openModel(file)
        console.log(JSON.stringify({ ofDirectory, opens, preset: opened.presetName }))
        opened.dispose()`

      const { status, stdout, stderr } = await runModule(source)

      assert.equal(status, 0, stderr)
      const { ofDirectory, opens, preset } = JSON.parse(stdout) as Record<string, unknown>
      // The values of tensors are read by native code, which opens the file itself.
      assert.deepEqual([ofDirectory, preset], [1, 'fashion-mnist'])
      assert.equal(opens, 1)
    })
  })

  it('goes on with what it has read where the file is replaced behind it', async () => {
    await inFolder(async (folder) => {
      const [file, other] = [join(folder, 'model.pth'), join(folder, 'other.pth')]
      await copyFile(CHECKPOINT, file)
      await writeFile(other, 'no checkpoint')
      using opened = await openModel(file, { preset: 'fashion-mnist' })

      await rename(other, file)
      await using engine = await opened.createEngine()

      assert.deepEqual(engine.outputShape, [10])
    })
  })

  describe('the weights', () => {
    it('lie in memory once', async () => {
      const before = memory().bytes

      using opened = await openModel(CHECKPOINT)

      const { model } = opened
      const tensors = [...model.parameters(), ...model.buffers()]
      assert.equal(
        memory().bytes - before,
        tensors.reduce((sum, { nbytes }) => sum + nbytes, 0),
      )
      // Channels-last, in which oneDNN is faster.
      const kernels = tensors.filter(({ ndim }) => ndim === 4)
      assert.ok(kernels.length > 0 && kernels.every(({ strides }) => strides[1] === 1))
    })

    it('are released by `await using` too', async () => {
      const before = memory()
      {
        await using opened = await openModel(CHECKPOINT)
        assert.ok(memory().bytes > before.bytes + 40e6, opened.source)
      }

      assert.deepEqual(memory(), before)
    })
  })

  describe('createEngine()', () => {
    it('compiles the model for what its preset makes, and outlives the weights', async () => {
      const opened = await openModel(CHECKPOINT)
      const expected = scope(() => opened.model.forward(zeros([1, 3, 28, 28])).toFloat32Array())

      await using engine = await opened.createEngine({ maxBatchSize: 4 })
      opened.dispose()

      const actual = await engine.run(new Float32Array(3 * 28 * 28))
      assert.deepEqual(engine.inputShape, [3, 28, 28])
      assert.ok(actual.every((logit, index) => Math.abs(logit - (expected[index] ?? NaN)) < 1e-4))
    })

    it('compiles another input shape and another module where they are given', async () => {
      using opened = await openModel(CHECKPOINT)
      const input = [3, 32, 32]
      await using larger = await opened.createEngine({ input, bucketSizes: [1], warmup: false })
      const module = scope(() => resnet18({ numClasses: 3 }).eval())
      try {
        await using other = await opened.createEngine({ module, input: [3, 64, 64], bucketSizes: [1], warmup: false })

        assert.deepEqual([larger.inputShape, larger.outputShape], [input, [10]])
        assert.deepEqual(other.outputShape, [3])
      } finally {
        module.dispose()
      }
    })

    it('names a preset that makes images of a size that the model does not take', async () => {
      using opened = await openModel(CHECKPOINT, { preset: 'imagenet' })

      await assert.rejects(opened.createEngine(), {
        code: 'TORCH_INVALID_ARGUMENT',
        message:
          'The preset imagenet makes images of (3, 224, 224), which the model does not take: linear (Linear, input float32 ' +
          '(2, 25088)): Expected a tensor (..., 512) for input, received float32 (2, 25088) (forward() was traced with a ' +
          'batch of 2, of shape (2, 3, 224, 224))',
      })
    })

    it('refuses unknown options', async () => {
      using opened = await openModel(CHECKPOINT)

      await assert.rejects(opened.createEngine({ batch: 1 } as never), { code: 'TORCH_INVALID_ARGUMENT' })
    })
  })

  it('belongs to the scope around it', async () => {
    const before = memory().tensors

    const name = await scope(async () => (await openModel(CHECKPOINT)).architecture.name)

    assert.deepEqual([name, memory().tensors], ['resnet18Cifar', before])
  })

  it('is kept by a scope whose result it is', async () => {
    using opened = await scope(() => openModel(CHECKPOINT))

    assert.equal(opened.model.parameters()[0]?.isDisposed, false)
  })

  describe('bad input', () => {
    /** Writes a ResNet-18 whose weights are as they are drawn, without the entries that `drop` names. */
    async function writeResnet(file: string, options: object, drop: readonly string[] = []): Promise<string> {
      await scope(() => {
        const state = resnet18(options).stateDict()
        for (const key of drop) state.delete(key)
        return saveCheckpoint(file, state)
      })
      return file
    }

    async function refused(file: string | Uint8Array, code: string, options: OpenModelOptions = {}): Promise<void> {
      const before = memory()
      await assert.rejects(openModel(file, options), { code })
      assert.equal(memory().tensors, before.tensors, 'tensors are left alive')
    }

    const cases: readonly (readonly [string, string, (folder: string) => Promise<string>, OpenModelOptions?])[] = [
      ['a file that is missing', 'TORCH_FILE', (folder) => Promise.resolve(join(folder, 'missing.pth'))],
      [
        'a file that is no checkpoint',
        'TORCH_CHECKPOINT_FORMAT',
        async (folder) => {
          const file = join(folder, 'text.pth')
          await writeFile(file, 'no checkpoint')
          return file
        },
      ],
      [
        'a checkpoint that is cut short',
        'TORCH_CHECKPOINT_CORRUPT',
        async (folder) => {
          const file = join(folder, 'cut.pth')
          await writeFile(file, (await readFile(CHECKPOINT)).subarray(0, 100_000))
          return file
        },
      ],
      ['a state dict of no ResNet', 'TORCH_ARCHITECTURE', () => Promise.resolve(fixture('state_dict.pth'))],
      ['another architecture than arch', 'TORCH_ARCHITECTURE', () => Promise.resolve(CHECKPOINT), { arch: 'resnet50' }],
      [
        'a pickled module without wholeModule',
        'TORCH_CHECKPOINT_UNSUPPORTED',
        () => Promise.resolve(formatFixture('module.pth')),
      ],
      ['a key at which nothing lies', 'TORCH_INVALID_ARGUMENT', () => Promise.resolve(CHECKPOINT), { key: 'ema' }],
      ['labels that do not fit', 'TORCH_LABELS', () => Promise.resolve(CHECKPOINT), { labels: ['a'] }],
      [
        'an unknown preset',
        'TORCH_INVALID_ARGUMENT',
        () => Promise.resolve(CHECKPOINT),
        { preset: 'mnist' as 'cifar' },
      ],
      [
        'a preset file that is no JSON',
        'TORCH_FILE',
        async (folder) => {
          await writeFile(join(folder, 'preset.json'), '{')
          return writeResnet(join(folder, 'model.pth'), { numClasses: 2 })
        },
      ],
      [
        'a model that reads other channels than the preset makes',
        'TORCH_ARCHITECTURE',
        (folder) => writeResnet(join(folder, 'model.pth'), { inputChannels: 4 }),
      ],
      [
        'a state dict that lacks a tensor',
        'TORCH_ARCHITECTURE',
        (folder) => writeResnet(join(folder, 'model.pth'), {}, ['layer2.0.bn1.running_mean']),
      ],
      ['an unknown option', 'TORCH_INVALID_ARGUMENT', () => Promise.resolve(CHECKPOINT), { device: 'cpu' } as object],
      ['an arch that is no string', 'TORCH_INVALID_ARGUMENT', () => Promise.resolve(CHECKPOINT), { arch: 18 as never }],
    ]
    for (const [what, code, make, options] of cases) {
      it(`refuses ${what}, and leaves nothing alive`, () =>
        inFolder(async (folder) => refused(await make(folder), code, options)))
    }

    it('rejects with the reason of a preset that throws, and leaves nothing alive', async () => {
      const before = memory().tensors
      const preset = { apply: () => Promise.reject(new RangeError('no transform')) }

      await assert.rejects(openModel(CHECKPOINT, { preset }), new RangeError('no transform'))
      assert.equal(memory().tensors, before)
    })

    it('rejects with the reason of a signal, and leaves nothing alive', async () => {
      const before = memory().tensors
      const reason = new Error('enough')

      await assert.rejects(openModel(CHECKPOINT, { signal: AbortSignal.abort(reason) }), reason)
      assert.equal(memory().tensors, before)
    })

    it('lets Classifier.load() leave nothing alive where compiling fails', async () => {
      const before = memory().tensors
      const controller = new AbortController()
      const preset = {
        apply: () => {
          controller.abort(new Error('enough'))
          return Promise.resolve(zeros([3, 28, 28]))
        },
      }

      await assert.rejects(Classifier.load(CHECKPOINT, { preset, signal: controller.signal }), new Error('enough'))
      assert.equal(memory().tensors, before)
    })
  })
})
