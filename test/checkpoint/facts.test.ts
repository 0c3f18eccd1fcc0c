import assert from 'node:assert/strict'

import { collectFacts, factValue, moduleFacts, type FactNode } from '../../lib/checkpoint/facts.js'
import { failAt } from '../../lib/checkpoint/failure.js'
import { Budget } from '../../lib/checkpoint/budget.js'
import { checkLimits } from '../../lib/checkpoint/limits.js'
import { PickledObject, tuple, type CheckpointValue } from '../../lib/checkpoint/values.js'

const LIMITS = checkLimits(undefined)

function module(
  name: string,
  state: Record<string, CheckpointValue>,
  children: Record<string, CheckpointValue> = {},
): PickledObject {
  const object = new PickledObject({ module: 'torch.nn.modules', name }, [])
  const modules: CheckpointValue = new Map<CheckpointValue, CheckpointValue>(Object.entries(children))
  object.state = new Map<CheckpointValue, CheckpointValue>([
    ...Object.entries(state),
    ['_parameters', new Map()],
    ['_modules', modules],
  ])
  return object
}

function checkpointOf(root: CheckpointValue): Parameters<typeof moduleFacts>[0] {
  return { path: null, format: 'zip', root, byteOrder: 'little', size: 0, metadata: null }
}

describe('moduleFacts()', () => {
  it('finds the module at a source, and its settings by path', () => {
    const pool = module('MaxPool2d', { kernel_size: 3, stride: tuple([2, 2]), _hidden: 1, other: new Map() })
    const root = new Map<CheckpointValue, CheckpointValue>([['a.b', [module('Net', {}, { pool })]]])
    const facts = moduleFacts(checkpointOf(root), 'a.b.0', LIMITS)
    assert.deepEqual([...(facts?.keys() ?? [])], ['', 'pool'])
    assert.equal(facts?.get('pool')?.className, 'torch.nn.modules.MaxPool2d')
    assert.deepEqual(Object.fromEntries(facts.get('pool')?.attributes ?? []), { kernel_size: 3, stride: [2, 2] })
  })

  it('gives null where there are only tensors, or nothing', () => {
    assert.equal(moduleFacts(checkpointOf(new Map()), '', LIMITS), null)
    assert.equal(moduleFacts(checkpointOf(new Map()), 'model', LIMITS), null)
  })
})

describe('collectFacts()', () => {
  const fail = failAt({})
  const object = (): PickledObject => new PickledObject({ module: 'm', name: 'N' }, [])
  const facts = { className: 'm.N', attributes: new Map(), tensors: new Map() }

  it('ends at a module that contains itself, and where modules are nested too deep', () => {
    const root = object()
    const loop = (): FactNode => ({ facts, children: [['self', root]] })
    assert.equal(collectFacts(root, loop, { limits: LIMITS, budget: new Budget(LIMITS, 0), fail }).size, 1)
    const deeper = (): FactNode => ({ facts, children: [['x', object()]] })
    assert.equal(collectFacts(root, deeper, { limits: LIMITS, budget: new Budget(LIMITS, 0), fail }).size, 101)
  })

  it('counts modules that are shared, and the characters of their paths', () => {
    const levels = Array.from({ length: 20 }, object)
    const nodeOf = (module: PickledObject): FactNode => {
      const next = levels[levels.indexOf(module) + 1]
      return { facts, children: next === undefined ? [] : [['a', next], ['b', next]] } // prettier-ignore
    }
    const [root] = levels
    assert.ok(root !== undefined)
    for (const [limits, message] of [[{}, /the limit workRatio of 2$/], [{ nameCharacters: 1000 }, /the limit nameCharacters of 1000$/]] as const) {
      const options = { limits: checkLimits(limits), budget: new Budget(LIMITS, 0), fail }
      assert.throws(() => collectFacts(root, nodeOf, options), { code: 'TORCH_CHECKPOINT_LIMIT', message })
    } // prettier-ignore
  })
})

describe('factValue()', () => {
  it('takes numbers, flags, texts, None and short tuples of numbers', () => {
    for (const value of [1, true, 'same', null]) assert.equal(factValue(value), value)
    assert.deepEqual(factValue(tuple([1, 2])), [1, 2])
    for (const value of [new Map(), [1, 'a'], Array.from({ length: 7 }, () => 1), 1n])
      assert.equal(factValue(value), undefined)
  })
})
