import assert from 'node:assert/strict'

import type { TorchError } from 'napi-torch'
import { compile, Conv2d, Linear, quantize, resnet18, scope, Sequential, zeros, type Module } from 'napi-torch'

import { traceSamples } from '../../../lib/engine/trace/trace_samples.js'
import { applied } from '../../support/graphs.js'

const code = 'TORCH_INVALID_ARGUMENT'
const SAMPLE = 'Expected the shape of one sample (C, H, W), without the size of a batch, for input, received'

describe('traceSamples()', () => {
  it('says that the shape is that of one sample where it is that of a batch', async () => {
    using model = resnet18({ numClasses: 10 }).eval()
    const message = `${SAMPLE} [1, 3, 32, 32]; write: { input: [3, 32, 32] }`

    await assert.rejects(compile(model, { input: [1, 3, 32, 32] }), { code, message })
    await assert.rejects(quantize(model, { input: [1, 3, 32, 32], calibrate: [] }), { code, message })
  })

  it('says so for a batch of several images, too', () => {
    scope(() => {
      const model = new Sequential(new Conv2d(3, 4, 3)).eval()

      assert.throws(() => traceSamples(model, 2, [8, 3, 5, 5]), {
        code,
        message: `${SAMPLE} [8, 3, 5, 5]; write: { input: [3, 5, 5] }`,
      })
    })
  })

  it('leaves the error of a shape as it is that does not fit without its first size either', () => {
    scope(() => {
      const model = new Sequential(new Conv2d(3, 4, 3)).eval()

      assert.throws(() => traceSamples(model, 2, [1, 4, 5, 5]), {
        code,
        message:
          /^0 \(Conv2d, input float32 \(2, 1, 4, 5, 5\)\): Expected a tensor \(N, C, H, W\) or \(C, H, W\) for input/,
      })
    })
  })

  it('says in errors of forward() which batch it was called with', () => {
    scope(() => {
      const model = applied((x) => x.add(zeros(5, 3)))

      assert.throws(
        () => traceSamples(model, 2, [3]),
        (error: TorchError) => {
          const [own = '', added] = error.message.split(' (forward()')
          assert.equal(added, ' was traced with a batch of 2, of shape (2, 3))')
          assert.match(own, /^The size of tensor a \(2\) must match the size of tensor b \(5\)/)
          assert.equal(error.code, 'TORCH_OPERATOR')
          return true
        },
      )
    })
  })

  it('says so in errors of the model itself, too', () => {
    scope(() => {
      const thrown = new RangeError('Expected 8 samples')
      const model = applied(() => {
        throw thrown
      })

      assert.throws(() => traceSamples(model, 3, [4]), thrown)
      assert.equal(thrown.message, 'Expected 8 samples (forward() was traced with a batch of 3, of shape (3, 4))')
    })
  })

  it('takes what fits: a sample may begin with a size of 1', () => {
    scope(() => {
      using graph = traceSamples(new Linear(5, 4).eval(), 2, [1, 5])

      assert.deepEqual(graph.outputs[0]?.shape, [2, 1, 4])
    })
  })

  it('is not reached by a shape without its name, which is refused with the form to write', async () => {
    using model: Module = new Linear(5, 4).eval()

    await assert.rejects(compile(model, [3, 224, 224] as never), {
      code,
      message:
        'Expected an options object for compile(), received [3, 224, 224]; write: compile(model, { input: [3, 224, 224] })',
    })
  })
})
