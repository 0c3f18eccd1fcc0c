import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { openModel } from 'napi-torch'

import { CHECKPOINT } from '../support/fashion_mnist.js'
import { useTemporaryFolder } from '../support/folder.js'

describe('the module option', () => {
  const folder = useTemporaryFolder()

  const refused: readonly (readonly [what: string, file: string, text: string, message: RegExp])[] = [
    ['a file that is not there', 'none.mjs', '', /none\.mjs: Cannot be loaded: /],
    ['a file that is no JavaScript', 'x.mjs', 'this is no code', /x\.mjs: Cannot be loaded: /],
    [
      'a file without a default export',
      'x.mjs',
      'export const build = 1',
      /Expected a default export .* found undefined/,
    ],
    ['a default export that is no function', 'x.mjs', 'export default 7', /Expected a default export .* found 7/],
    [
      'a function that throws',
      'x.mjs',
      'export default () => { throw new Error("boom") }',
      /Its default export failed: boom/,
    ],
    ['a promise that is rejected', 'x.mjs', 'export default async () => { throw new Error("late") }', /failed: late/],
    ['a function that gives something else', 'x.mjs', 'export default () => 7', /to build a Module, received 7/],
    ['a class that is no Module', 'x.mjs', 'export default class {}', /to build a Module, received an/],
  ]
  for (const [what, file, text, message] of refused) {
    it(`refuses ${what}`, async () => {
      const path = join(folder(), file)
      if (text !== '') await writeFile(path, text)

      await assert.rejects(openModel(CHECKPOINT, { module: path, preset: 'cifar' }), { code: 'TORCH_MODULE', message })
    })
  }

  it('refuses arch and stem beside it, which say what is recognized', async () => {
    const code = 'TORCH_INVALID_ARGUMENT'
    await assert.rejects(openModel(CHECKPOINT, { module: 'x', arch: 'resnet18' }), { code, message: /for arch/ })
    await assert.rejects(openModel(CHECKPOINT, { module: 'x', stem: 'maxpool' }), { code, message: /for stem/ })
  })
})
