import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { loadCheckpoint, readCheckpoint, scope } from 'napi-torch'

import { zip, type TestEntry } from '../../support/archive.js'
import { fixture } from '../../support/checkpoints.js'
import { useTemporaryFolder } from '../../support/folder.js'

const data = readFileSync(fixture('state_dict.pth'))

describe('a zip archive that torch.save did not write', () => {
  const folder = useTemporaryFolder()

  const read: readonly (readonly [what: string, entries: readonly TestEntry[]])[] = [
    ['one checkpoint, stored', [{ name: 'model.pth', data }]],
    ['one checkpoint, deflated', [{ name: 'model.pth', data, deflate: true }]],
    [
      'one checkpoint in a folder, beside other files',
      [
        { name: 'run/', data: '' },
        { name: 'run/README.md', data: 'x' },
        { name: 'run/best.ckpt', data },
        { name: '__MACOSX/run/._best.ckpt', data: 'x' },
      ],
    ],
    [
      'the weights of a TorchServe archive',
      [
        { name: 'MAR-INF/MANIFEST.json', data: '{"model":{"serializedFile":"weights.pt","handler":"x.py"}}' },
        { name: 'other.pt', data: 'x' },
        { name: 'weights.pt', data, deflate: true },
      ],
    ],
  ]
  for (const [what, entries] of read) {
    it(`is read: ${what}`, () =>
      scope(async () => {
        const path = join(folder(), 'model.zip')
        await writeFile(path, zip(entries))

        const state = await loadCheckpoint(path)

        const expected = await loadCheckpoint(fixture('state_dict.pth'))
        assert.deepEqual([...state.keys()], [...expected.keys()])
        for (const [key, tensor] of state) assert.ok(tensor.equal(expected.get(key) ?? tensor.neg()), key)
      }))
  }

  const named: readonly (readonly [what: string, entries: readonly TestEntry[], says: RegExp])[] = [
    [
      'several checkpoints',
      [
        { name: 'a.pth', data },
        { name: 'b.pth', data },
      ],
      /2 checkpoints \("a\.pth", "b\.pth"\)/,
    ],
    ['a .npz', [{ name: 'w.npy', data: 'x' }], /\.npz of numpy/],
    ['a program of torch.export of another form', [{ name: 'm/archive_format', data: 'pt2' }], /\.pt2/],
    ['a package', [{ name: 'p/.data/extern_modules', data: '' }], /torch\.package/],
    [
      'a Keras model',
      [
        { name: 'config.json', data: '{}' },
        { name: 'model.weights.h5', data: 'x' },
      ],
      /Keras/,
    ],
    ['TorchServe without weights', [{ name: 'MAR-INF/MANIFEST.json', data: '{}' }], /TorchServe without its weights/],
  ]
  for (const [what, entries, says] of named) {
    it(`is named: ${what}`, () =>
      assert.rejects(readCheckpoint(zip(entries)), { code: 'TORCH_CHECKPOINT_UNSUPPORTED', message: says }))
  }

  it('stops at the limit of what inflates', () =>
    assert.rejects(readCheckpoint(zip([{ name: 'a.pth', data: new Uint8Array(3_000_000), deflate: true }])), {
      code: 'TORCH_CHECKPOINT_LIMIT',
    }))

  it('names the entry in which a fault lies', async () => {
    const path = join(folder(), 'model.zip')
    await writeFile(path, zip([{ name: 'a.pth', data: 'no checkpoint' }]))

    await assert.rejects(readCheckpoint(path), {
      code: 'TORCH_CHECKPOINT_FORMAT',
      message: `${path}, entry a.pth: Is not a checkpoint: it is text`,
    })
  })
})
