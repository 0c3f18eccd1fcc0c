import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { loadCheckpoint, readCheckpoint, StoredTensor, UnreadableTensor, type CheckpointValue } from 'napi-torch'

import { checkLimits } from '../../../lib/checkpoint/limits.js'
import { unpickle } from '../../../lib/checkpoint/pickle/read.js'
import { itWithPython, python } from '../../support/python.js'

const FOLDER = fileURLToPath(new URL('../../fixtures/wild/', import.meta.url))
const FILES = readdirSync(FOLDER).filter((name) => /\.[24]\.pth$/.test(name))
const ALLOWED = JSON.parse(readFileSync(`${FOLDER}allowed.json`, 'utf8')) as readonly string[]

async function valueOf(name: string): Promise<CheckpointValue | undefined> {
  const { root } = await readCheckpoint(`${FOLDER}${name}.2.pth`)
  assert.ok(root instanceof Map)
  return root.get('value')
}

/** Asks for a global that stands at the end of a path. */
async function askFor(path: string): Promise<void> {
  const dot = path.lastIndexOf('.')
  const bytes = Buffer.from(`\x80\x02c${path.slice(0, dot)}\n${path.slice(dot + 1)}\n.`, 'latin1')
  await unpickle(bytes, { limits: checkLimits(), place: {} })
}

describe('readCheckpoint() of what training scripts save', () => {
  for (const name of FILES) {
    it(`reads ${name} and the tensor beside its value`, async () => {
      const { root } = await readCheckpoint(FOLDER + name)

      assert.ok(root instanceof Map)
      assert.ok(root.has('value'))
      const beside = root.get('beside')
      assert.ok(beside instanceof StoredTensor)
      assert.deepEqual(beside.shape, [2])
    })
  }

  const odd: readonly [name: string, what: RegExp][] = [
    ['a_sparse_tensor', /^a sparse tensor$/],
    ['a_sparse_CSR_tensor', /^a sparse tensor$/],
    ['a_nested_tensor', /^a nested tensor$/],
    ['a_meta_tensor', /^a tensor on the meta device/],
    ['a_conjugated_tensor', /^a lazily negated or conjugated tensor$/],
  ]
  for (const [name, what] of odd) {
    it(`gives ${name} as an UnreadableTensor with advice`, async () => {
      const value = await valueOf(name)

      assert.ok(value instanceof UnreadableTensor)
      assert.match(value.what, what)
      assert.notEqual(value.advice, '')
    })
  }

  it('reads a slice without elements that begins past the end of its storage', async () => {
    const value = await valueOf('a_slice_without_elements')
    using loaded = await loadCheckpoint(`${FOLDER}a_slice_without_elements.2.pth`)

    assert.ok(value instanceof StoredTensor)
    assert.deepEqual([value.shape, value.storageOffset], [[0, 5], 1])
    assert.ok(loaded)
  })

  it('names os.system, which a partial holds', () =>
    assert.rejects(readCheckpoint(`${FOLDER}attack.pth`), {
      code: 'TORCH_CHECKPOINT_UNSAFE',
      message: /asks Python for posix\.system, which runs programs/,
    }))
})

describe("unpickle() of torch's own list of what weights_only=True allows", () => {
  for (const path of ALLOWED) {
    it(`takes ${path}`, () => askFor(path))
  }

  itWithPython('takes what the PyTorch that is there allows', async () => {
    const script = `import json
from torch._weights_only_unpickler import _get_allowed_globals
print(json.dumps(sorted(_get_allowed_globals())))`
    const allowed = JSON.parse(python(script)) as readonly string[]

    assert.ok(allowed.length > 50)
    for (const path of allowed) await askFor(path)
  })
})
