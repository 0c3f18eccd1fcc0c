import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { openModel, scope, tensor } from 'napi-torch'

import type { FileFacts, ModuleFacts } from '../../lib/checkpoint/facts.js'
import { headFromFacts } from '../../lib/model/file_facts.js'
import { describeWithPython } from '../support/python.js'

interface Row {
  readonly change: string
  readonly form: string
  readonly file: string
  readonly refused: string | null
  readonly logits: readonly number[]
}

describeWithPython('applyFacts()', 'scripts/make_facts_checkpoints.py', (folder) => {
  const rows = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as readonly Row[]
  for (const { change, form, file, refused, logits } of rows) {
    const path = join(folder, file)
    if (refused !== null) {
      it(`refuses ${change}, ${form}, naming ${refused}`, async () => {
        await assert.rejects(openModel(path, { wholeModule: true }), (error: { code: string; message: string }) => {
          assert.equal(error.code, 'TORCH_ARCHITECTURE', error.message)
          assert.ok(error.message.includes(refused), error.message)
          return true
        })
      })
      continue
    }
    it(`computes what PyTorch does: ${change}, ${form}`, async () => {
      using opened = await openModel(path, { wholeModule: true })
      scope(() => {
        const bytes = readFileSync(join(folder, 'input.bin'))
        const image = tensor(new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)).reshape([1, 3, 64, 64])
        const found = opened.model.forward(image).flatten().tolist() as number[]
        for (const [index, value] of logits.entries()) {
          const error = Math.abs((found[index] ?? NaN) - value)
          assert.ok(error <= 1e-5 * Math.max(1, Math.abs(value)), `${String(found[index])} for ${value}`)
        }
      })
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
