import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'

import {
  compile,
  enableGrad,
  inferenceMode,
  isGradEnabled,
  isInferenceModeEnabled,
  keep,
  manualSeed,
  noGrad,
  ones,
  resnet18Cifar,
  scope,
  setGradEnabled,
} from 'napi-torch'

import { runChild } from '../support/installed.js'

/** Whether operations are recorded, as libtorch and as the function says. */
function modes(): [boolean, boolean] {
  return [scope(() => ones([1], { requiresGrad: true }).mul(2).requiresGrad), isGradEnabled()]
}

describe('grad modes', () => {
  it('record by default', () => assert.deepEqual(modes(), [true, true]))

  it('let a model be made, converted, loaded and compiled inside inferenceMode()', async () => {
    manualSeed(3n)
    const [wanted, state] = scope(() => {
      const model = resnet18Cifar({ width: 8 }).eval()
      return [model.forward(ones([1, 3, 32, 32])).tolist(), keep(model.stateDict())]
    })

    const received = await inferenceMode(() =>
      scope(async () => {
        const model = resnet18Cifar({ width: 8 }).eval()
        model.loadStateDict(state)
        const engine = await compile(model.to('float32'), { input: [3, 32, 32], kernels: 'aten' })
        try {
          return [model.forward(ones([1, 3, 32, 32])).tolist(), engine.inputShape]
        } finally {
          await engine.close()
        }
      }),
    )

    assert.deepEqual(received, [wanted, [3, 32, 32]])
    state.dispose()
  })

  describe('noGrad() and enableGrad()', () => {
    it('hold in their callback, nest, and give its result back', () => {
      assert.deepEqual(noGrad(modes), [false, false])
      assert.deepEqual(
        noGrad(() => [modes(), enableGrad(modes), modes()]),
        [
          [false, false],
          [true, true],
          [false, false],
        ],
      )
      assert.deepEqual(modes(), [true, true])
    })

    it('hold over await, and nowhere else meanwhile', async () => {
      const inside = noGrad(async () => {
        await setTimeout(5)
        const first = modes()
        const nested = await enableGrad(async () => {
          await setTimeout(1)
          return modes()
        })
        return [first, nested, modes()]
      })

      assert.deepEqual(modes(), [true, true])
      await setTimeout(2)
      assert.deepEqual(modes(), [true, true])
      assert.deepEqual(await inside, [
        [false, false],
        [true, true],
        [false, false],
      ])
      assert.deepEqual(modes(), [true, true])
    })

    it('end with an error of their callback', async () => {
      const fail = (): never => {
        throw new Error('mine')
      }

      assert.throws(() => noGrad(fail), { message: 'mine' })
      await assert.rejects(
        noGrad(async () => (await setTimeout(1), fail())),
        { message: 'mine' },
      )
      assert.deepEqual(modes(), [true, true])
    })

    it('do not hold in work that their callback left behind', async () => {
      let left: Promise<[boolean, boolean]> | undefined
      noGrad(() => {
        left = setTimeout(1).then(modes)
      })

      assert.deepEqual(await left, [true, true])
    })

    it('refuse what is no function', () => {
      assert.throws(() => noGrad(1 as never), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a function for body, received 1',
      })
    })
  })

  describe('inferenceMode()', () => {
    it('makes tensors that can have no gradient, and is not left by enableGrad()', () =>
      scope(() => {
        const made = inferenceMode(() => {
          assert.deepEqual([isInferenceModeEnabled(), enableGrad(modes)], [true, [false, false]])
          return ones([1])
        })

        assert.deepEqual([made.isInference(), ones([1]).isInference()], [true, false])
        assert.throws(() => made.requiresGrad_(), {
          code: 'TORCH_OPERATOR',
          message: 'Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.',
        })
      }))
  })

  describe('setGradEnabled()', () => {
    it('holds in its callback', () => {
      assert.deepEqual(setGradEnabled(false, modes), [false, false])
      assert.deepEqual(
        noGrad(() => setGradEnabled(true, modes)),
        [true, true],
      )
    })

    it('without one sets the mode of the callback around, or of the thread', () => {
      noGrad(() => {
        setGradEnabled(true)
        assert.deepEqual(modes(), [true, true])
      })
      setGradEnabled(false)
      assert.deepEqual(modes(), [false, false])
      setGradEnabled(true)
      assert.deepEqual(modes(), [true, true])
    })

    it('refuses what is no boolean', () => {
      assert.throws(() => setGradEnabled(1 as never), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a boolean for mode, received 1',
      })
    })
  })

  it('are those of one thread', () => {
    const { stdout, stderr } = runChild(`
      import { Worker } from 'node:worker_threads'
      import { isGradEnabled, setGradEnabled } from 'napi-torch'
      setGradEnabled(false)
      const worker = new Worker(\`
        import { parentPort } from 'node:worker_threads'
        import { isGradEnabled, ones } from 'napi-torch'
        parentPort.postMessage([isGradEnabled(), ones([1], { requiresGrad: true }).mul(2).requiresGrad])
      \`, { eval: true })
      worker.once('message', (seen) => console.log(seen.join(), isGradEnabled()))
      await new Promise((resolve) => worker.once('exit', resolve))
    `)

    assert.equal(stdout, 'true,true false\n', stderr)
  })
})
