import assert from 'node:assert/strict'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { readCheckpoint, StoredTensor } from 'napi-torch'

import { materialize } from '../../../lib/checkpoint/materialize.js'
import { fixture, inFolder } from '../../support/checkpoints.js'

const FOLDER = fileURLToPath(new URL('../../fixtures/wild/distributed', import.meta.url))

/** Copies the fixture with its metadata changed, one text for another of the same length. */
async function damaged(folder: string, from: string, to: string): Promise<string> {
  await cp(FOLDER, folder, { recursive: true })
  const path = join(folder, '.metadata')
  const text = (await readFile(path)).toString('latin1')
  assert.ok(text.includes(from) && from.length === to.length)
  await writeFile(path, Buffer.from(text.replaceAll(from, to), 'latin1'))
  return folder
}

const text = (value: string): string => `U${String.fromCharCode(value.length)}${value}`
const dict = (...entries: readonly string[]): string => `}(${entries.join('')}u`
const object = (name: string, state: string): string => `cmodule\n${name}\n)\x81${state}b`

/** Writes metadata by which several names lie at one place of a file of fewer than 65,536 bytes. */
async function writeOverlapping(folder: string, names: readonly string[]): Promise<void> {
  const data = await readFile(fixture('state_dict.pth'))
  await writeFile(join(folder, 'a.distcp'), data)
  const length = `M${String.fromCharCode(data.length & 0xff, data.length >> 8)}`
  const piece = object(
    '_StorageInfo',
    dict(text('relative_path'), text('a.distcp'), text('offset'), 'K\0', text('length'), length),
  )
  const storage = names.flatMap((name) => [object('MetadataIndex', dict(text('fqn'), text(name))), piece])
  const types = names.flatMap((name) => [text(name), object('BytesStorageMetadata', '}')])
  const fields = dict(text('state_dict_metadata'), dict(...types), text('storage_data'), dict(...storage))
  await writeFile(join(folder, '.metadata'), Buffer.from(`\x80\x02${object('Metadata', fields)}.`, 'latin1'))
}

describe('readCheckpoint() of a folder of torch.distributed.checkpoint', () => {
  it('gives the tree that was saved, with tensors and other values', async () => {
    const { root, format } = await readCheckpoint(FOLDER)

    assert.equal(format, 'distcp')
    assert.ok(root instanceof Map)
    assert.deepEqual([...root.keys()], ['model', 'epoch'])
    assert.equal(root.get('epoch'), 3)
    const model = root.get('model')
    assert.ok(model instanceof Map)
    assert.deepEqual([...model.keys()], ['w', 'b'])
  })

  it('reads the elements from the middle of the data file', async () => {
    const { root } = await readCheckpoint(FOLDER)
    const model = root instanceof Map ? root.get('model') : null
    const stored = model instanceof Map ? [...model.values()] : []
    assert.ok(stored.every((value) => value instanceof StoredTensor))

    const tensors = await materialize(stored, { mmap: false })

    const values = tensors.map((tensor) => [...tensor.toArray()])
    for (const tensor of tensors) tensor.dispose()
    assert.deepEqual(values, [
      [0, 1, 2, 3],
      [1n, 1n, 1n, 1n, 1n, 1n],
    ])
  })

  it('asks for the folder when given one of its files', () =>
    assert.rejects(readCheckpoint(join(FOLDER, '__0_0.distcp')), {
      code: 'TORCH_CHECKPOINT_UNSUPPORTED',
      message: /expected the folder that it is in$/,
    }))

  it('refuses metadata that leads out of the folder', () =>
    inFolder(async (folder) => {
      await assert.rejects(readCheckpoint(await damaged(folder, '__0_0.distcp', '../__0.distc')), {
        code: 'TORCH_CHECKPOINT_CORRUPT',
        message: /Expected the name of a file in the folder, found "\.\.\/__0\.distc"$/,
      })
    }))

  it('names a data file that is missing', () =>
    inFolder(async (folder) => {
      await cp(FOLDER, folder, { recursive: true })
      await rm(join(folder, '__0_0.distcp'))

      await assert.rejects(readCheckpoint(folder), { code: 'TORCH_FILE', message: /__0_0\.distcp/ })
    }))

  it('refuses metadata that asks for code', () =>
    inFolder(async (folder) => {
      await writeFile(join(folder, '.metadata'), 'cos\nsystem\n.')

      await assert.rejects(readCheckpoint(folder), { code: 'TORCH_CHECKPOINT_UNSAFE' })
    }))

  it('refuses values that lie over each other, which would be read again for each', () =>
    inFolder(async (folder) => {
      await writeOverlapping(folder, ['a'])
      assert.ok((await readCheckpoint(folder)).root instanceof Map)
      await writeOverlapping(folder, ['a', 'b'])

      await assert.rejects(readCheckpoint(folder), {
        code: 'TORCH_CHECKPOINT_CORRUPT',
        message: /The values have \d+ bytes/,
      })
    }))

  it('stops at the limit tensors', () =>
    assert.rejects(readCheckpoint(FOLDER, { limits: { tensors: 2 } }), {
      code: 'TORCH_CHECKPOINT_LIMIT',
      message: /The checkpoint has 3 values, more than the limit tensors of 2$/,
    }))

  it('takes any other folder for what it is', () =>
    inFolder((folder) => assert.rejects(readCheckpoint(folder), { code: 'TORCH_FILE', message: /Is a directory/ })))
})
