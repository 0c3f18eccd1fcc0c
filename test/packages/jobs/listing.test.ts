import assert from 'node:assert/strict'
import { access, appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { chunkAt, listingPath, readImages, readSpans, writeListing } from '../../../packages/jobs/lib/listing.js'
import { useTemporaryFolder } from '../../support/folder.js'
import { createManifest } from './support/manifest.js'

const ITEMS = ['/a/1.jpg', '/a/ä "2".jpg', '/a/new\nline.jpg', '/a/4.jpg', '/a/5.jpg']

async function* itemsOf(items: readonly string[]): AsyncGenerator<string, void, undefined> {
  for (const item of items) yield await Promise.resolve(item)
}

describe('writeListing()', () => {
  const folder = useTemporaryFolder()

  for (const [count, sizes] of [
    [5, [2, 2, 1]],
    [4, [2, 2]],
    [1, [1]],
  ] as const) {
    it(`lists ${count} images in chunks of ${sizes.join(', ')}, which readSpans() and readImages() read`, async () => {
      const items = ITEMS.slice(0, count)
      const path = listingPath(folder())

      const { digest, ...spans } = await writeListing(path, itemsOf(items), { chunkSize: 2 })

      const manifest = createManifest({ out: folder(), chunkSize: 2, listing: digest })
      assert.deepEqual(await readSpans(manifest), spans)
      const chunks = sizes.map((_, chunk) => chunkAt(spans, manifest, chunk))
      assert.deepEqual(
        chunks.map(({ images }) => images),
        sizes,
      )
      const read = await Promise.all(chunks.map((chunk) => readImages(path, chunk)))
      assert.deepEqual(read.flat(), items)
    })
  }

  it('reports the number of images after each full chunk', async () => {
    const reported: number[] = []

    await writeListing(join(folder(), 'list'), itemsOf(ITEMS), {
      chunkSize: 2,
      onListed: (images) => reported.push(images),
    })

    assert.deepEqual(reported, [2, 4])
  })

  it('leaves no file when the items throw', async () => {
    const path = join(folder(), 'list')
    async function* failing(): AsyncGenerator<string, void, undefined> {
      yield* itemsOf(ITEMS)
      throw new Error('no more')
    }

    await assert.rejects(writeListing(path, failing(), { chunkSize: 2 }), { message: 'no more' })
    await assert.rejects(access(path))
  })
})

describe('readImages()', () => {
  const folder = useTemporaryFolder()

  it('refuses a list that does not have the images of the chunk', async () => {
    const path = listingPath(folder())
    const { digest, ...spans } = await writeListing(path, itemsOf(ITEMS), { chunkSize: 2 })
    const place = chunkAt(spans, { chunkSize: 2 }, 1)

    assert.equal(digest.length, 64)
    await assert.rejects(readImages(path, { ...place, bytes: place.bytes - 1 }), {
      code: 'TORCH_RUN',
      message: `${path}: Expected 2 images from byte ${place.offset} on: the list has been changed`,
    })
    await assert.rejects(readImages(join(folder(), 'missing'), place), { code: 'TORCH_FILE' })
  })
})

describe('readSpans()', () => {
  const folder = useTemporaryFolder()

  it('refuses a list that has been changed', async () => {
    const path = listingPath(folder())
    const { digest } = await writeListing(path, itemsOf(ITEMS), { chunkSize: 2 })
    await appendFile(path, await readFile(path))

    await assert.rejects(readSpans(createManifest({ out: folder(), chunkSize: 2, listing: digest })), {
      code: 'TORCH_RUN',
      message: `${path}: Has been changed since the run was submitted`,
    })
  })
})
