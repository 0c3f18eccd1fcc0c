import assert from 'node:assert/strict'

import { memory, noGrad, ones, Parameter, randn, scope, tensor, zeros, type Tensor } from 'napi-torch'

const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

describe('gradients', () => {
  describe('requiresGrad', () => {
    inScope('is false unless asked for, and true for what follows from it', () => {
      const x = tensor([1, 2], { requiresGrad: true })

      assert.deepEqual([tensor([1]).requiresGrad, x.requiresGrad, x.mul(2).requiresGrad], [false, true, true])
      assert.equal(zeros([2]).requiresGrad_().requiresGrad, true)
      assert.equal(new Parameter(zeros([1])).requiresGrad_(false).requiresGrad, false)
    })

    inScope('refuses integers, in PyTorch’s words', () => {
      const error = {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Only Tensors of floating point and complex dtype can require gradients',
      }

      assert.throws(() => tensor([1n]).requiresGrad_(), error)
      assert.throws(() => tensor([1n], { requiresGrad: true }), error)
      assert.throws(() => zeros([1], { dtype: 'int32', requiresGrad: true }), error)
    })

    inScope('refuses false for what was computed, in PyTorch’s words', () => {
      const y = ones([1], { requiresGrad: true }).mul(2)

      assert.equal(y.requiresGrad_().requiresGrad, true)
      assert.throws(() => y.requiresGrad_(false), {
        code: 'TORCH_INVALID_ARGUMENT',
        message:
          'you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a ' +
          "subgraph that doesn't require differentiation use tensor.detach().",
      })
    })
  })

  describe('gradFn and isLeaf', () => {
    inScope('tell how a tensor was made', () => {
      const x = ones([2], { requiresGrad: true })
      const y = x.mul(x)

      assert.deepEqual([x.gradFn, x.isLeaf, y.gradFn, y.isLeaf], [null, true, 'MulBackward0', false])
    })

    inScope('are printed as in Python', () => {
      const x = tensor([1, 2], { requiresGrad: true })

      assert.equal(String(x), 'tensor([1., 2.], requires_grad=True)')
      assert.equal(String(x.mul(x)), 'tensor([1., 4.], grad_fn=<MulBackward0>)')
    })
  })

  describe('backward()', () => {
    inScope('adds the gradient to that of earlier passes', () => {
      const x = tensor([1, 2, 3], { requiresGrad: true })

      x.mul(x).sum().backward()
      assert.deepEqual(x.grad?.tolist(), [2, 4, 6])
      x.sum().backward()
      assert.deepEqual(x.grad?.tolist(), [3, 5, 7])
    })

    inScope('takes the gradient of what is not one element', () => {
      const x = tensor([1, 2], { requiresGrad: true })

      x.mul(3).backward(tensor([1, 10]))
      assert.deepEqual(x.grad?.tolist(), [3, 30])
      x.mul(3).backward({ gradient: tensor([1, 1]) })
      assert.deepEqual(x.grad?.tolist(), [6, 33])
    })

    inScope('accumulates in the given inputs alone', () => {
      const x = ones([1], { requiresGrad: true })
      const w = ones([1], { requiresGrad: true })

      x.mul(w).backward({ inputs: [w] })

      assert.deepEqual([x.grad, w.grad?.tolist()], [null, [1]])
    })

    inScope('goes through a graph again that is retained', () => {
      const x = ones([1], { requiresGrad: true })
      const y = x.exp()

      y.backward({ retainGraph: true })
      y.backward()

      assert.ok(Math.abs(Number(x.grad?.item()) - 2 * Math.E) < 1e-5)
    })

    inScope('records itself with createGraph', () => {
      const x = tensor([2], { requiresGrad: true })

      x.pow(3).backward({ createGraph: true })
      const first = x.grad
      assert.ok(first !== null)
      x.grad = null
      first.sum().backward()

      // The gradient belongs to the tensor again, which breaks their circle.
      assert.deepEqual([first.tolist(), x.grad], [[12], x.grad])
      assert.deepEqual(x.grad === null ? null : (x.grad as typeof x).tolist(), [12])
    })

    for (const [title, run, message] of [
      [
        'a graph that was freed',
        () => {
          const y = ones([1], { requiresGrad: true }).exp()
          y.backward()
          y.backward()
        },
        'Trying to backward through the graph a second time (or directly access saved tensors after they have already ' +
          'been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). ' +
          'Specify retain_graph=True if you need to backward through the graph a second time or if you need to access ' +
          'saved tensors after calling backward.',
      ],
      [
        'nothing recorded',
        () => ones([1]).backward(),
        'element 0 of tensors does not require grad and does not have a grad_fn',
      ],
      [
        'several elements without a gradient',
        () => ones([2], { requiresGrad: true }).mul(2).backward(),
        'grad can be implicitly created only for scalar outputs',
      ],
      [
        'a leaf that is changed in place',
        () => ones([1], { requiresGrad: true }).add_(1),
        'a leaf Variable that requires grad is being used in an in-place operation.',
      ],
    ] as const) {
      inScope(`refuses ${title} with libtorch's words`, () => {
        assert.throws(run, { code: 'TORCH_OPERATOR', message })
      })
    }

    inScope('refuses a tensor that it needs and that was changed in place', () => {
      const x = ones([3], { requiresGrad: true })
      const y = x.sigmoid()
      const loss = y.sum()
      noGrad(() => y.add_(1))

      assert.throws(() => loss.backward(), {
        code: 'TORCH_OPERATOR',
        message: /^one of the variables needed for gradient computation has been modified by an inplace operation/,
      })
    })

    inScope('goes through copy_(), and finds out that it changed what is needed', () => {
      const x = tensor([1, 2], { requiresGrad: true })
      const y = zeros([2])

      y.copy_(x.mul(3)).sum().backward()
      assert.deepEqual(x.grad?.tolist(), [3, 3])
      assert.throws(() => x.copy_(zeros([2])), {
        code: 'TORCH_OPERATOR',
        message: 'a leaf Variable that requires grad is being used in an in-place operation.',
      })

      const factor = ones([2])
      const loss = x.mul(factor).sum()
      factor.copy_(zeros([2]))
      assert.throws(() => loss.backward(), { code: 'TORCH_OPERATOR', message: /modified by an inplace operation/ })
    })

    inScope('refuses a tensor that is none, and an unknown option', () => {
      const x = ones([1], { requiresGrad: true })

      assert.throws(() => x.backward({ gradient: 1 as never }), {
        message: 'Expected a tensor for gradient, received 1',
      })
      assert.throws(() => x.backward({ retain: true } as never), {
        message:
          'Expected options among gradient, retainGraph, createGraph, inputs for backward(), received "retain" (did you mean retainGraph?)',
      })
    })
  })

  describe('backwardAsync()', () => {
    it('does what backward() does while the event loop goes on', () =>
      scope(async () => {
        const w = randn([300, 300], { requiresGrad: true })
        let turns = 0
        const timer = setInterval(() => turns++, 0)
        let y: Tensor = w
        for (let step = 0; step < 30; step++) y = y.matmul(w).tanh()
        await new Promise((resolve) => setTimeout(resolve, 5))
        turns = 0

        await y.sum().backwardAsync()

        clearInterval(timer)
        assert.ok(turns > 0)
        assert.deepEqual(w.grad?.shape, [300, 300])
      }))

    it('rejects with what backward() throws', () =>
      scope(() =>
        assert.rejects(ones([1]).backwardAsync(), {
          code: 'TORCH_OPERATOR',
          message: 'element 0 of tensors does not require grad and does not have a grad_fn',
        }),
      ))

    it('survives that its tensors are disposed meanwhile', async () => {
      const x = ones([100], { requiresGrad: true })
      const pending = scope(() =>
        x
          .mul(x)
          .sum()
          .backwardAsync()
          .then(() => undefined),
      )
      await pending

      assert.equal(x.grad?.toArray()[0], 2)
      x.dispose()
    })
  })

  describe('grad', () => {
    inScope('is the same object until the gradient is another one', () => {
      const x = ones([1], { requiresGrad: true })
      x.mul(2).backward()
      const { grad } = x

      assert.equal(x.grad, grad)
      x.mul(2).backward()
      assert.equal(x.grad, grad)
      assert.deepEqual(grad?.tolist(), [4])
    })

    it('is disposed with its tensor, and made anew where a scope has disposed the object', () => {
      const before = memory().tensors
      const x = ones([1], { requiresGrad: true })
      scope(() => {
        x.mul(2).backward()
        assert.deepEqual(x.grad?.tolist(), [2])
      })
      assert.deepEqual(x.grad?.tolist(), [2])

      x.dispose()

      assert.equal(memory().tensors, before)
    })

    inScope('can be set, and refuses another shape', () => {
      const x = ones([2], { requiresGrad: true })
      const own = tensor([5, 6], { dtype: 'float32' })

      x.grad = own

      assert.equal(x.grad, own)
      assert.throws(() => (x.grad = ones([3])), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a tensor of the same shape, dtype and device for grad, received float32 (3,)',
      })
    })

    inScope('is kept of a computed tensor after retainGrad()', () => {
      const x = ones([1], { requiresGrad: true })
      const y = x.mul(3)
      y.retainGrad()

      y.mul(2).backward()

      assert.deepEqual([y.retainsGrad, y.grad?.tolist()], [true, [2]])
    })
  })

  describe('detach() and detach_()', () => {
    inScope('leave the graph and share the memory', () => {
      const x = ones([1], { requiresGrad: true })
      const y = x.mul(2)

      const apart = y.detach()
      apart.fill_(7)

      assert.deepEqual([apart.requiresGrad, y.tolist()], [false, [7]])
      assert.equal(y.detach_().requiresGrad, false)
    })
  })
})
