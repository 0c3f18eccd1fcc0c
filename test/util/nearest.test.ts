import assert from 'node:assert/strict'

import { didYouMean, nearest } from '../../lib/util/nearest.js'

const NAMES = ['stride', 'padding', 'dilation', 'numClasses', 'eps', 'dim', 'paddingMode'] as const

describe('nearest()', () => {
  for (const [what, name, meant] of [
    ['a missing letter', 'strid', 'stride'],
    ['a letter too many', 'padddding', 'padding'],
    ['two swapped letters', 'dliation', 'dilation'],
    ['another case', 'numclasses', 'numClasses'],
    ["Python's spelling", 'num_classes', 'numClasses'],
    ["the shell's spelling", 'num-classes', 'numClasses'],
    ['a short name with a slip', 'esp', 'eps'],
    ['a word that is not near', 'momentum', undefined],
    ['a short word that shares one letter', 'lim2', undefined],
    ['a part of a longer name', 'class', 'numClasses'],
    ['a short part of a longer name', 'num', undefined],
    ['a part of several longer names', 'ding', undefined],
    ['no name', '', undefined],
    ['a name of a million letters', 's'.repeat(1e6), undefined],
  ] as const) {
    it(`gives ${meant ?? 'nothing'} for ${what}`, () => {
      assert.equal(nearest(name, NAMES), meant)
    })
  }

  it('gives the nearer of two, whichever comes first', () => {
    assert.equal(nearest('maxBatchSiz', ['maxBatches', 'maxBatchSize']), 'maxBatchSize')
    assert.equal(nearest('maxBatchSiz', ['maxBatchSize', 'maxBatches']), 'maxBatchSize')
  })
})

describe('didYouMean()', () => {
  it('asks in parentheses, or says nothing', () => {
    assert.equal(didYouMean('strides', NAMES), ' (did you mean stride?)')
    assert.equal(didYouMean('momentum', NAMES), '')
  })
})
