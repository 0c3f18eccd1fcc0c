import assert from 'node:assert/strict'
import { join } from 'node:path'

import { checkChunk, manifestIn, parseManifest, readManifest, runIdOf } from '../../../packages/jobs/lib/manifest.js'
import { useTemporaryFolder, writeFiles } from '../../support/folder.js'
import { createManifest } from './support/manifest.js'

const MANIFEST = createManifest()

describe('runIdOf()', () => {
  it('does not depend on the order of keys, on undefined values, or on the number of attempts', () => {
    const { model, ...rest } = createManifest({ attempts: 1 })
    const reordered = { model: { arch: undefined, ...Object.fromEntries(Object.entries(model).reverse()) }, ...rest }

    assert.equal(runIdOf(reordered as unknown as typeof MANIFEST), MANIFEST.run)
  })

  for (const changes of [{ topK: 2 }, { out: '/other' }, { chunkSize: 11 }, { listing: '1'.repeat(64) }]) {
    it(`depends on ${Object.keys(changes).join()}`, () => {
      assert.notEqual(createManifest(changes).run, MANIFEST.run)
    })
  }
})

describe('parseManifest()', () => {
  it('returns what was printed', () => {
    assert.deepEqual(parseManifest(JSON.stringify(MANIFEST), 'run.json'), MANIFEST)
  })

  for (const [name, text] of [
    ['text', 'no JSON'],
    ['another version', JSON.stringify({ ...MANIFEST, version: 2 })],
    ['a missing field', JSON.stringify({ ...MANIFEST, roots: undefined })],
    ['an unknown field', JSON.stringify({ ...MANIFEST, other: 1 })],
    ['a changed field, which is not that of the run', JSON.stringify({ ...MANIFEST, roots: ['/'] })],
  ] as const) {
    it(`refuses ${name}`, () => {
      assert.throws(() => parseManifest(text, 'run.json'), {
        code: 'TORCH_RUN',
        message: 'run.json: Is not the description of a run, or one of another version of this package',
      })
    })
  }
})

describe('readManifest()', () => {
  const folder = useTemporaryFolder()

  it('reads run.json', async () => {
    writeFiles(folder(), { 'run.json': JSON.stringify(MANIFEST) })

    assert.deepEqual(await readManifest(folder()), MANIFEST)
  })

  it('is null for a folder without it, a missing folder, and a file', async () => {
    writeFiles(folder(), { file: '' })

    for (const name of ['', 'missing', 'file']) assert.equal(await readManifest(join(folder(), name)), null, name)
  })
})

describe('manifestIn()', () => {
  const folder = useTemporaryFolder()

  it('refuses a folder without a run', async () => {
    await assert.rejects(manifestIn(folder()), {
      code: 'TORCH_RUN',
      message: `${join(folder(), 'run.json')}: Not found: no run has its results in this folder`,
    })
  })
})

describe('checkChunk()', () => {
  it('refuses data that are not a chunk', () => {
    const chunk = { run: MANIFEST.run, chunk: 0, offset: 0, bytes: 10, images: 1 }

    assert.deepEqual(checkChunk(chunk), chunk)
    for (const data of [null, {}, { ...chunk, offset: -1 }, { ...chunk, chunk: '0' }]) {
      assert.throws(() => checkChunk(data), { code: 'TORCH_RUN' })
    }
  })
})
