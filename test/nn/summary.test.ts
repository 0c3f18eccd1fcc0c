import assert from 'node:assert/strict'

import {
  BatchNorm2d,
  Conv2d,
  Flatten,
  functional as F,
  Linear,
  memory,
  Module,
  ReLU,
  scope,
  Sequential,
  type Tensor,
} from 'napi-torch'

class Net extends Module {
  readonly stem = new Sequential(new Conv2d(3, 8, 3, { bias: false }), new BatchNorm2d(8))
  readonly relu = new ReLU()
  readonly flatten = new Flatten()
  readonly head = new Linear(288, 1000)

  override forward(x: Tensor): Tensor {
    return this.head.forward(this.flatten.forward(this.relu.forward(this.relu.forward(this.stem.forward(x)))))
  }
}

describe('Module', () => {
  describe('summary()', () => {
    const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

    inScope('draws the tree of calls with output shapes and own parameters, then totals', () => {
      const net = new Net()
      net.stem.requiresGrad_(false)

      assert.equal(
        net.summary([2, 3, 8, 8]),
        [
          'Layer                  Output shape   Parameters',
          '────────────────────────────────────────────────',
          'Net                    (2, 1000)',
          '├─ stem: Sequential    (2, 8, 6, 6)',
          '│  ├─ 0: Conv2d        (2, 8, 6, 6)          216',
          '│  └─ 1: BatchNorm2d   (2, 8, 6, 6)           16',
          '├─ relu: ReLU          (2, 8, 6, 6)',
          '├─ relu: ReLU          (2, 8, 6, 6)',
          '├─ flatten: Flatten    (2, 288)',
          '└─ head: Linear        (2, 1000)         289,000',
          '────────────────────────────────────────────────',
          'Parameters: 289,232 (trainable: 289,000)',
          'Parameters and buffers: 1.16 MB',
          'Input: 0.00 MB',
          'Outputs of the innermost layers: 0.02 MB',
        ].join('\n'),
      )
    })

    inScope('counts the parameters of a module that is called twice once', () => {
      const shared = new Linear(2, 2)

      assert.match(new Sequential(shared, shared).summary([1, 2]), /0: Linear {2}.* 6\n└─ 0: Linear {2}.* \(shared\)\n/)
    })

    inScope('leaves modes, statistics and memory as they were', () => {
      const net = new Net()
      net.relu.eval()
      const before = memory().tensors

      net.summary([1, 3, 8, 8])

      assert.deepEqual([net.training, net.relu.training, net.stem.training], [true, false, true])
      assert.equal(net.getBuffer('stem.1.num_batches_tracked').item(), 0n)
      assert.equal(memory().tensors, before)
    })

    inScope('gives zeros of the dtype of the module to each of its inputs', () => {
      class Product extends Module {
        readonly linear = new Linear(2, 2)

        override forward(x: Tensor, y: Tensor): Tensor {
          return F.relu(this.linear.forward(x).matmul(y))
        }
      }

      assert.match(new Product().double().summary([4, 2], [2, 3]), /^Product +\(4, 3\)$/m)
    })

    inScope('takes its hooks away when forward throws', () => {
      const net = new Net()

      assert.throws(() => net.summary([1, 4, 8, 8]), { message: /but got 4 channels instead$/ })
      assert.equal(net.training, true)
      assert.match(net.summary([1, 3, 8, 8]), /^Net +\(1, 1000\)$/m)
    })

    inScope('needs a shape', () => {
      assert.throws(() => new Net().summary(), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected the shape of an input for summary(), received undefined',
      })
      assert.throws(() => new Net().summary(1 as never), {
        message: 'Expected an array of non-negative integers for summary(), received 1',
      })
    })
  })
})
