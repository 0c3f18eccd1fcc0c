import assert from 'node:assert/strict'
import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

import { loadCheckpoint, ones, presets, readCheckpoint, saveCheckpoint, saveSafetensors } from 'napi-torch'

import { useTemporaryFolder, writeFiles } from '../support/folder.js'

/** The files that a folder is searched for, in order. */
const FILES = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
] as const

describe('a folder that is passed for a checkpoint', function () {
  this.timeout(60_000)
  const folder = useTemporaryFolder()

  /** Writes the files, each with one tensor whose key is the name of the file. */
  async function write(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      const path = join(folder(), name)
      using tensor = ones(1)
      const state = new Map([[name, tensor]])
      if (name.endsWith('.index.json')) {
        const shard = name.replace(/^([^.]+)\.(\w+)\.index\.json$/, '$1-00001-of-00001.$2')
        writeFiles(folder(), { [name]: JSON.stringify({ weight_map: { [name]: shard } }) })
        if (shard.endsWith('.bin')) await saveCheckpoint(join(folder(), shard), state)
        else await saveSafetensors(join(folder(), shard), state)
      } else if (name.endsWith('.safetensors')) await saveSafetensors(path, state)
      else await saveCheckpoint(path, state)
    }
  }

  for (const [index, name] of FILES.entries()) {
    it(`stands for ${name}, before what comes behind it and other names`, async () => {
      await write(...FILES.slice(index), 'a.pth', 'training_args.bin')

      const { path } = await readCheckpoint(folder())

      using state = await loadCheckpoint(folder())
      assert.equal(path, join(folder(), name))
      assert.deepEqual([...state.keys()], [name])
    })
  }

  for (const name of ['resnet18.pth', 'weights.pt', 'best.ckpt', 'a.safetensors', 'model.pth.tar']) {
    it(`stands for the only checkpoint, ${name}`, async () => {
      await write(name, 'training_args.bin')

      assert.equal((await readCheckpoint(folder())).path, join(folder(), name))
    })
  }

  it('may be a link, and hold links', async () => {
    await write('blob.pth')
    mkdirSync(join(folder(), 'snapshot'))
    symlinkSync(join(folder(), 'blob.pth'), join(folder(), 'snapshot', 'pytorch_model.bin'))
    symlinkSync(join(folder(), 'snapshot'), join(folder(), 'main'))

    assert.equal((await readCheckpoint(join(folder(), 'main'))).path, join(folder(), 'main', 'pytorch_model.bin'))
  })

  it('is refused with several checkpoints, which are named', async () => {
    await write('a.pth', 'b.pt')

    await assert.rejects(readCheckpoint(folder()), {
      code: 'TORCH_FILE',
      message: `${folder()}: Is a directory with several checkpoints, pass one of them: a.pth, b.pt`,
      path: folder(),
    })
  })

  it('is refused with shards that have no index', async () => {
    await write('model.safetensors.index.json')
    rmSync(join(folder(), 'model.safetensors.index.json'))

    await assert.rejects(readCheckpoint(folder()), {
      code: 'TORCH_FILE',
      message: `${folder()}: Is a directory with shards of a checkpoint (model-00001-of-00001.safetensors) without their index`,
    })
  })

  it('is refused without a checkpoint, naming what was looked for', async () => {
    writeFiles(folder(), { 'config.json': '{}', 'training_args.bin': '' })

    await assert.rejects(readCheckpoint(folder()), {
      code: 'TORCH_FILE',
      message: `${folder()}: Is a directory without a checkpoint, expected ${FILES.join(', ')}, or one .pth or .pt file`,
    })
  })

  it('has its preset in it', async () => {
    writeFiles(folder(), { 'preset.json': JSON.stringify(presets.cifar()) })

    assert.equal((await presets.beside(folder()))?.name, 'cifar')
  })
})
