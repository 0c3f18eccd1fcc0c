import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { ResultRow } from '@napi-torch/jobs'

import { featuresPath, readChunk, rowsPath, writeChunk } from '../../../packages/jobs/lib/chunk_files.js'
import { readNpyHeader } from '../../../packages/jobs/lib/npy.js'
import { useTemporaryFolder } from '../../support/folder.js'

const IMAGES = ['/a/1.jpg', '/a/2.jpg']
const PREDICTIONS: ResultRow[] = [
  { path: '/a/1.jpg', label: 'Bag', index: 8, probability: 0.75 },
  { path: '/a/2.jpg', error: { code: 'TORCH_IMAGE', message: 'Cannot decode /a/2.jpg' } },
]
const VECTORS: ResultRow[] = [{ path: '/a/1.jpg', features: 3 }, PREDICTIONS[1] ?? fail()]

function fail(): never {
  throw new Error('missing')
}

describe('writeChunk()', () => {
  const folder = useTemporaryFolder()
  beforeEach(() => mkdir(join(folder(), 'chunks')))

  it('writes a line for each image', async () => {
    await writeChunk(folder(), 7, { rows: PREDICTIONS, features: null })

    assert.deepEqual(await readdir(join(folder(), 'chunks')), ['00000007.jsonl'])
    assert.equal(
      await readFile(rowsPath(folder(), 7), 'utf8'),
      '{"path":"/a/1.jpg","label":"Bag","index":8,"probability":0.75}\n' +
        '{"path":"/a/2.jpg","error":{"code":"TORCH_IMAGE","message":"Cannot decode /a/2.jpg"}}\n',
    )
  })

  it('writes features as an array that NumPy reads', async () => {
    const values = Float32Array.of(1, 2, 3, NaN, NaN, NaN)

    await writeChunk(folder(), 0, { rows: VECTORS, features: { values, length: 3 } })

    const bytes = await readFile(featuresPath(folder(), 0))
    assert.equal(bytes.subarray(0, 8).toString('latin1'), '\x93NUMPY\x01\x00')
    const { offset, ...shape } = readNpyHeader(bytes) ?? fail()
    assert.deepEqual([shape, offset % 64], [{ rows: 2, columns: 3 }, 0])
    assert.deepEqual(new Float32Array(Uint8Array.from(bytes.subarray(offset)).buffer), values)
  })
})

describe('readChunk()', () => {
  const folder = useTemporaryFolder()
  beforeEach(async () => {
    await mkdir(join(folder(), 'chunks'))
    await writeChunk(folder(), 0, { rows: PREDICTIONS, features: null })
    const features = { values: new Float32Array(6), length: 3 }
    await writeChunk(folder(), 1, { rows: VECTORS, features })
  })

  it('gives what was written', async () => {
    assert.deepEqual(await readChunk(folder(), 0, IMAGES, 'classify'), PREDICTIONS)
    assert.deepEqual(await readChunk(folder(), 1, IMAGES, 'features'), VECTORS)
  })

  it('gives null for a chunk without results', async () => {
    assert.equal(await readChunk(folder(), 2, IMAGES, 'classify'), null)
  })

  for (const [name, change] of [
    ['a line is missing', (text: string) => text.slice(text.indexOf('\n') + 1)],
    ['a line is duplicated', (text: string) => text.slice(0, text.indexOf('\n') + 1).repeat(2)],
    ['the end is missing', (text: string) => text.slice(0, -10)],
    ['the last line break is missing', (text: string) => text.slice(0, -1)],
    ['it is no JSON', (text: string) => text.replaceAll('"', '')],
    ['it is empty', () => ''],
  ] as const) {
    it(`gives null where ${name}`, async () => {
      const path = rowsPath(folder(), 0)
      await writeFile(path, change(await readFile(path, 'utf8')))

      assert.equal(await readChunk(folder(), 0, IMAGES, 'classify'), null)
    })
  }

  it('gives null where it is of other images', async () => {
    assert.equal(await readChunk(folder(), 0, ['/a/1.jpg', '/a/3.jpg'], 'classify'), null)
  })

  it('gives null where it has predictions in place of features', async () => {
    assert.equal(await readChunk(folder(), 0, IMAGES, 'features'), null)
  })

  it('gives null where the features are missing or cut off', async () => {
    const path = featuresPath(folder(), 1)
    await writeFile(path, (await readFile(path)).subarray(0, -4))
    const cut = await readChunk(folder(), 1, IMAGES, 'features')
    await rm(path)
    const missing = await readChunk(folder(), 1, IMAGES, 'features')

    assert.deepEqual([cut, missing], [null, null])
  })
})
