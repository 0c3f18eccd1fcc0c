import assert from 'node:assert/strict'
import { readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { loadCheckpoint, memory, readCheckpoint, saveCheckpoint, zeros } from 'napi-torch'

import { denseChunks } from '../../../lib/checkpoint/write/dense.js'
import { StoredTensor } from '../../../lib/checkpoint/stored.js'
import { fixture, inFolder } from '../../support/checkpoints.js'
import { formatFixture } from '../../support/formats.js'
import { skip } from '../../support/skip.js'

/** Files of `folder` that this process has open; other parts of the program open others at any time. */
async function openIn(folder: string): Promise<string[]> {
  const links = (await readdir('/proc/self/fd')).map((fd) => readlink(join('/proc/self/fd', fd)).catch(() => ''))
  return (await Promise.all(links)).filter((path) => path.startsWith(folder))
}

const FILES = [
  fixture('state_dict.pth'),
  fixture('deflated.pth'),
  formatFixture('legacy.pth'),
  formatFixture('traced.pt'),
  formatFixture('tensors.safetensors'),
]

describe('a checkpoint that is refused', () => {
  before(function () {
    // Only Linux shows what a process has open.
    if (process.platform !== 'linux') skip(this, 'only Linux shows what a process has open')
  })

  for (const file of FILES) {
    it(`leaves no file open and nothing alive, wherever ${file.split('/').at(-1)} is cut`, () =>
      inFolder(async (folder) => {
        const path = join(folder, 'cut')
        const whole = await readFile(file)
        const before = memory()
        for (let length = 0; length < whole.length; length += 128) {
          await writeFile(path, whole.subarray(0, length))
          for (const mmap of [false, true])
            await assert.rejects(loadCheckpoint(path, { mmap }), { name: 'CheckpointError' })
        }

        assert.deepEqual(await openIn(folder), [])
        assert.deepEqual(memory(), before)
      }))
  }

  it('leaves no file open when its data are cut after its header was read', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'cut')
      const whole = await readFile(fixture('state_dict.pth'))
      await writeFile(path, whole)
      const { root } = await readCheckpoint(path)
      await writeFile(path, whole.subarray(0, 200))

      assert.ok(root instanceof Map)
      const weight = root.get('conv.weight')
      assert.ok(weight instanceof StoredTensor)
      await assert.rejects(denseChunks(weight).next(), { code: 'TORCH_CHECKPOINT_CORRUPT' })
      assert.deepEqual(await openIn(folder), [])
    }))

  it('leaves no file open when it cannot be written', () =>
    inFolder(async (folder) => {
      const disposed = zeros([2])
      const saving = saveCheckpoint(join(folder, 'x.pth'), [disposed])
      disposed.dispose()

      await assert.rejects(saving, { code: 'TORCH_DISPOSED' })
      assert.deepEqual(await openIn(folder), [])
    }))
})
