import assert from 'node:assert/strict'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { loadCheckpoint, ones, resnet18, saveCheckpoint, scope, type Tensor } from 'napi-torch'

import { fixture, inFolder } from '../support/checkpoints.js'
import { napiTorch } from '../support/cli.js'
import { CHECKPOINT } from '../support/fashion_mnist.js'
import { testImages, writePng } from '../support/images.js'

/** A line of `--json`. */
interface Report {
  readonly preset: string
  readonly labels: string
  readonly image: string
  readonly answers: readonly { readonly label: string | null; readonly index: number; readonly probability: number }[]
  readonly error: { readonly code: string; readonly message: string } | null
}

function reportsOf(stdout: string): Report[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Report)
}

/** Writes the first test images, an ankle boot and a pullover, into a folder. */
async function writeTwo(folder: string): Promise<[string, string]> {
  const [boot, pullover] = await testImages(2)
  assert.ok(boot && pullover)
  return [await writePng(join(folder, 'boot.png'), boot), await writePng(join(folder, 'pullover.png'), pullover)]
}

describe('napi-torch classify', function () {
  this.timeout(30_000)

  it('prints the answers for each image', async () => {
    await inFolder(async (folder) => {
      const [boot, pullover] = await writeTwo(folder)

      const { status, stdout, stderr } = await napiTorch(['classify', CHECKPOINT, boot, pullover, '--top', '2'])

      assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
      assert.equal(
        stdout,
        `resnet18Cifar, 10 classes, preset fashion-mnist, labels preset.json

${boot}
  99.89 %  ████████████████████████  Ankle boot  class 9
   0.07 %                            Sneaker     class 7

${pullover}
  99.88 %  ████████████████████████  Pullover  class 2
   0.08 %                            Shirt     class 6
`,
      )
    })
  })

  it('prints JSON, with five answers unless told otherwise', async () => {
    await inFolder(async (folder) => {
      const [boot] = await writeTwo(folder)

      const { stdout } = await napiTorch(['classify', CHECKPOINT, boot, '--json'])

      const [{ preset, labels, image, answers, error } = assert.fail('no image')] = reportsOf(stdout)
      assert.deepEqual([preset, labels, image, error], ['fashion-mnist', 'preset.json', boot, null])
      assert.deepEqual([answers.length, answers[0]?.label, answers[0]?.index], [5, 'Ankle boot', 9])
    })
  })

  it('reports an image that cannot be read, answers the others, and ends with 1', async () => {
    await inFolder(async (folder) => {
      const [boot, pullover] = await writeTwo(folder)
      const broken = join(folder, 'broken.png')
      await writeFile(broken, 'no image')

      const { status, stdout, stderr } = await napiTorch(['classify', CHECKPOINT, boot, broken, pullover, '--json'])

      const message = `Cannot decode ${broken}: It is not a JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP or PNM image`
      assert.equal(status, 1)
      assert.equal(stderr, `napi-torch: ${message} (TORCH_IMAGE)\n`)
      assert.deepEqual(
        reportsOf(stdout).map(({ answers, error }) => answers[0]?.label ?? error),
        ['Ankle boot', { code: 'TORCH_IMAGE', message }, 'Pullover'],
      )
    })
  })

  it('answers more images than fit in a batch, in order', async () => {
    await inFolder(async (folder) => {
      const images = await testImages(20)
      const paths = await Promise.all(images.map((image, index) => writePng(join(folder, `${index}.png`), image)))

      const { stdout } = await napiTorch(['classify', CHECKPOINT, ...paths, '--json'])

      assert.deepEqual(
        reportsOf(stdout).map(({ image, answers }) => [image, answers[0]?.index]),
        // Python takes the fifth, a shirt, for a top as well.
        images.map(({ label }, index) => [paths[index], index === 4 ? 0 : label]),
      )
    })
  })

  it('answers the images of a folder in natural order, what it cannot read among them', async () => {
    await inFolder(async (folder) => {
      const [boot, pullover] = await testImages(2)
      assert.ok(boot && pullover)
      await mkdir(join(folder, 'more'))
      const paths = ['9.png', '10.png', 'more/1.png'].map((name) => join(folder, name))
      const [nine = '', ten = '', one = ''] = paths
      await writePng(nine, boot)
      await writeFile(ten, 'no image')
      await writePng(one, pullover)

      const { status, stdout } = await napiTorch(['classify', CHECKPOINT, folder, nine, '--json'])

      assert.equal(status, 1)
      assert.deepEqual(
        reportsOf(stdout).map(({ image, answers, error }) => [image, answers[0]?.label ?? error?.code]),
        [
          [nine, 'Ankle boot'],
          [ten, 'TORCH_IMAGE'],
          [one, 'Pullover'],
          [nine, 'Ankle boot'],
        ],
      )
    })
  })

  it('prints answers while a long list goes on', async () => {
    await inFolder(async (folder) => {
      const [boot] = await writeTwo(folder)
      const args = ['classify', CHECKPOINT, ...Array.from({ length: 2000 }, () => boot), '--top', '1']

      const { status, stdout } = await napiTorch(args, {
        onStart: (child) => child.stdout?.on('data', (text: string) => text.includes('Ankle') && child.kill('SIGINT')),
      })

      const answered = stdout.split('Ankle boot').length - 1
      assert.equal(status, 130)
      assert.ok(answered > 0 && answered < 2000, `${answered} answers`)
    })
  })

  it('keeps the lines of JSON that were printed before Ctrl-C', async () => {
    await inFolder(async (folder) => {
      const [boot] = await writeTwo(folder)
      const args = ['classify', CHECKPOINT, ...Array.from({ length: 2000 }, () => boot), '--json']

      const { status, stdout, stderr } = await napiTorch(args, {
        onStart: (child) => child.stdout?.on('data', (text: string) => text.includes('Ankle') && child.kill('SIGINT')),
      })

      const answered = reportsOf(stdout).length
      assert.equal(status, 130)
      assert.ok(answered > 0 && answered < 2000, `${answered} answers`)
      assert.match(stderr, /of 2,000 images/)
    })
  })

  it('reads an image from standard input', async () => {
    await inFolder(async (folder) => {
      const [boot] = await writeTwo(folder)

      const { status, stdout } = await napiTorch(['classify', CHECKPOINT, '-', '--json'], {
        stdin: await readFile(boot),
      })

      const [{ image, answers } = assert.fail('no image')] = reportsOf(stdout)
      assert.deepEqual([status, image, answers[0]?.label], [0, '-', 'Ankle boot'])
    })
  })

  it('says what to do with an address', async () => {
    const { status, stderr } = await napiTorch(['classify', CHECKPOINT, 'https://example.com/dog.jpg'])

    assert.equal(status, 1)
    assert.match(
      stderr,
      /^napi-torch: https:\/\/example\.com\/dog\.jpg: Is an address, and nothing is downloaded: curl -s /,
    )
  })

  it('takes the labels of a file', async () => {
    await inFolder(async (folder) => {
      const [boot] = await writeTwo(folder)
      const labels = join(folder, 'labels.txt')
      await writeFile(labels, 'a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n')

      const { stdout } = await napiTorch(['classify', CHECKPOINT, boot, '--labels', labels, '--top', '1', '--json'])

      assert.equal(reportsOf(stdout)[0]?.answers[0]?.label, 'j')
    })
  })

  it('says which preset it concluded from the architecture where no file does', async () => {
    await inFolder(async (folder) => {
      const [boot] = await writeTwo(folder)
      const alone = join(folder, 'alone.pth')
      await copyFile(CHECKPOINT, alone)

      const { stdout } = await napiTorch(['classify', alone, boot, '--top', '1'])

      assert.equal(
        stdout.split('\n')[0],
        'resnet18Cifar, 10 classes, preset cifar, labels cifar10 (guessed from the architecture; set them with --preset and --labels)',
      )
    })
  })

  it('prepares images by --preset rather than by the file beside the checkpoint', async () => {
    await inFolder(async (folder) => {
      const [boot] = await writeTwo(folder)

      const { stdout } = await napiTorch(['classify', CHECKPOINT, boot, '--preset', 'cifar', '--top', '1'])

      assert.equal(stdout.split('\n')[0], 'resnet18Cifar, 10 classes, preset cifar, labels cifar10')
    })
  })

  it('numbers the classes of a model whose classes have no names', async () => {
    await inFolder(async (folder) => {
      const [boot] = await writeTwo(folder)
      const file = join(folder, 'new.pth')
      await scope(() => saveCheckpoint(file, resnet18({ numClasses: 3 }).stateDict()))

      const { stdout } = await napiTorch(['classify', file, boot, '--top', '9'])

      assert.match(stdout, /^resnet18, 3 classes, preset imagenet, labels none \(guessed from the architecture/)
      assert.deepEqual([...stdout.matchAll(/class (\d)/g)].map(([, index]) => index).sort(), ['0', '1', '2'])
    })
  })

  it('takes a checkpoint whose keys have the prefix of a wrapper', async () => {
    await inFolder(async (folder) => {
      const [boot] = await writeTwo(folder)
      const file = join(folder, 'wrapped.pth')
      await scope(async () => {
        const state = resnet18({ numClasses: 3 }).stateDict()
        await saveCheckpoint(file, new Map([...state].map(([key, tensor]) => [`module.${key}`, tensor])))
      })

      const { status, stderr } = await napiTorch(['classify', file, boot])

      assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
    })
  })

  it('says what it left out beside the network, and asks for one of several', async () => {
    await inFolder(async (folder) => {
      const [boot] = await writeTwo(folder)
      const [beside, both] = [join(folder, 'beside.pth'), join(folder, 'both.pth')]
      await scope(async () => {
        const state = await loadCheckpoint(CHECKPOINT)
        const named = (prefix: string): [string, Tensor][] => [...state].map(([key, tensor]) => [prefix + key, tensor])
        await saveCheckpoint(beside, new Map([...named('net.'), ['criterion.weight', ones([10])]]))
        await saveCheckpoint(both, new Map([...named('student.'), ...named('teacher.')]))
      })

      const taken = await napiTorch(['classify', beside, boot, '--preset', 'fashion-mnist'])
      const asked = await napiTorch(['classify', both, boot, '--preset', 'fashion-mnist'])
      const chosen = await napiTorch(['classify', both, boot, '--preset', 'fashion-mnist', '--prefix', 'teacher.'])

      assert.equal(taken.stderr, 'Note: Left out 1 key beside the network: criterion.weight\n')
      assert.match(taken.stdout, /99\.89 % .* Ankle boot/)
      assert.match(
        asked.stderr,
        /Holds 2 networks: pass --prefix student\. or --prefix teacher\. \(TORCH_ARCHITECTURE\)/,
      )
      assert.match(chosen.stdout, /99\.89 % .* Ankle boot/)
    })
  })

  describe('bad input', () => {
    const refused = async (args: readonly string[], message: string, code: string): Promise<void> => {
      assert.deepEqual(await napiTorch(['classify', ...args]), {
        status: 1,
        signal: null,
        stdout: '',
        stderr: `napi-torch: ${message} (${code})\n`,
      })
    }

    it('refuses another architecture than the one asked for', async () => {
      const message = `Expected the architecture resnet18 in ${CHECKPOINT}, found resnet18Cifar`

      await refused([CHECKPOINT, 'x.png', '--arch', 'resnet18'], message, 'TORCH_ARCHITECTURE')
    })

    it('refuses a checkpoint of an unknown architecture', async () => {
      const message =
        'No known model: it has no residual blocks of two 3×3, or of 1×1, 3×3 and 1×1 convolutions (8 tensors: conv.weight, bn.weight, bn.bias, bn.running_mean, …)'

      await refused([fixture('state_dict.pth'), 'x.png'], message, 'TORCH_ARCHITECTURE')
    })

    it('refuses labels that do not fit the model', async () => {
      const message = 'Expected 10 labels, one a class of the model, received 1000'

      await refused([CHECKPOINT, 'x.png', '--labels', 'imagenet'], message, 'TORCH_LABELS')
    })

    it('refuses a model for images of other channels', async () => {
      await inFolder(async (folder) => {
        const file = join(folder, 'gray.pth')
        await scope(() => saveCheckpoint(file, resnet18({ inputChannels: 4, numClasses: 2 }).stateDict()))

        const message = 'The model reads images of 4 channels, but the preset imagenet makes 3'
        await refused([file, 'x.png'], message, 'TORCH_ARCHITECTURE')
      })
    })

    const presets: readonly (readonly [string, string, string, string])[] = [
      ['that is no JSON', '{', 'Is not valid JSON', 'TORCH_FILE'],
    ]
    for (const [what, text, message, code] of presets) {
      it(`refuses a preset file ${what}`, async () => {
        await inFolder(async (folder) => {
          const [file, preset] = [join(folder, 'model.pth'), join(folder, 'preset.json')]
          await copyFile(CHECKPOINT, file)
          await writeFile(preset, text)

          await refused([file, 'x.png'], `${preset}: ${message}`, code)
        })
      })
    }

    const fields: readonly (readonly [object, string])[] = [
      [{ size: [28, 28] }, 'Expected a string for name in PRESET, received undefined'],
      [{ name: 'x', size: 28 }, 'Expected a height and a width for size in PRESET, received 28'],
      [{ name: 'x', size: [28, 28], mean: 1 }, 'Expected 1 or 3 numbers for mean in PRESET, received 1'],
      [
        { name: 'x', sizes: 1 },
        'Expected options among name, size, resize, interpolation, exifOrientation, invert, grayscale, channels, mean, std, activation, labels for PRESET, received "sizes" (did you mean size?)',
      ],
    ]
    for (const [value, message] of fields) {
      it(`refuses a preset file of ${JSON.stringify(value)}`, async () => {
        await inFolder(async (folder) => {
          const [file, preset] = [join(folder, 'model.pth'), join(folder, 'preset.json')]
          await copyFile(CHECKPOINT, file)
          await writeFile(preset, JSON.stringify(value))

          await refused([file, 'x.png'], message.replace('PRESET', preset), 'TORCH_INVALID_ARGUMENT')
        })
      })
    }

    it('reports each image when none can be read, and a folder without any', async () => {
      await inFolder(async (folder) => {
        await mkdir(join(folder, 'images'))

        const { status, stderr } = await napiTorch(['classify', CHECKPOINT, 'missing.png', join(folder, 'images')])

        assert.equal(status, 1)
        assert.equal(
          stderr,
          'napi-torch: missing.png: No such file (TORCH_FILE)\n' +
            `napi-torch: ${join(folder, 'images')}: Contains no images (TORCH_FILE)\n`,
        )
      })
    })
  })
})
