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
    const { versions, chosen } = await scanModels(checkSettings({ models: [], modelsFolder: folder, ...settings }))
    // Read while the folder is there.
    const read = async (version: (typeof versions)[number]): Promise<(typeof versions)[number]> => {
      const settled = await Promise.allSettled([version.settings()])
      const [found] = settled
      return {
        ...version,
        settings: () =>
          found.status === 'fulfilled'
            ? Promise.resolve({ ...found.value, checkpoint: found.value.checkpoint.slice(folder.length + 1) })
            : Promise.reject(found.reason as Error),
      }
    }
    result = { versions: await Promise.all(versions.map(read)), chosen: await Promise.all(chosen.map(read)) }
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
  ] as const) {
    it(`takes ${name}`, async () => {
      const { versions } = await scan(Object.fromEntries(files.map((file) => [`m/1/${file}`, ''])))

      assert.equal((await versions[0]?.settings())?.checkpoint, checkpoint)
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
