import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'

import Schema from 'typebox/schema'
import { parseAllDocuments } from 'yaml'

import { SETTING_NAMES } from '../../../packages/server/lib/setting_names.js'
import { settingsSchema } from '../../../packages/server/lib/settings_schema.js'

/** The schema as an editor reads it. */
const SCHEMA = JSON.parse(JSON.stringify(settingsSchema())) as {
  readonly properties: Readonly<Record<string, { readonly description?: string }>>
}

function isValid(value: unknown): boolean {
  return Schema.Compile(SCHEMA).Check(value)
}

describe('settingsSchema()', () => {
  it('describes every setting, and the models', () => {
    assert.deepEqual(Object.keys(SCHEMA.properties), ['$schema', ...SETTING_NAMES, 'models'])
    for (const [name, { description }] of Object.entries(SCHEMA.properties)) assert.ok(description, name)
  })

  for (const [what, value, expected] of [
    ['no setting', {}, true],
    ['a setting and the address of the schema', { $schema: 'server.schema.json', port: 1 }, true],
    ['models as a list', { models: [{ name: 'a', checkpoint: 'a.pth', dtype: 'bfloat16' }] }, true],
    ['models by their names', { models: { a: 'a.pth', b: { checkpoint: 'b.pth', maxDelayMs: 2 } } }, true],
    ['a setting that there is not', { prot: 1 }, false],
    ['a number out of its range', { port: 70_000 }, false],
    ['a model without a checkpoint', { models: { a: { version: '1' } } }, false],
    ['a model with a name twice', { models: { a: { name: 'a', checkpoint: 'a.pth' } } }, false],
    ['a model with a setting of the server', { models: [{ name: 'a', checkpoint: 'a.pth', port: 1 }] }, false],
  ] as const) {
    it(`${expected ? 'takes' : 'refuses'} ${what}`, () => {
      assert.equal(isValid(value), expected)
    })
  }

  it('takes the settings of deploy/', async () => {
    const text = await readFile(new URL('../../../deploy/kubernetes/server.yaml', import.meta.url), 'utf8')
    const documents = parseAllDocuments(text).map((document) => document.toJS() as { data?: Record<string, string> })
    const [settings] = documents.flatMap(({ data }) => data?.['server.yaml'] ?? [])

    assert.ok(settings !== undefined)
    assert.ok(isValid(parseAllDocuments(settings)[0]?.toJS()))
  })
})
