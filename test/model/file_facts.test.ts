import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { scope, tensor, type Module } from 'napi-torch'

import { moduleFacts, type FileFacts, type ModuleFacts } from '../../lib/checkpoint/facts.js'
import { checkLimits } from '../../lib/checkpoint/limits.js'
import { loadFound } from '../../lib/checkpoint/load.js'
import { readCheckpoint } from '../../lib/checkpoint/read.js'
import { findStateDict } from '../../lib/checkpoint/state_dict/find.js'
import { foldState, type FoldableTensor } from '../../lib/checkpoint/state_dict/fold.js'
import { applyFacts, headFromFacts } from '../../lib/model/file_facts.js'
import { moduleNames } from '../../lib/model/read.js'
import { createModel } from '../../lib/models/create.js'
import { recognize } from '../../lib/models/recognize/recognize.js'

interface Row {
  readonly change: string
  readonly form: string
  readonly file: string
  readonly refused: string | null
  readonly logits: readonly number[]
}

const INTERPRETER = process.env['NAPI_TORCH_TEST_PYTHON']
const SCRIPT = fileURLToPath(new URL('../../scripts/make_facts_checkpoints.py', import.meta.url))

// The rows are the script's: it runs before the tests are named.
const folder = INTERPRETER === undefined ? null : mkdtempSync(join(tmpdir(), 'napi-torch-facts-'))
if (INTERPRETER !== undefined && folder !== null) execFileSync(INTERPRETER, ['-W', 'ignore', SCRIPT, folder])
const rows: readonly Row[] =
  folder === null ? [] : (JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as readonly Row[])

describe('applyFacts()', function () {
  this.timeout(60_000)

  after(() => {
    if (folder !== null) rmSync(folder, { recursive: true })
  })

  if (folder === null) it.skip('(NAPI_TORCH_TEST_PYTHON names no Python with torch)')

  for (const { change, form, file, refused, logits } of rows) {
    const path = join(folder ?? '', file)
    if (refused !== null) {
      it(`refuses ${change}, ${form}, naming ${refused}`, async () => {
        await assert.rejects(open(path), (error: { code: string; message: string }) => {
          assert.equal(error.code, 'TORCH_ARCHITECTURE', error.message)
          assert.ok(error.message.includes(refused), error.message)
          return true
        })
      })
      continue
    }
    it(`computes what PyTorch does: ${change}, ${form}`, async () => {
      const model = await open(path)
      scope(() => {
        const bytes = readFileSync(join(folder ?? '', 'input.bin'))
        const image = tensor(new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)).reshape([1, 3, 64, 64])
        const found = model.forward(image).flatten().tolist() as number[]
        for (const [index, value] of logits.entries()) {
          const error = Math.abs((found[index] ?? NaN) - value)
          assert.ok(error <= 1e-5 * Math.max(1, Math.abs(value)), `${String(found[index])} for ${value}`)
        }
      })
      model.dispose()
    })
  }
})

describe('headFromFacts()', () => {
  const nn = (name: string, attributes: Record<string, number> = {}): ModuleFacts => ({
    className: `torch.nn.modules.any.${name}`,
    attributes: new Map(Object.entries(attributes)),
    tensors: new Map(name === 'Linear' ? [['weight', [2, 3]]] : []),
  })
  const head = (...layers: ModuleFacts[]): FileFacts =>
    new Map([['fc', nn('Sequential')], ...layers.map((layer, index) => [`fc.${index}`, layer] as const)])

  it('lists the layers of a Sequential', () => {
    const norm = nn('BatchNorm1d', { num_features: 3 })
    assert.deepEqual(headFromFacts(head(nn('Dropout'), norm, nn('Linear'), nn('ReLU')), 'fc')?.layers, [
      { type: 'Identity' },
      { type: 'BatchNorm1d', numFeatures: 3, affine: false },
      { type: 'Linear', inFeatures: 3, outFeatures: 2, bias: false },
      { type: 'ReLU' },
    ])
  })

  it('names the layer that cannot be built', () => {
    const unbuildable = { path: 'fc.1', className: 'torch.nn.modules.any.Tanh' }
    assert.deepEqual(headFromFacts(head(nn('Linear'), nn('Tanh')), 'fc'), { layers: null, unbuildable })
  })

  it("says nothing of someone else's class, nor of a path that is not there", () => {
    const own = { className: 'mine.Head', attributes: new Map(), tensors: new Map() }
    assert.equal(headFromFacts(new Map([['fc', own]]), 'fc'), null)
    assert.equal(headFromFacts(new Map(), 'fc'), null)
  })
})

async function open(path: string): Promise<Module> {
  const checkpoint = await readCheckpoint(path)
  const found = findStateDict(checkpoint, { wholeModule: true })
  const stored = foldState(found.tensors, {})
  const { architecture, keys } = recognize(stored, {})
  const facts = moduleFacts(checkpoint, found.source, checkLimits(undefined))
  assert.ok(facts !== null)
  const tensors = new Map<string, FoldableTensor>()
  for (const [ours, theirs] of keys) {
    const tensor = stored.get(theirs)
    if (tensor !== undefined) tensors.set(ours, tensor)
  }
  const model = createModel(architecture, { skipInit: true }).eval()
  try {
    applyFacts(model, facts, moduleNames(keys))
    using state = await loadFound({ source: '', tensors, metadata: null })
    model.loadStateDict(state)
    return model
  } catch (error) {
    model.dispose()
    throw error
  }
}
