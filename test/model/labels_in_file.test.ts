import assert from 'node:assert/strict'

import { PickledObject, type CheckpointValue } from 'napi-torch'

import { findLabels } from '../../lib/model/labels_in_file.js'

const dict = (entries: Record<string, CheckpointValue>): Map<CheckpointValue, CheckpointValue> =>
  new Map(Object.entries(entries))

/** `argparse.Namespace(**fields)`. */
function namespace(fields: Record<string, CheckpointValue>): PickledObject {
  const object = new PickledObject({ module: 'argparse', name: 'Namespace' }, [])
  object.state = dict(fields)
  return object
}

describe('findLabels()', () => {
  const names = ['cat', 'dog', 'owl']
  const byName = dict({ cat: 0, owl: 2, dog: 1 })
  const byNumber = new Map<CheckpointValue, CheckpointValue>([
    [2, 'owl'],
    [0, 'cat'],
    [1, 'dog'],
  ])
  const found: readonly (readonly [string, CheckpointValue])[] = [
    ['classes', dict({ classes: names })],
    ['class_names', dict({ class_names: names, epoch: 3 })],
    ['class_to_idx', dict({ class_to_idx: byName })],
    ['idx_to_class', dict({ idx_to_class: byNumber })],
    ['names of numbers', dict({ names: byNumber })],
    ['id2label with digits', dict({ id2label: dict({ 0: 'cat', 1: 'dog', 2: 'owl' }) })],
    ['hyper_parameters', dict({ hyper_parameters: dict({ class_names: names }) })],
    ['args of argparse', dict({ args: namespace({ classes: names }) })],
    ['meta of mmpretrain', dict({ meta: dict({ dataset_meta: dict({ classes: names }) }) })],
    ['an attribute of a whole module', namespace({ class_to_idx: byName })],
  ]
  for (const [what, root] of found) {
    it(`finds ${what}`, () => {
      assert.deepEqual(findLabels(root, 3), names)
    })
  }

  const passedOver: readonly (readonly [string, CheckpointValue])[] = [
    ['another number of names', dict({ classes: ['cat'] })],
    ['two names for one number', dict({ class_to_idx: dict({ cat: 0, dog: 0, owl: 2 }) })],
    ['a number past the last class', dict({ class_to_idx: dict({ cat: 0, dog: 1, owl: 3 }) })],
    ['values that are no names', dict({ classes: [1, 2, 3] })],
    ['a dict that contains itself', selfish()],
    ['no dict', 3],
  ]
  for (const [what, root] of passedOver) {
    it(`passes over ${what}`, () => {
      assert.equal(findLabels(root, 3), null)
    })
  }
})

function selfish(): Map<CheckpointValue, CheckpointValue> {
  const root = dict({})
  root.set('meta', root).set('classes', root)
  return root
}
