import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { join } from 'node:path'

import { openLibtorch } from '../../../lib/libtorch/libtorch.js'
import { libraryFile } from '../../../lib/libtorch/folder.js'
import { PACKAGE_ROOT } from '../../../lib/util/package.js'
import { useTemporaryFolder, writeFiles } from '../../support/folder.js'

const preload = createRequire(import.meta.url)(join(PACKAGE_ROOT, 'build/preload/napi_torch_preload.node')) as {
  open(...args: unknown[]): string | null
  openAside(...args: unknown[]): Promise<string | null>
  loaded(...args: unknown[]): string | null
  readonly builtFor: string
}

describe('preload addon', () => {
  const temporary = useTemporaryFolder()
  const libtorch = openLibtorch()
  const library = join(libtorch.libFolder, libraryFile('torch_cpu'))

  describe('open()', () => {
    it('gives null for a library that is open already', () => {
      assert.equal(preload.open(library), null)
    })

    it('gives the text of the system, which names the path, for a file that is no library', () => {
      const folder = writeFiles(temporary(), { 'not a library é.so': 'text' })

      assert.match(
        preload.open(join(folder, 'not a library é.so')) ?? '',
        /not a library é\.so: file too short|not a mach-o/,
      )
    })

    for (const [what, args] of [
      ['nothing', []],
      ['a number', [1]],
      ['null', [null]],
    ] as const) {
      it(`throws a TypeError for ${what}`, () => {
        assert.throws(() => preload.open(...args), { name: 'TypeError', message: 'Expected one string' })
      })
    }
  })

  describe('openAside()', () => {
    it('gives null for a library that is open already', async () => {
      assert.equal(await preload.openAside(library), null)
    })

    it('gives the text of the system, also where several are opened at once', async () => {
      const folder = writeFiles(temporary(), { 'one.so': 'text', 'two.so': 'text' })
      const texts = await Promise.all(['one.so', 'two.so'].map((name) => preload.openAside(join(folder, name))))

      assert.match(texts[0] ?? '', /one\.so: file too short|not a mach-o/)
      assert.match(texts[1] ?? '', /two\.so: file too short|not a mach-o/)
    })

    it('throws a TypeError for anything but one string', () => {
      for (const args of [[], [1], [null]]) {
        assert.throws(() => preload.openAside(...args), { name: 'TypeError', message: 'Expected one string' })
      }
    })
  })

  describe('loaded()', () => {
    it('gives the path of a library that is open', () => {
      assert.equal(preload.loaded(libraryFile('torch_cpu')), library)
    })

    it('gives null for one that is not open, though it is there', () => {
      assert.equal(preload.loaded(libraryFile('torch_global_deps')), null)
    })
  })

  describe('builtFor', () => {
    it('is the version of the headers', () => {
      assert.match(preload.builtFor, /^2\.\d+\.\d+/)
    })
  })
})
