import assert from 'node:assert/strict'
import { join } from 'node:path'

import { findStateDict, randn, readCheckpoint, saveSafetensors, type Tensor } from 'napi-torch'

import { foldState, type FoldableTensor } from '../../../lib/checkpoint/state_dict/fold.js'
import { joinAttention } from '../../../lib/checkpoint/state_dict/join_attention.js'
import { useTemporaryFolder } from '../../support/folder.js'

type Shapes = Readonly<Record<string, readonly number[]>>

describe('joinAttention()', () => {
  const folder = useTemporaryFolder()

  async function joined(shapes: Shapes, cast: (tensor: Tensor, key: string) => Tensor = (tensor) => tensor) {
    const path = join(folder(), 'model.safetensors')
    const state = new Map(Object.entries(shapes).map(([key, shape]) => [key, cast(randn(shape), key)]))
    await saveSafetensors(path, state)
    for (const tensor of state.values()) tensor.dispose()
    return joinAttention(foldState(findStateDict(await readCheckpoint(path)).tensors, { path }))
  }

  const shapesOf = (tensors: ReadonlyMap<string, FoldableTensor>): Shapes =>
    Object.fromEntries([...tensors].map(([key, { shape }]) => [key, shape]))

  for (const [form, front, names] of [
    ['files', 'vit.encoder.layer.0.attention.attention.', ['query', 'key', 'value']],
    ['modules of version 5', 'model.vit.layers.11.attention.', ['q_proj', 'k_proj', 'v_proj']],
  ] as const) {
    it(`joins weights and biases under the names of ${form}`, async () => {
      const weights = Object.fromEntries(names.map((name) => [`${front}${name}.weight`, [4, 4]]))
      const biases = Object.fromEntries(names.map((name) => [`${front}${name}.bias`, [4]]))

      const found = await joined({ ...weights, ...biases, 'classifier.bias': [2] })

      assert.deepEqual(shapesOf(found), {
        'classifier.bias': [2],
        [`${front}in_proj_bias`]: [12],
        [`${front}in_proj_weight`]: [12, 4],
      })
    })
  }

  const left: readonly (readonly [what: string, shapes: Shapes])[] = [
    [
      'of another network',
      { 'bert.layer.0.query.weight': [4, 4], 'bert.layer.0.key.weight': [4, 4], 'bert.layer.0.value.weight': [4, 4] },
    ],
    ['of which one is missing', { 'vit.layers.0.attention.q_proj.weight': [4, 4], 'vit.layers.0.attention.v_proj.weight': [4, 4] }],
    [
      'of several sizes',
      {
        'vit.layers.0.attention.k_proj.weight': [2, 4],
        'vit.layers.0.attention.q_proj.weight': [4, 4],
        'vit.layers.0.attention.v_proj.weight': [2, 4],
      },
    ],
  ] // prettier-ignore
  for (const [what, shapes] of left) {
    it(`leaves projections ${what}`, async () => {
      assert.deepEqual(shapesOf(await joined(shapes)), shapes)
    })
  }

  it('leaves projections of several dtypes', async () => {
    const keys = ['k', 'q', 'v'].map((name) => `vit.layers.0.attention.${name}_proj.weight`)

    const found = await joined(Object.fromEntries(keys.map((key) => [key, [2, 2]])), (tensor, key) => {
      if (!key.includes('q_proj')) return tensor
      const half = tensor.half()
      tensor.dispose()
      return half
    })

    assert.deepEqual([...found.keys()].sort(), keys)
  })
})
