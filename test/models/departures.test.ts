import assert from 'node:assert/strict'

import { compile, createModel, scope, type Architecture } from 'napi-torch'

import { formulaState, formulaTensor } from '../support/formula.js'
import { golden } from '../support/goldens.js'

interface Facts {
  readonly name: string
  readonly architecture: Architecture
  readonly shape: readonly [number, number, number, number]
  /** Lines `key shape`, in PyTorch's order. */
  readonly keys: readonly string[]
}

/** The largest difference of two lists, relative to the largest number of the second, or to 1. */
function difference(actual: Iterable<unknown>, expected: Iterable<unknown>): number {
  const given = Array.from(actual, Number)
  const wanted = Array.from(expected, Number)
  assert.equal(given.length, wanted.length)
  const largest = Math.max(1, ...wanted.map(Math.abs))
  return Math.max(...wanted.map((value, index) => Math.abs(value - (given[index] ?? NaN)))) / largest
}

describe('departures of createModel()', function () {
  this.timeout(60_000)

  for (const { facts, tensor } of golden<Facts>('models/departures')) {
    const { name, architecture, shape, keys } = facts

    describe(name, () => {
      it('has the keys and shapes of PyTorch in its order', () =>
        scope(() => {
          const model = createModel(architecture)

          assert.deepEqual(
            Array.from(model.stateDict(), ([key, value]) => `${key} ${value.shape.join(',')}`),
            keys,
          )
        }))

      it('equals PyTorch within 1e-5', () =>
        scope(() => {
          const model = createModel(architecture, { skipInit: true }).eval()
          model.loadStateDict(formulaState(model.stateDict()))

          const logits = model.forward(formulaTensor('input', shape, 2))

          const largest = difference(logits.toArray(), tensor('logits').toArray())
          assert.ok(largest < 1e-5, `differs by ${largest}`)
        }))

      it('equals PyTorch within 1e-4 when compiled', () =>
        scope(async () => {
          const model = createModel(architecture, { skipInit: true }).eval()
          model.loadStateDict(formulaState(model.stateDict()))
          const [, ...input] = shape
          await using engine = await compile(model, { input, maxBatchSize: shape[0] })

          const logits = await engine.run(formulaTensor('input', shape, 2))

          const largest = difference(logits.toArray(), tensor('logits').toArray())
          assert.ok(largest < 1e-4, `differs by ${largest}`)
        }))
    })
  }
})
