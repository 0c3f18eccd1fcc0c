import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { inFolder } from '../support/checkpoints.js'
import { napiTorch } from '../support/cli.js'
import { CHECKPOINT } from '../support/fashion_mnist.js'
import { testImages, writeFolders, writeIdx } from '../support/images.js'

interface Report {
  readonly images: number
  readonly correct: number
  readonly top1: number
  readonly top5: number
  readonly classes: readonly { readonly label: string; readonly images: number; readonly correct: number }[]
  readonly confusions: readonly object[]
}

const NAMES = ['top', 'trousers', 'pullover', 'dress', 'coat', 'sandal', 'shirt', 'sneaker', 'bag', 'boot']
const LABELS = ['T-shirt-top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Boot']

/** Of the first 40 images, Python gets so many right: by the reference logits beside the model. */
const IMAGES = 40
const CORRECT = 37

async function evaluateJson(...args: readonly string[]): Promise<Report> {
  const { status, stdout, stderr } = await napiTorch(['evaluate', CHECKPOINT, ...args, '--json'])
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout) as Report
}

describe('napi-torch evaluate', function () {
  this.timeout(60_000)

  it('measures a pair of IDX files', async () => {
    await inFolder(async (folder) => {
      const images = await testImages(IMAGES)

      const report = await evaluateJson(await writeIdx(folder, images))

      const { correct, top1, top5, confusions } = report
      assert.deepEqual([report.images, correct, top1, top5], [IMAGES, CORRECT, CORRECT / IMAGES, 1])
      assert.deepEqual(confusions, [
        { label: 4, prediction: 2, images: 1 },
        { label: 6, prediction: 0, images: 1 },
        { label: 9, prediction: 5, images: 1 },
      ])
      assert.deepEqual(report.classes.map(({ label, images: count }) => [label, count]).slice(0, 2), [
        ['T-shirt/top', images.filter(({ label }) => label === 0).length],
        ['Trouser', images.filter(({ label }) => label === 1).length],
      ])
    })
  })

  it('finds the IDX files of a folder, and gives the same answers whatever the batch size', async () => {
    await inFolder(async (folder) => {
      await writeIdx(folder, await testImages(IMAGES))

      assert.equal((await evaluateJson(folder, '--batch-size', '7')).correct, CORRECT)
    })
  })

  it('measures a folder of classes whose order is that of the model', async () => {
    await inFolder(async (folder) => {
      await writeFolders(folder, await testImages(IMAGES), (label) => `${label}-${NAMES[label]}`)

      const { images, correct, classes } = await evaluateJson(folder)

      assert.deepEqual([images, correct], [IMAGES, CORRECT])
      assert.equal(classes[9]?.label, '9-boot')
    })
  })

  it('matches folders that are called as the classes of the model, whatever their order', async () => {
    await inFolder(async (folder) => {
      const labels = join(folder, 'labels.txt')
      await writeFile(labels, LABELS.join('\n'))
      const root = join(folder, 'images')
      await writeFolders(root, await testImages(IMAGES), (label) => LABELS[label] ?? '')

      assert.equal((await evaluateJson(root, '--labels', labels)).correct, CORRECT)
    })
  })

  it('prints accuracy, speed, bars and confusions, and shows progress in lines where there is no terminal', async () => {
    await inFolder(async (folder) => {
      const { status, stdout, stderr } = await napiTorch([
        'evaluate',
        CHECKPOINT,
        await writeIdx(folder, await testImages(IMAGES)),
      ])

      assert.equal(status, 0)
      assert.match(stderr, /^100 % {2}40 of 40 · 92\.50 % right · [\d.,]+ images\/s$/m)
      assert.match(stdout, /^resnet18Cifar, preset fashion-mnist, 40 images$/m)
      assert.match(stdout, /^top-1 +92\.50 % +37 of 40$/m)
      assert.match(stdout, /^top-5 +100\.00 %$/m)
      assert.match(stdout, /^class +right +T-sh Trou Pull Dres Coat Sand Shir Snea +Bag Ankl$/m)
      assert.match(stdout, /^Shirt +█+\S? +\d\d(?:\.\d)? % +1 +· +· +· +· +· +\d +· +· +·$/m)
    })
  })

  it('stops at Ctrl-C and says so', async () => {
    const { status, stdout, stderr } = await napiTorch(['evaluate', CHECKPOINT, 'models/fashion-mnist'], {
      // As soon as there is something to interrupt.
      onStart: (child) => child.stderr?.once('data', () => child.kill('SIGINT')),
    })

    assert.deepEqual({ status, stdout }, { status: 130, stdout: '' })
    assert.equal(stderr.trimEnd().split('\n').at(-1), 'napi-torch: Interrupted (SIGINT)')
  })

  describe('bad input', () => {
    const refused = async (path: string, message: string): Promise<void> => {
      assert.deepEqual(await napiTorch(['evaluate', CHECKPOINT, path]), {
        status: 1,
        signal: null,
        stdout: '',
        stderr: `napi-torch: ${message} (TORCH_DATASET)\n`,
      })
    }

    it('refuses a path where there is nothing', async () => {
      await refused('missing', 'missing: No such file or folder')
    })

    it('refuses a folder without classes', async () => {
      await inFolder((folder) => refused(folder, `Couldn't find any class folder in ${folder}.`))
    })

    it('refuses an IDX file with another magic number', async () => {
      await inFolder(async (folder) => {
        const path = await writeIdx(folder, await testImages(1))
        await writeFile(path, Buffer.from('00000d0300000001', 'hex'))

        await refused(
          path,
          `${path}: Expected the magic number 0x00000803 for images or 0x00000801 for labels at byte 0, received 0x00000d03`,
        )
      })
    })

    it('refuses more classes than the model knows', async () => {
      await inFolder(async (folder) => {
        const [image] = await testImages(1)
        assert.ok(image)
        const images = Array.from({ length: 11 }, (_, label) => ({ ...image, label }))
        await writeFolders(folder, images, (label) => `class ${label}`)

        await refused(folder, 'The dataset has 11 classes, but the model knows 10 classes')
      })
    })

    it('names the file of a dataset that is no image', async () => {
      await inFolder(async (folder) => {
        await mkdir(join(folder, 'a'))
        const path = join(folder, 'a', '1.png')
        await writeFile(path, 'no image')

        const { status, stderr } = await napiTorch(['evaluate', CHECKPOINT, folder])

        assert.equal(status, 1)
        assert.equal(
          stderr,
          `napi-torch: Cannot decode ${path}: It is not a JPEG, PNG, WebP, GIF, TIFF or AVIF image (TORCH_IMAGE)\n`,
        )
      })
    })
  })
})
