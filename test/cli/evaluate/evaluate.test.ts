import assert from 'node:assert/strict'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import sharp from 'sharp'

import { inFolder } from '../../support/checkpoints.js'
import { napiTorch } from '../../support/cli.js'
import { CHECKPOINT } from '../../support/fashion_mnist.js'
import { testImages, writeFolders, writeIdx, writePng, type TestImage } from '../../support/images.js'

interface Report {
  readonly images: number
  readonly correct: number
  readonly top1: number
  readonly top5: number
  readonly preset: string
  readonly presetGuessed: boolean
  readonly resumed: number
  readonly classes: readonly { readonly label: string; readonly images: number; readonly correct: number }[]
  readonly confusions: readonly object[]
  readonly match: string
  readonly skipped: readonly { readonly index: number; readonly message: string }[]
}

const NAMES = ['top', 'trousers', 'pullover', 'dress', 'coat', 'sandal', 'shirt', 'sneaker', 'bag', 'boot']
/** What the sample model's preset calls its classes. */
const MODEL_LABELS = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
]
const LABELS = ['T-shirt-top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Boot']

/** Of the first 40 images, Python gets so many right: by the reference logits beside the model. */
const IMAGES = 40
const CORRECT = 37

/** Writes images as PNG files and a list of them; `nameOf` gives the label of each class. */
async function writeCsv(
  folder: string,
  images: readonly TestImage[],
  nameOf: (label: number) => string = String,
): Promise<string> {
  await mkdir(folder, { recursive: true })
  const rows = ['path,label']
  for (const [index, image] of images.entries()) {
    await writePng(join(folder, `${index}.png`), image)
    rows.push(`${index}.png,${nameOf(image.label)}`)
  }
  const path = join(folder, 'list.csv')
  await writeFile(path, rows.join('\n'))
  return path
}

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

  const NAMED: readonly (readonly [what: string, nameOf: (label: number) => string])[] = [
    ['the case and punctuation of names', (label) => (MODEL_LABELS[label] ?? '').toUpperCase().replace(/[^A-Z]/g, '_')],
    ['integers, which are indices', (label) => `${label}`.padStart(3, '0')],
  ]
  for (const [what, nameOf] of NAMED) {
    it(`matches folders by ${what}, whatever their order`, async () => {
      await inFolder(async (folder) => {
        await writeFolders(folder, await testImages(IMAGES), nameOf)

        const { correct, classes, match } = await evaluateJson(folder)

        assert.deepEqual([correct, classes[0]?.label], [CORRECT, MODEL_LABELS[0]])
        assert.equal(match, what.startsWith('integers') ? 'index' : 'name')
      })
    })
  }

  it('says that the order decides, where names are others', async () => {
    await inFolder(async (folder) => {
      await writeFolders(folder, await testImages(IMAGES), (label) => `${label}-${NAMES[label]}`)

      const { stdout, stderr } = await napiTorch(['evaluate', CHECKPOINT, folder, '--json'])

      assert.equal((JSON.parse(stdout) as Report).match, 'order')
      assert.match(stderr, /matched by their order, as their names are not the model's: "0-top" is "T-shirt\/top"/)
    })
  })

  const UNMATCHED: readonly (readonly [what: string, label: (label: number) => string, args: string[], message: RegExp])[] = [
    ['another number of folders', (label) => `k${label % 3}`, [], /has 3 classes: k0, k1, k2; the model has 10 classes: T-shirt\/top, /],
    ['a name that no class has among those that have one', (label) => (label === 9 ? 'boots' : (MODEL_LABELS[label] ?? '').replace('/', ' ')), [], /has 1 class that the model lacks: boots; the model/],
    ['names that are no indices, if those are asked for', (label) => `k${label}`, ['--match', 'index'], /has names that are no indices/],
  ] // prettier-ignore
  for (const [what, nameOf, args, message] of UNMATCHED) {
    it(`refuses ${what}`, async () => {
      await inFolder(async (folder) => {
        await writeFolders(folder, await testImages(IMAGES), nameOf)

        const { status, stderr } = await napiTorch(['evaluate', CHECKPOINT, folder, ...args])

        assert.equal(status, 1)
        assert.match(stderr, message)
      })
    })
  }

  it('leaves out images that cannot be read, lists them, and continues behind them', async () => {
    await inFolder(async (folder) => {
      const csv = await writeCsv(folder, await testImages(IMAGES))
      const broken = ['0.png', '7.png', '39.png']
      for (const name of broken) await writeFile(join(folder, name), 'no image')
      const args = ['--skip-errors', '--batch-size', '4', '--resume', join(folder, 'state.json')]

      const first = await evaluateJson(csv, ...args)
      const second = await evaluateJson(csv, ...args)
      const { stdout } = await napiTorch(['evaluate', CHECKPOINT, csv, ...args])

      for (const { images, skipped } of [first, second]) {
        assert.deepEqual([images, skipped.map(({ index }) => index)], [IMAGES - broken.length, [0, 7, 39]])
        assert.match(skipped[1]?.message ?? '', /7\.png: It is not a JPEG/)
      }
      assert.match(stdout, /^3 images skipped\n {2}Cannot decode .*0\.png/m)
    })
  })

  it('fails at the first image that cannot be read, unless it is to leave those out', async () => {
    await inFolder(async (folder) => {
      const csv = await writeCsv(folder, await testImages(4))
      await writeFile(join(folder, '2.png'), 'no image')

      const { status, stderr } = await napiTorch(['evaluate', CHECKPOINT, csv])

      assert.equal(status, 1)
      assert.match(stderr, /2\.png: It is not a JPEG/)
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
      assert.match(stdout, /^resnet18Cifar, 10 classes, preset fashion-mnist, labels preset.json, 40 images$/m)
      assert.match(stdout, /^top-1 +92\.50 % +37 of 40$/m)
      assert.match(stdout, /^top-5 +100\.00 %$/m)
      assert.match(stdout, /^class +right +T-sh Trou Pull Dres Coat Sand Shir Snea +Bag Ankl$/m)
      assert.match(stdout, /^Shirt +█+\S? +\d\d(?:\.\d)? % +1 +· +· +· +· +· +\d +· +· +·$/m)
    })
  })

  it('gives the same answers for PNG files as for the pixels of an IDX file, to the image', async () => {
    await inFolder(async (folder) => {
      const images = await testImages(500)
      const idx = await evaluateJson(await writeIdx(folder, images))

      const png = await evaluateJson(await writeCsv(join(folder, 'images'), images))

      const facts = ({ images: count, correct, top5, confusions }: Report): unknown => [
        count,
        correct,
        top5,
        confusions,
      ]
      assert.deepEqual(facts(png), facts(idx))
      // As many as by the reference logits beside the model.
      assert.equal(idx.correct, 470)
    })
  })

  it('matches the names of a CSV file with those of the model, though some classes are missing', async () => {
    await inFolder(async (folder) => {
      const images = (await testImages(12)).filter(({ label }) => label !== 0)
      const labels = join(folder, 'labels.txt')
      await writeFile(labels, LABELS.join('\n'))
      const csv = await writeCsv(folder, images, (label) => LABELS[label] ?? '')

      const { correct, classes } = await evaluateJson(csv, '--labels', labels)

      assert.deepEqual([correct, classes[0]?.label, classes[0]?.images], [images.length - 1, 'T-shirt-top', 0])
      const { stderr } = await napiTorch(['evaluate', CHECKPOINT, csv])
      assert.match(
        stderr,
        /^napi-torch: The dataset has 1 class that the model lacks: Boot; the model has 10 classes: T-/,
      )
    })
  })

  it('says that the preset was concluded from the architecture', async () => {
    await inFolder(async (folder) => {
      const alone = join(folder, 'alone.pth')
      await writeFile(alone, await readFile(CHECKPOINT))
      const csv = await writeCsv(folder, await testImages(2))

      const { stdout } = await napiTorch(['evaluate', alone, csv])

      assert.match(stdout, /^resnet18Cifar, 10 classes, preset cifar, labels cifar10 \(guessed from the architecture; /)
      const json = await napiTorch(['evaluate', alone, csv, '--json'])
      const { preset, presetGuessed } = JSON.parse(json.stdout) as Report
      assert.deepEqual([preset, presetGuessed], ['cifar', true])
    })
  })

  it('draws the confusion matrix, and the wrong images with their names', async () => {
    await inFolder(async (folder) => {
      const csv = await writeCsv(folder, await testImages(IMAGES))
      const [svg, png] = [join(folder, 'confusion.svg'), join(folder, 'wrong.png')]

      await evaluateJson(csv, '--svg', svg, '--wrong', png)

      const drawn = await readFile(svg, 'utf8')
      assert.match(drawn, /<title>Confusion matrix, resnet18Cifar on list.csv: 92.50 % of 40 images right<\/title>/)
      assert.match(drawn, /<title>Shirt taken for T-shirt\/top: 1 image \(\d+\.\d %\)<\/title>/)
      assert.equal((await sharp(Buffer.from(drawn)).metadata()).format, 'svg')
      // Three images of 112 pixels side by side.
      const { format, width, height } = await sharp(png).metadata()
      assert.deepEqual([format, width, height], ['png', 3 * 124 + 12, 170 + 12])
    })
  })

  it('draws no sheet where nothing is wrong', async () => {
    await inFolder(async (folder) => {
      const csv = await writeCsv(folder, await testImages(2))
      const png = join(folder, 'wrong.png')

      const { status, stderr } = await napiTorch(['evaluate', CHECKPOINT, csv, '--wrong', png])

      assert.equal(status, 0)
      assert.match(stderr, /wrong\.png: Not written, as no prediction is wrong$/m)
    })
  })

  describe('--resume', () => {
    it('goes on after an interruption, and repeats its answers when all is done', async () => {
      await inFolder(async (folder) => {
        const state = join(folder, 'state.json')
        const path = await writeIdx(folder, await testImages(400))
        const args = ['evaluate', CHECKPOINT, path, '--batch-size', '8', '--resume', state]
        const whole = await evaluateJson(path)

        const interrupted = await napiTorch(args, {
          onStart: (child) => child.stderr?.once('data', () => child.kill('SIGINT')),
        })
        const { label } = JSON.parse(await readFile(state, 'utf8')) as { label: number[] }
        const resumed = JSON.parse((await napiTorch([...args, '--json'])).stdout) as Report
        const again = JSON.parse((await napiTorch([...args, '--json'])).stdout) as Report

        assert.equal(interrupted.status, 130)
        assert.ok(label.length > 0 && label.length < 400, `${label.length} answers`)
        assert.deepEqual([resumed.resumed, again.resumed], [label.length, 400])
        for (const report of [resumed, again]) {
          const { images, correct, top5, confusions, classes } = report
          const { images: count, ...expected } = whole
          assert.deepEqual(
            [images, correct, top5, confusions, classes],
            [count, expected.correct, expected.top5, expected.confusions, expected.classes],
          )
        }
      })
    })

    it('refuses the state of another evaluation, and says what differs', async () => {
      await inFolder(async (folder) => {
        const state = join(folder, 'state.json')
        const path = await writeCsv(folder, await testImages(2))
        await evaluateJson(path, '--resume', state)
        const before = await readFile(state)

        await writeCsv(folder, await testImages(3))
        const { status, stderr } = await napiTorch([
          ...['evaluate', CHECKPOINT, path, '--resume', state],
          ...['--preset', 'cifar'],
        ])

        const what = 'the dataset has changed, and the preset has changed'
        const message = `${state}: Belongs to another evaluation: ${what}; remove it, or use another file`
        assert.deepEqual([status, stderr], [1, `napi-torch: ${message} (TORCH_INVALID_ARGUMENT)\n`])
        assert.deepEqual(await readFile(state), before)
      })
    })

    it('refuses a file that holds no state', async () => {
      await inFolder(async (folder) => {
        const state = join(folder, 'state.json')
        const path = await writeCsv(folder, await testImages(1))
        for (const text of [
          '{',
          'null',
          '{"version":1}',
          '{"version":1,"fingerprint":{},"label":[1],"prediction":[]}',
        ]) {
          await writeFile(state, text)
          const { stderr } = await napiTorch(['evaluate', CHECKPOINT, path, '--resume', state])
          assert.equal(
            stderr,
            `napi-torch: ${state}: Is not a state file of napi-torch evaluate --resume (TORCH_FILE)\n`,
            text,
          )
        }
        await rm(state)
      })
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

    it('refuses more classes than the model has', async () => {
      await inFolder(async (folder) => {
        const [image] = await testImages(1)
        assert.ok(image)
        const images = Array.from({ length: 11 }, (_, label) => ({ ...image, label }))
        await writeFolders(folder, images, (label) => `class ${label}`)

        const ours = 'class 0, class 1, class 10, class 2, class 3 and 6 more'
        const theirs = 'T-shirt/top, Trouser, Pullover, Dress, Coat and 5 more'
        await refused(folder, `The dataset has 11 classes: ${ours}; the model has 10 classes: ${theirs}`)
      })
    })

    it('names the file of a dataset that is no image', async () => {
      await inFolder(async (folder) => {
        await mkdir(join(folder, 'Coat'))
        const path = join(folder, 'Coat', '1.png')
        await writeFile(path, 'no image')

        const { status, stderr } = await napiTorch(['evaluate', CHECKPOINT, folder])

        assert.equal(status, 1)
        assert.equal(
          stderr,
          `napi-torch: Cannot decode ${path}: It is not a JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP or PNM image (TORCH_IMAGE)\n`,
        )
      })
    })
  })
})
