import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'

import { evaluateModule } from '../support/child.js'
import { skip } from '../support/skip.js'

const MAPS = '/proc/self/maps'
const LIBRARIES = `
  const { readFileSync } = await import('node:fs')
  const libraries = () => ['libtorch_cpu.so', '.node', 'sharp'].filter((name) => readFileSync('${MAPS}', 'utf8').includes(name))`

/** Every entry but the server, which brings a framework of its own. */
const ENTRIES = ['', '/nn', '/models', '/checkpoint', '/vision', '/engine']

describe('import of the package', () => {
  before(function () {
    if (!existsSync(MAPS)) skip(this, `the open libraries are read from ${MAPS}, which is there on Linux alone`)
  })

  it('opens nothing native, and the first call does', async () => {
    const source = `${LIBRARIES}
      const { zeros } = await import('napi-torch')
      for (const entry of ${JSON.stringify(ENTRIES)}) await import('napi-torch' + entry)
      const imported = libraries()
      zeros([1]).dispose()
      console.log(JSON.stringify({ imported, called: libraries() }))`

    const { imported, called } = (await evaluateModule(source, {})) as Record<string, readonly string[]>

    assert.deepEqual(imported, [])
    assert.deepEqual(called, ['libtorch_cpu.so', '.node'])
  })

  it('works where libtorch is not there, and every call says so', async () => {
    const source = `
      import { presets, zeros } from 'napi-torch'
      const errors = [1, 2].map(() => { try { zeros([1]) } catch ({ code }) { return code } })
      console.log(JSON.stringify({ preset: typeof presets.imagenet(), errors }))`

    const result = await evaluateModule(source, { env: { NAPI_TORCH_LIBTORCH: '/none' } })

    assert.deepEqual(result, { preset: 'object', errors: Array(2).fill('TORCH_LIBTORCH_NOT_FOUND') })
  })
})
