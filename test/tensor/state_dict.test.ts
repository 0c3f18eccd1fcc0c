import assert from 'node:assert/strict'

import { StateDict, zeros } from 'napi-torch'

import { wrapperPrefix } from '../../lib/tensor/state_dict.js'

describe('StateDict', () => {
  it('keeps its order and knows nothing of modules or files at first', () => {
    const [weight, bias] = [zeros([2]), zeros([1])]
    const state = new StateDict([
      ['weight', weight],
      ['bias', bias],
    ])

    assert.deepEqual([...state.keys()], ['weight', 'bias'])
    assert.equal(state.metadata, null)
    assert.equal(state.source, null)
    state.dispose()
  })

  it('disposes all of its tensors', () => {
    const weight = zeros([2])
    new StateDict([['weight', weight]])[Symbol.dispose]()

    assert.ok(weight.isDisposed)
  })
})

describe('wrapperPrefix()', () => {
  const cases: readonly [keys: readonly string[], prefix: string][] = [
    [[], ''],
    [['conv.weight', 'fc.bias'], ''],
    [['module.conv.weight', 'module.fc.bias'], 'module.'],
    [['_orig_mod.module.conv.weight', '_orig_mod.module.fc.bias'], '_orig_mod.module.'],
    [['model.conv.weight', 'loss.weight'], ''],
    [['module.', 'module.x'], ''],
  ]
  for (const [keys, prefix] of cases) {
    it(`gives '${prefix}' for [${keys.join(', ')}]`, () => {
      assert.equal(wrapperPrefix(keys), prefix)
    })
  }
})
