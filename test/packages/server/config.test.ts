import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { readConfig } from '../../../packages/server/lib/config.js'
import { inFolder } from '../../support/checkpoints.js'

async function read(text: string, name = 'server.yaml'): Promise<{ config: unknown; folder: string }> {
  let result: { config: unknown; folder: string } | undefined
  await inFolder(async (folder) => {
    const path = join(folder, name)
    await writeFile(path, text)
    result = { config: (await readConfig(path)).settings, folder: resolve(folder) }
  })
  assert.ok(result)
  return result
}

async function refused(text: string, message: RegExp): Promise<void> {
  await assert.rejects(read(text), { code: 'TORCH_INVALID_ARGUMENT', message })
}

describe('readConfig()', () => {
  it('reads YAML, with paths that count from the folder of the file', async () => {
    const { config, folder } = await read(`
port: 9000
tokenFile: tokens
models:
  - name: resnet18
    checkpoint: models/resnet18.pth
    labels: classes.txt
  - { name: other, checkpoint: /models/other.pth, labels: imagenet, module: net.ts }
`)

    assert.deepEqual(config, {
      port: 9000,
      tokenFile: join(folder, 'tokens'),
      models: [
        { name: 'resnet18', checkpoint: join(folder, 'models/resnet18.pth'), labels: join(folder, 'classes.txt') },
        { name: 'other', checkpoint: '/models/other.pth', labels: 'imagenet', module: join(folder, 'net.ts') },
      ],
    })
  })

  it('reads JSON, and models by their names', async () => {
    const { config, folder } = await read(
      '{"models": {"a": "a.pth", "b": {"checkpoint": "b.pth", "version": "2"}, "c": "hf://owner/name"}}',
      'x.json',
    )

    assert.deepEqual(config, {
      models: [
        { name: 'a', checkpoint: join(folder, 'a.pth') },
        { name: 'b', checkpoint: join(folder, 'b.pth'), version: '2' },
        { name: 'c', checkpoint: 'hf://owner/name' },
      ],
    })
  })

  it('leaves out $schema, which is for editors', async () => {
    const { config } = await read('{"$schema": "server.schema.json", "port": 1}', 'server.json')

    assert.deepEqual(config, { port: 1 })
  })

  for (const [what, path, line] of [
    ['a setting', ['port'], 2],
    ['a name of a model in a list', ['models', '1', 'dtype'], 6],
    ['a model in a list', ['models', '1'], 6],
    ['a model, for what it lacks', ['models', '1', 'key'], 6],
    ['what an alias stands for', ['models', '2', 'dtype'], 6],
    ['a setting that there is not', ['host'], undefined],
  ] as const) {
    it(`gives the line of ${what}`, async () => {
      const text = `# comment\nport: 1\nmodels:\n  - { name: a, checkpoint: a }\n  - &b\n    dtype: float32\n  - *b\n`
      await inFolder(async (folder) => {
        await writeFile(join(folder, 'server.yaml'), text)
        const { lineOf } = await readConfig(join(folder, 'server.yaml'))

        assert.equal(lineOf(path), line)
      })
    })
  }

  it('gives the line of models by their names', async () => {
    await inFolder(async (folder) => {
      await writeFile(join(folder, 'server.yaml'), 'models:\n  a: a.pth\n  b:\n    checkpoint: b.pth\n    dtype: x\n')
      const { lineOf } = await readConfig(join(folder, 'server.yaml'))

      assert.deepEqual(
        [['0'], ['0', 'checkpoint'], ['1'], ['1', 'dtype']].map((path) => lineOf(['models', ...path])),
        [2, 2, 3, 5],
      )
    })
  })

  it('says where a file is not valid', async () => {
    await refused('port: 1\nport: 2\n', /server\.yaml: Line 2, column 1: Map keys must be unique/)
    await refused('models: [\n', /server\.yaml: Line 2, column 1: /)
    await refused('port: !!js/function x\n', /server\.yaml: Line 1, column 7: Unresolved tag/)
    await refused('just text\n', /server\.yaml: Expected names and values, such as port: 8000/)
  })

  it('refuses aliases that grow without bound, and a file of more than a mebibyte', async () => {
    const bomb = Array.from(
      { length: 20 },
      (_, index) => `a${index}: &a${index} [${index === 0 ? 'x' : `*a${index - 1},*a${index - 1}`}]`,
    )
    await refused(bomb.join('\n'), /server\.yaml: Excessive alias count/)
    await refused(`port: ${' '.repeat(2 ** 20)}1`, /Expected at most 1048576 characters, received 10485\d\d/)
  })

  it('rejects with TORCH_FILE where there is no file', async () => {
    await assert.rejects(readConfig('/none.yaml'), { code: 'TORCH_FILE', message: '/none.yaml: No such file' })
  })
})
