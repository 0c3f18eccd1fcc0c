import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'

import { ImageFolder } from 'napi-torch'

import { useTemporaryFolder, writeFiles } from '../support/folder.js'
import { digest, expectedOfPython, fixture } from '../support/vision.js'

const JPEG = readFileSync(fixture('420.jpg'))

describe('ImageFolder', () => {
  const folder = useTemporaryFolder()

  describe('open()', () => {
    it("lists classes and files in torchvision's order", async () => {
      // Checked against torchvision.datasets.ImageFolder 0.28: capitals first, nested folders by their whole path.
      const names = [
        'b/2.jpg',
        'b/10.PNG',
        'b/a/1.jpeg',
        'b/a b/1.webp',
        'b/notes.txt',
        'Z/1.tiff',
        'é/1.bmp',
        'note.jpg',
      ]
      writeFiles(folder(), Object.fromEntries(names.map((name) => [name, JPEG])))

      const { classes, samples, length } = await ImageFolder.open(folder())

      assert.deepEqual([classes, length], [['Z', 'b', 'é'], 6])
      assert.deepEqual(
        samples.map(({ path, label }) => [relative(folder(), path), label]),
        [
          ['Z/1.tiff', 0],
          ['b/10.PNG', 1],
          ['b/2.jpg', 1],
          ['b/a/1.jpeg', 1],
          ['b/a b/1.webp', 1],
          ['é/1.bmp', 2],
        ],
      )
    })

    it('tells labels without reading images', async () => {
      writeFiles(folder(), { 'a/1.jpg': Buffer.from('no image'), 'b/1.jpg': Buffer.from('nor this') })
      const dataset = await ImageFolder.open(folder())

      assert.deepEqual([await dataset.label(0), await dataset.label(1)], [0, 1])
      await assert.rejects(dataset.label(2), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected an index below 2 for index, received 2',
      })
    })

    it('sorts by code points, as Python does', async () => {
      writeFiles(folder(), { '\u{1f600}/1.jpg': JPEG, '\uff21/1.jpg': JPEG })

      assert.deepEqual((await ImageFolder.open(folder())).classes, ['\uff21', '\u{1f600}'])
    })

    it('follows links, but not in circles', async () => {
      writeFiles(folder(), { 'a/1.jpg': JPEG })
      symlinkSync(join(folder(), 'a'), join(folder(), 'b'))
      symlinkSync(join(folder(), 'a'), join(folder(), 'a', 'again'))

      const { classes, length } = await ImageFolder.open(folder())

      assert.deepEqual([classes, length], [['a', 'b'], 2])
    })

    it('takes other extensions', async () => {
      writeFiles(folder(), { 'a/1.gif': JPEG, 'a/2.jpg': JPEG })

      assert.equal((await ImageFolder.open(folder(), { extensions: ['.gif'] })).length, 1)
    })

    it('refuses a missing folder', async () => {
      const path = join(folder(), 'none')

      await assert.rejects(ImageFolder.open(path), { code: 'TORCH_DATASET', message: `${path}: No such folder` })
    })

    it('refuses a file', async () => {
      const path = join(writeFiles(folder(), { 'a.jpg': JPEG }), 'a.jpg')

      await assert.rejects(ImageFolder.open(path), { code: 'TORCH_DATASET', message: `${path}: Is not a folder` })
    })

    it('refuses a folder without class folders', async () => {
      writeFiles(folder(), { 'a.jpg': JPEG })

      await assert.rejects(ImageFolder.open(folder()), {
        code: 'TORCH_DATASET',
        message: `Couldn't find any class folder in ${folder()}.`,
      })
    })

    it('refuses classes without images, and names them all', async () => {
      writeFiles(folder(), { 'a/1.jpg': JPEG, 'b/1.txt': JPEG })
      mkdirSync(join(folder(), 'c'))

      await assert.rejects(ImageFolder.open(folder()), {
        code: 'TORCH_DATASET',
        message:
          'Found no valid file for the classes b, c. ' +
          'Supported extensions are: .jpg, .jpeg, .png, .ppm, .bmp, .pgm, .tif, .tiff, .webp',
      })
    })
  })

  describe('get()', () => {
    it('decodes the image', async () => {
      writeFiles(folder(), { 'a/1.jpg': JPEG })

      const { image, label } = await (await ImageFolder.open(folder())).get(0)

      assert.equal(digest(image.data), expectedOfPython().images['420.jpg']?.rgb)
      assert.equal(label, 0)
    })

    it('passes the options of the decoder on', async () => {
      writeFiles(folder(), { 'a/1.jpg': readFileSync(fixture('turned-6.jpg')) })

      const { image } = await (await ImageFolder.open(folder(), { exifOrientation: true })).get(0)

      assert.deepEqual([image.width, image.height], [61, 83])
    })

    it('names the file that cannot be decoded', async () => {
      writeFiles(folder(), { 'a/1.jpg': Buffer.from('text') })
      const dataset = await ImageFolder.open(folder())

      await assert.rejects(dataset.get(0), {
        code: 'TORCH_IMAGE',
        message: `Cannot decode ${join(folder(), 'a/1.jpg')}: It is not a JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP or PNM image`,
      })
    })
  })
})
