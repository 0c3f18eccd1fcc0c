import assert from 'node:assert/strict'

import { functional as F, ones, scope, tensor, zeros, type Tensor } from 'napi-torch'

import { itWithPython, python } from '../support/python.js'

const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

// Made by a formula that both languages share.
const SCRIPT = `
import json, sys
import torch
from torch.nn import functional as F

def values(*shape):
    n = 1
    for size in shape: n *= size
    return torch.sin(torch.arange(n, dtype=torch.float64) * 1.7 + n).reshape(shape)

answers = []
for call in json.loads(sys.argv[1]):
    x = values(4, 3).requires_grad_()
    y = values(12).flip(0).reshape(4, 3)
    classes = torch.tensor([0, 2, 1, 2])
    w = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    signs = torch.tensor([1, -1, 1, -1])
    loss = eval(call)
    loss.sum().backward()
    answers.append([loss.reshape(-1).tolist(), x.grad.reshape(-1).tolist()])
print(json.dumps(answers))
`

interface Inputs {
  readonly x: Tensor
  readonly y: Tensor
  readonly classes: Tensor
  readonly w: Tensor
  readonly signs: Tensor
}

const CASES: readonly (readonly [python: string, call: (inputs: Inputs) => Tensor])[] = [
  ['F.cross_entropy(x, classes)', ({ x, classes }) => F.crossEntropy(x, classes)],
  [
    "F.cross_entropy(x, classes, weight=w, reduction='sum', label_smoothing=0.1)",
    ({ x, classes, w }) => F.crossEntropy(x, classes, { weight: w, reduction: 'sum', labelSmoothing: 0.1 }),
  ],
  [
    "F.cross_entropy(x, classes, ignore_index=2, reduction='none')",
    ({ x, classes }) => F.crossEntropy(x, classes, { ignoreIndex: 2, reduction: 'none' }),
  ],
  [
    'F.cross_entropy(x, y.softmax(1), label_smoothing=0.2)',
    ({ x, y }) => F.crossEntropy(x, y.softmax(1), { labelSmoothing: 0.2 }),
  ],
  [
    'F.nll_loss(x.log_softmax(1), classes, weight=w, ignore_index=1)',
    ({ x, classes, w }) => F.nllLoss(x.logSoftmax(1), classes, { weight: w, ignoreIndex: 1 }),
  ],
  [
    'F.binary_cross_entropy(x.sigmoid(), y.sigmoid(), weight=w)',
    ({ x, y, w }) => F.binaryCrossEntropy(x.sigmoid(), y.sigmoid(), { weight: w }),
  ],
  [
    "F.binary_cross_entropy_with_logits(x, y.sigmoid(), weight=w, pos_weight=w, reduction='none')",
    ({ x, y, w }) => {
      return F.binaryCrossEntropyWithLogits(x, y.sigmoid(), { weight: w, posWeight: w, reduction: 'none' })
    },
  ],
  ["F.mse_loss(x, y, reduction='sum')", ({ x, y }) => F.mseLoss(x, y, { reduction: 'sum' })],
  ['F.l1_loss(x, y)', ({ x, y }) => F.l1Loss(x, y)],
  ['F.smooth_l1_loss(x, y, beta=0.5)', ({ x, y }) => F.smoothL1Loss(x, y, { beta: 0.5 })],
  [
    "F.huber_loss(x, y, delta=0.3, reduction='none')",
    ({ x, y }) => F.huberLoss(x, y, { delta: 0.3, reduction: 'none' }),
  ],
  [
    "F.kl_div(x.log_softmax(1), y.softmax(1), reduction='batchmean')",
    ({ x, y }) => F.klDiv(x.logSoftmax(1), y.softmax(1), { reduction: 'batchmean' }),
  ],
  [
    'F.kl_div(x.log_softmax(1), y.log_softmax(1), log_target=True)',
    ({ x, y }) => F.klDiv(x.logSoftmax(1), y.logSoftmax(1), { logTarget: true }),
  ],
  [
    'F.cosine_embedding_loss(x, y, signs, margin=0.1)',
    ({ x, y, signs }) => F.cosineEmbeddingLoss(x, y, signs, { margin: 0.1 }),
  ],
  [
    'F.triplet_margin_loss(x, y, y.flip(0), margin=0.7, p=3, swap=True)',
    ({ x, y }) => F.tripletMarginLoss(x, y, y.flip(0), { margin: 0.7, p: 3, swap: true }),
  ],
]

function values(...shape: number[]): Tensor<'float64'> {
  const count = shape.reduce((product, size) => product * size, 1)
  const list = Float64Array.from({ length: count }, (_, index) => Math.sin(index * 1.7 + count))
  return tensor(list, { dtype: 'float64', shape })
}

describe('losses', () => {
  let answers: readonly (readonly [loss: readonly number[], gradient: readonly number[]])[] = []
  const theirs = (): typeof answers => {
    if (answers.length === 0) {
      answers = JSON.parse(python(SCRIPT, [JSON.stringify(CASES.map(([call]) => call))])) as typeof answers
    }
    return answers
  }

  CASES.forEach(([call, compute], index) => {
    itWithPython(`${call} and its gradient equal PyTorch within 1e-12`, () =>
      scope(() => {
        const x = values(4, 3).requiresGrad_()
        const y = values(12).flip([0]).reshape([4, 3])
        const classes = tensor([0n, 2n, 1n, 2n])
        const w = tensor([0.5, 1, 2], { dtype: 'float64' })

        const loss = compute({ x, y, classes, w, signs: tensor([1n, -1n, 1n, -1n]) })
        loss.sum().backward()

        const [losses, gradient] = theirs()[index] ?? assert.fail()
        const close = (one: readonly number[], other: readonly number[]): boolean =>
          one.length === other.length && one.every((value, place) => Math.abs(value - (other[place] ?? NaN)) < 1e-12)
        assert.ok(close(Array.from(loss.reshape([-1]).toArray(), Number), losses), String(loss))
        assert.ok(close(Array.from(x.grad?.reshape([-1]).toArray() ?? [], Number), gradient), String(x.grad))
      }),
    )
  })

  inScope('refuse targets of another shape in PyTorch’s words', () => {
    assert.throws(() => F.binaryCrossEntropy(ones([2]), ones([3])), {
      code: 'TORCH_INVALID_ARGUMENT',
      message:
        'Using a target size (torch.Size([3])) that is different to the input size (torch.Size([2])) is deprecated. ' +
        'Please ensure they have the same size.',
    })
    assert.throws(() => F.binaryCrossEntropyWithLogits(ones([2]), ones([3])), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Target size (torch.Size([3])) must be the same as input size (torch.Size([2]))',
    })
  })

  inScope('refuse a class that is out of bounds, and an unknown reduction', () => {
    assert.throws(() => F.crossEntropy(zeros([1, 2]), tensor([5n])), {
      code: 'TORCH_OPERATOR',
      message: 'Target 5 is out of bounds.',
    })
    assert.throws(() => F.mseLoss(zeros([1]), zeros([1]), { reduction: 'avg' as never }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: "Expected one of 'none', 'mean', 'sum' for reduction, received \"avg\"",
    })
  })
})
