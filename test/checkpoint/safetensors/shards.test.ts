import assert from 'node:assert/strict'
import { cp, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import {
  findStateDict,
  loadCheckpoint,
  memory,
  readCheckpoint,
  saveCheckpoint,
  type CheckpointLimits,
} from 'napi-torch'

import { inFolder } from '../../support/checkpoints.js'
import {
  byKey,
  describeTensors,
  expectedTensors,
  formatFixture,
  itWithSafetensors,
  reportOfPython,
  withState,
} from '../../support/formats.js'

describe('readCheckpoint() of a safetensors index', () => {
  const INDEX = 'sharded/model.safetensors.index.json'

  /** Runs `body` with a copy of the sharded fixture, its index changed. */
  function withIndex(
    change: (index: Record<string, string>, folder: string) => unknown,
    body: (path: string) => Promise<void>,
  ): Promise<void> {
    return inFolder(async (folder) => {
      await cp(formatFixture('sharded'), folder, { recursive: true })
      const path = join(folder, 'model.safetensors.index.json')
      const index = JSON.parse(await readFile(path, 'utf8')) as { weight_map: Record<string, string> }
      await change(index.weight_map, folder)
      await writeFile(path, JSON.stringify(index))
      await body(path)
    })
  }

  it('gives the tensors of all shards to the bit, in the order of the index', () =>
    withState(loadCheckpoint(formatFixture(INDEX)), (state) => {
      assert.deepEqual(describeTensors(state), expectedTensors(INDEX))
    }))

  it('gives the tensors of shards of torch.save, as pytorch_model.bin.index.json lists them', () =>
    inFolder(async (folder) => {
      const map: Record<string, string> = {}
      for (const number of [1, 2, 3]) {
        const name = `-0000${number}-of-00003`
        using state = await loadCheckpoint(formatFixture(`sharded/model${name}.safetensors`))
        await saveCheckpoint(join(folder, `pytorch_model${name}.bin`), new Map(state))
        for (const key of state.keys()) map[key] = `pytorch_model${name}.bin`
      }
      const path = join(folder, 'pytorch_model.bin.index.json')
      await writeFile(path, JSON.stringify({ metadata: {}, weight_map: map }))

      await withState(loadCheckpoint(path), (state) => {
        assert.deepEqual(byKey(describeTensors(state)), byKey(expectedTensors(INDEX)))
      })
    }))

  it('refuses a shard of torch.save that is no state dict', () =>
    withIndex(
      async (map, folder) => {
        map['more'] = 'more.bin'
        await saveCheckpoint(join(folder, 'more.bin'), new Map([['epoch', 1]]))
      },
      (path) =>
        assert.rejects(readCheckpoint(path), {
          code: 'TORCH_CHECKPOINT_CORRUPT',
          message: `${join(path, '..', 'more.bin')}: Expected a state dict in a shard: names and tensors, nothing else`,
        }),
    ))

  it('tells format, metadata and the size of all files', async () => {
    const { format, size, metadata } = await readCheckpoint(formatFixture(INDEX))

    assert.equal(format, 'safetensors-index')
    assert.equal(size, 471 + 336 + 528 + 188)
    assert.deepEqual(metadata, new Map([['format', 'pt']]))
  })

  const wrong: readonly [name: string, change: (map: Record<string, string>, folder: string) => unknown, code: string, message: string][] = [
    ['a shard that is missing', (map) => (map['base'] = 'none.safetensors'), 'TORCH_FILE', 'Shard "none.safetensors" cannot be opened: FOLDER/none.safetensors: No such file'],
    ['a tensor that its shard does not hold', (map) => (map['more'] = 'model-00001-of-00003.safetensors'), 'TORCH_CHECKPOINT_CORRUPT', 'Shard "model-00001-of-00003.safetensors" does not hold tensor "more", which the index says to be in it'],
    ['a tensor that the index does not list', (map) => delete map['tied'], 'TORCH_CHECKPOINT_CORRUPT', 'Shard "model-00002-of-00003.safetensors" holds tensor "tied", which the index does not list'],
    ['a tensor that is in another shard', (map) => (map['base'] = 'model-00002-of-00003.safetensors'), 'TORCH_CHECKPOINT_CORRUPT', 'Shard "model-00001-of-00003.safetensors" holds tensor "base", which the index says to be in "model-00002-of-00003.safetensors"'],
    ['a shard that leads out of the folder', (map) => (map['base'] = '../x.safetensors'), 'TORCH_CHECKPOINT_CORRUPT', 'Expected a file name without folders for a shard, found "../x.safetensors"'],
    ['a shard with an absolute path', (map) => (map['base'] = '/etc/passwd'), 'TORCH_CHECKPOINT_CORRUPT', 'Expected a file name without folders for a shard, found "/etc/passwd"'],
    ['a shard with a path of Windows', (map) => (map['base'] = '..\\x'), 'TORCH_CHECKPOINT_CORRUPT', 'Expected a file name without folders for a shard, found "..\\\\x"'],
    ['a shard on another drive', (map) => (map['base'] = 'C:x'), 'TORCH_CHECKPOINT_CORRUPT', 'Expected a file name without folders for a shard, found "C:x"'],
    ['the folder above as a shard', (map) => (map['base'] = '..'), 'TORCH_CHECKPOINT_CORRUPT', 'Expected a file name without folders for a shard, found ".."'],
    ['a shard without a name', (map) => (map['base'] = ''), 'TORCH_CHECKPOINT_CORRUPT', 'Expected a file name without folders for a shard, found ""'],
    ['a shard that is no text', (map) => Reflect.set(map, 'base', 1), 'TORCH_CHECKPOINT_CORRUPT', 'Expected a file name for tensor "base"'],
  ] // prettier-ignore
  for (const [name, change, code, message] of wrong) {
    it(`refuses ${name}`, () =>
      withIndex(change, async (path) => {
        const folder = path.slice(0, -'/model.safetensors.index.json'.length)

        await assert.rejects(readCheckpoint(path), { code, message: `${path}: ${message.replace('FOLDER', folder)}` })
      }))
  }

  it('refuses a tensor that two shards hold', () =>
    withIndex(
      async (map, folder) => {
        await cp(join(folder, 'model-00003-of-00003.safetensors'), join(folder, 'copy.safetensors'))
        map['another'] = 'copy.safetensors'
      },
      (path) =>
        assert.rejects(readCheckpoint(path), {
          code: 'TORCH_CHECKPOINT_CORRUPT',
          message:
            /: Shard "copy\.safetensors" holds tensor "row", which the index says to be in "model-00003-of-00003\.safetensors"$/,
        }),
    ))

  it('refuses a shard that is broken, naming the shard', () =>
    withIndex(
      (_map, folder) => writeFile(join(folder, 'model-00002-of-00003.safetensors'), 'x'),
      (path) =>
        assert.rejects(readCheckpoint(path), {
          code: 'TORCH_CHECKPOINT_CORRUPT',
          message: /model-00002-of-00003\.safetensors, byte 0: The file is truncated: it has no header$/,
        }),
    ))

  it('refuses an index that names itself as a shard', () =>
    withIndex(
      (map) => (map['base'] = 'model.safetensors.index.json'),
      (path) => assert.rejects(readCheckpoint(path), { code: 'TORCH_CHECKPOINT_CORRUPT' }),
    ))

  it('refuses a buffer, which has no files beside it', async () => {
    await assert.rejects(readCheckpoint(await readFile(formatFixture(INDEX))), {
      code: 'TORCH_CHECKPOINT_UNSUPPORTED',
      message: 'buffer: Is an index of other files: pass its path, as a buffer has no files beside it',
    })
  })

  it('refuses more shards, tensors or bytes than the limits', async () => {
    const limits: readonly [Partial<CheckpointLimits>, RegExp][] = [
      [{ archiveEntries: 2 }, /The index names 3 shards, more than the limit archiveEntries of 2$/],
      [{ tensors: 4 }, /The checkpoint has 6 tensors, more than the limit tensors of 4$/],
      [{ headerBytes: 400 }, /The index has 471 bytes, more than the limit headerBytes of 400$/],
    ]
    for (const [limit, message] of limits) {
      const code = 'TORCH_CHECKPOINT_LIMIT'
      await assert.rejects(readCheckpoint(formatFixture(INDEX), { limits: limit }), { code, message })
    }
  })

  it('leaves nothing alive when a shard is cut after its header was read', () =>
    withIndex(
      () => undefined,
      async (path) => {
        const { tensors } = findStateDict(await readCheckpoint(path))
        const source = tensors.get('tied')?.storage.record.source
        assert.ok(typeof source === 'string')
        await writeFile(source, (await readFile(source)).subarray(0, 400))
        const before = memory()

        await assert.rejects(loadCheckpoint(path), { name: 'CheckpointError' })
        assert.deepEqual(memory(), before)
      },
    ))

  itWithSafetensors('gives what Python gives of each shard', async () => {
    const names = (await readdir(formatFixture('sharded'))).filter((name) => name.endsWith('.safetensors'))
    const script = `
from safetensors.torch import load_file
report({key: value for path in sys.argv[1:] for key, value in load_file(path).items()})`
    const expected = reportOfPython(
      script,
      names.map((name) => formatFixture(`sharded/${name}`)),
    )

    await withState(loadCheckpoint(formatFixture(INDEX)), (state) => {
      assert.deepEqual(byKey(describeTensors(state)), byKey(expected))
    })
  })
})
