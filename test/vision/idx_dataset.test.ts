import assert from 'node:assert/strict'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

import { IdxDataset } from 'napi-torch'

import { useTemporaryFolder, writeFiles } from '../support/folder.js'
import { idx } from '../support/idx.js'

const IMAGES = idx([3, 1, 2], Uint8Array.of(1, 2, 3, 4, 5, 6))
const LABELS = idx([3], Uint8Array.of(2, 0, 1))

describe('IdxDataset', () => {
  const folder = useTemporaryFolder()
  const write = (files: Readonly<Record<string, Buffer>>): string => writeFiles(folder(), files)

  describe('open()', () => {
    it('finds the test set in a folder', async () => {
      const dataset = await IdxDataset.open(
        write({
          't10k-images-idx3-ubyte.gz': gzipSync(IMAGES),
          't10k-labels-idx1-ubyte.gz': gzipSync(LABELS),
          'train-images-idx3-ubyte': idx([0, 1, 2], Buffer.of()),
        }),
      )

      assert.deepEqual([dataset.length, dataset.classes], [3, ['0', '1', '2']])
    })

    it('finds the training set, and a packed file beside a plain one', async () => {
      const path = write({ 'train-images-idx3-ubyte': IMAGES, 'train-labels-idx1-ubyte.gz': gzipSync(LABELS) })

      assert.equal((await IdxDataset.open(path, { split: 'train' })).length, 3)
    })

    for (const name of ['my-images.idx3-ubyte', 'my-labels.idx1-ubyte']) {
      it(`finds the pair of ${name}`, async () => {
        const path = write({ 'my-images.idx3-ubyte': IMAGES, 'my-labels.idx1-ubyte': LABELS })

        assert.equal((await IdxDataset.open(join(path, name))).length, 3)
      })
    }

    it('takes the names of the classes', async () => {
      const path = write({ 't10k-images-idx3-ubyte': IMAGES, 't10k-labels-idx1-ubyte': LABELS })

      assert.deepEqual((await IdxDataset.open(path, { classes: ['a', 'b', 'c', 'd'] })).classes.length, 4)
      await assert.rejects(IdxDataset.open(path, { classes: ['a', 'b'] }), {
        code: 'TORCH_DATASET',
        message: `${join(path, 't10k-labels-idx1-ubyte')}: Expected labels below 2, the number of classes, received 2`,
      })
    })

    it('refuses a missing folder', async () => {
      const path = join(folder(), 'none')

      await assert.rejects(IdxDataset.open(path), {
        code: 'TORCH_DATASET',
        message: `${path}: No such file or folder`,
      })
    })

    it('refuses a folder without such files', async () => {
      const names = ['-idx3-ubyte.gz', '-idx3-ubyte', '.idx3-ubyte.gz', '.idx3-ubyte']
      const list = names.map((name) => `t10k-images${name}`).join(', ')

      await assert.rejects(IdxDataset.open(folder()), {
        code: 'TORCH_DATASET',
        message: `${folder()}: Expected one of ${list} in this folder`,
      })
    })

    it('refuses images without labels', async () => {
      const path = join(write({ 't10k-images-idx3-ubyte': IMAGES }), 't10k-images-idx3-ubyte')

      await assert.rejects(IdxDataset.open(path), {
        code: 'TORCH_DATASET',
        message: `${path}: Expected t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz beside it`,
      })
    })

    it('refuses more labels than images', async () => {
      const labels = idx([4], Uint8Array.of(0, 0, 0, 0))
      const path = write({ 't10k-images-idx3-ubyte': IMAGES, 't10k-labels-idx1-ubyte': labels })

      await assert.rejects(IdxDataset.open(path), {
        code: 'TORCH_DATASET',
        message: `${join(path, 't10k-labels-idx1-ubyte')}: Expected 3 labels, one an image, received 4`,
      })
    })

    it('refuses labels in place of images', async () => {
      const path = write({ 't10k-images-idx3-ubyte': LABELS, 't10k-labels-idx1-ubyte': LABELS })

      await assert.rejects(IdxDataset.open(path), {
        code: 'TORCH_DATASET',
        message: `${join(path, 't10k-images-idx3-ubyte')}: Expected images (N, H, W), received the sizes (3,)`,
      })
    })

    it('refuses an empty set', async () => {
      const path = write({
        't10k-images-idx3-ubyte': idx([0, 1, 2], Buffer.of()),
        't10k-labels-idx1-ubyte': idx([0], Buffer.of()),
      })

      await assert.rejects(IdxDataset.open(path), {
        code: 'TORCH_DATASET',
        message: `${join(path, 't10k-images-idx3-ubyte')}: Holds no images`,
      })
    })
  })

  describe('get()', () => {
    it('gives the gray image and its label', async () => {
      const path = write({ 't10k-images-idx3-ubyte': IMAGES, 't10k-labels-idx1-ubyte': LABELS })
      const { image, label } = await (await IdxDataset.open(path)).get(1)

      assert.deepEqual([image.height, image.width, image.channels, [...image.data], label], [1, 2, 1, [3, 4], 0])
    })
  })
})
