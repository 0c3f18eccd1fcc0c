import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { inFolder } from '../../support/checkpoints.js'
import { checkSettings } from '../../../packages/server/lib/check_settings.js'
import { scanModels, type FolderScan } from '../../../packages/server/lib/model_folder.js'

/** Scans a folder with these files. */
async function scan(files: Readonly<Record<string, string>>, settings: object = {}): Promise<FolderScan> {
  let result: FolderScan | undefined
  await inFolder(async (folder) => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(join(folder, path, '..'), { recursive: true })
      await writeFile(join(folder, path), text)
    }
    const found = await scanModels(checkSettings({ models: [], modelsFolder: folder, ...settings }))
    const { versions, chosen, fallbacks } = found
    // Read while the folder is there.
    const read = async (version: (typeof versions)[number]): Promise<(typeof versions)[number]> => {
      const settled = await Promise.allSettled([version.settings()])
      const [found] = settled
      const missing = await version.missing()
      return {
        ...version,
        missing: () => Promise.resolve(missing),
        settings: () =>
          found.status === 'fulfilled'
            ? Promise.resolve({ ...found.value, checkpoint: found.value.checkpoint.slice(folder.length + 1) })
            : Promise.reject(found.reason as Error),
      }
    }
    const [all, wanted, older] = [versions, chosen, fallbacks].map((list) => Promise.all(list.map(read)))
    result = { versions: (await all) ?? [], chosen: (await wanted) ?? [], fallbacks: (await older) ?? [] }
  })
  assert.ok(result)
  return result
}

describe('scanModels()', () => {
  it('finds folders with numbers in folders with names, and leaves out all else', async () => {
    const { versions } = await scan({
      'a/1/model.pth': '',
      'a/10/model.pth': '',
      'a/9/model.pth': '',
      'a/02/model.pth': '',
      'a/x/model.pth': '',
      'a/3': 'a file',
      '..data/1/model.pth': '',
      'README.md': '',
    })

    assert.deepEqual(
      versions.map(({ name, version }) => `${name} ${version}`),
      ['a 1', 'a 9', 'a 10'],
    )
  })

  it('follows links, as Kubernetes makes them', async () => {
    await inFolder(async (folder) => {
      await mkdir(join(folder, 'there', '1'), { recursive: true })
      await writeFile(join(folder, 'there', '1', 'model.pth'), '')
      await mkdir(join(folder, 'models'))
      await symlink(join(folder, 'there'), join(folder, 'models', 'm'))

      const { versions } = await scanModels(checkSettings({ models: [], modelsFolder: join(folder, 'models') }))

      assert.deepEqual(
        versions.map(({ name }) => name),
        ['m'],
      )
    })
  })

  for (const [name, files, checkpoint] of [
    ['model.pth beside others', ['model.pth', 'other.pth', 'preset.json'], 'm/1/model.pth'],
    ['the only checkpoint', ['resnet.safetensors', 'labels.txt'], 'm/1/resnet.safetensors'],
    ['model.safetensors as Hugging Face saves it', ['config.json', 'model.safetensors'], 'm/1/model.safetensors'],
    ['pytorch_model.bin with config.json', ['config.json', 'pytorch_model.bin'], 'm/1/pytorch_model.bin'],
    ['model.safetensors beside pytorch_model.bin', ['model.safetensors', 'pytorch_model.bin'], 'm/1/model.safetensors'],
    [
      'the index of shards of safetensors',
      ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors', 'model.safetensors.index.json'],
      'm/1/model.safetensors.index.json',
    ],
    [
      'the index of shards of torch.save',
      ['pytorch_model-00001-of-00001.bin', 'pytorch_model.bin.index.json', 'config.json'],
      'm/1/pytorch_model.bin.index.json',
    ],
  ] as const) {
    it(`takes ${name}`, async () => {
      const { versions } = await scan(Object.fromEntries(files.map((file) => [`m/1/${file}`, ''])))

      assert.equal((await versions[0]?.settings())?.checkpoint, checkpoint)
    })
  }

  const index = JSON.stringify({
    weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' },
  })
  for (const [name, files, missing] of [
    ['nothing of a whole checkpoint', { 'model.pth': '' }, null],
    [
      'nothing of shards that are all there',
      {
        'model.safetensors.index.json': index,
        'model-00001-of-00002.safetensors': '',
        'model-00002-of-00002.safetensors': '',
      },
      null,
    ],
    [
      'a shard that the index lists',
      { 'model.safetensors.index.json': index, 'model-00001-of-00002.safetensors': '' },
      'model-00002-of-00002.safetensors',
    ],
    ['the checkpoint of a folder that has just been made', { 'config.json': '' }, 'a checkpoint such as model.pth'],
    ['the index of shards', { 'pytorch_model-00001-of-00002.bin': '' }, 'pytorch_model.bin.index.json'],
    [
      'nothing of an index that is cut off, which is told when it is loaded',
      { 'model.safetensors.index.json': '{"weight_map": {' },
      null,
    ],
    ['nothing of an index of another kind', { 'model.safetensors.index.json': '[1]' }, null],
  ] as const) {
    // prettier-ignore
    it(`misses ${name}`, async () => {
      const { versions } = await scan(
        Object.fromEntries(Object.entries(files).map(([file, text]) => [`m/1/${file}`, text])),
      )

      assert.equal(await versions[0]?.missing(), missing)
    })
  }

  for (const [versionPolicy, expected] of [
    ['latest:1', ['2', '1']],
    ['latest:2', ['1']],
    ['all', []],
    ['3', []],
  ] as const) {
    it(`gives ${expected.length} older versions to fall back to by the policy ${versionPolicy}, the newest first`, async () => {
      const files = Object.fromEntries([1, 2, 3].map((version) => [`m/${version}/model.pth`, '']))
      const { fallbacks } = await scan(files, { versionPolicy })

      assert.deepEqual(
        fallbacks.map(({ version }) => version),
        expected,
      )
    })
  }

  it('reads config.yaml, with labels beside it', async () => {
    const config = 'maxBatchSize: 4\nlabels: labels.txt\n'
    const { versions } = await scan({ 'm/1/model.pth': '', 'm/config.yaml': config, 'm/labels.txt': 'a' })

    const { maxBatchSize, labels } = (await versions[0]?.settings()) ?? {}
    assert.equal(maxBatchSize, 4)
    assert.match(labels ?? '', /[/\\]m[/\\]labels\.txt$/)
  })

  for (const [name, files, message] of [
    ['no checkpoint', { 'm/1/notes.txt': '' }, /m\/1: Expected one checkpoint such as model\.pth, received none$/],
    ['two', { 'm/1/a.pth': '', 'm/1/b.pt': '' }, /received a\.pth, b\.pt$/],
    ['two by the name', { 'm/1/model.pth': '', 'm/1/model.pt': '' }, /received model\.pt, model\.pth$/],
    [
      'a wrong setting',
      { 'm/1/model.pth': '', 'm/config.yaml': 'maxBatchSize: 0' },
      /config\.yaml: models\.0\.maxBatchSize/,
    ],
    ['code', { 'm/1/model.pth': '', 'm/config.yaml': 'module: x.js' }, /config\.yaml: Expected no module/],
    ['a list', { 'm/1/model.pth': '', 'm/config.yaml': '[]' }, /config\.yaml: Expected names and values/],
    ['what is no YAML', { 'm/1/model.pth': '', 'm/config.yaml': '{' }, /config\.yaml: /],
  ] as const) {
    it(`refuses ${name} when its settings are read`, async () => {
      const { versions } = await scan(files)

      await assert.rejects(Promise.resolve(versions[0]?.settings()), { name: 'TorchError', message })
    })
  }

  it('refuses a folder that is not there', async () => {
    const settings = checkSettings({ models: [], modelsFolder: '/there/is/none' })

    await assert.rejects(scanModels(settings), { code: 'TORCH_FILE' })
  })

  for (const versionPolicy of ['', 'newest', 'latest:0', 'latest', '0', '1,', `1${',1'.repeat(64)}`]) {
    it(`refuses the policy '${versionPolicy.slice(0, 10)}'`, () => {
      assert.throws(() => checkSettings({ models: [], versionPolicy }), { code: 'TORCH_INVALID_ARGUMENT' })
    })
  }
})
