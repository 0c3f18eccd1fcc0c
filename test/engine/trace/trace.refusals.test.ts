import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import {
  Conv2d,
  Dropout,
  MaxPool2d,
  Module,
  ones,
  rand,
  ReLU,
  Sequential,
  scope,
  zeros,
  functional as F,
  type Tensor,
} from 'napi-torch'

import { trace } from '../../../lib/engine/trace/trace.js'
import { applied } from '../../support/graphs.js'

const HERE = fileURLToPath(import.meta.url)
const SHAPE = [2, 4, 9, 8]

class Gate extends Module {
  override forward(x: Tensor): Tensor {
    return Number(x.max().item()) > 0 ? x : x.neg()
  }
}

class TwoInputs extends Module {
  override forward(one: Tensor, other: Tensor): Tensor {
    return one.add(other)
  }
}

class Pieces extends Module<readonly Tensor[]> {
  override forward(x: Tensor): readonly Tensor[] {
    return x.split(1)
  }
}

class Counter extends Module {
  constructor() {
    super()
    this.registerBuffer('calls', zeros([1]))
  }

  override forward(x: Tensor): Tensor {
    this.buffer('calls').add_(1)
    return x
  }
}

/** The line of this file on which {@link Gate} reads an element. */
const GATE_LINE = readFileSync(HERE, 'utf8').split('return Number(x.max()')[0]?.split('\n').length

const FAILURES: readonly { does: string; model: () => Module<unknown>; reason: string; where?: string }[] = [
  {
    does: 'reads an element',
    model: () => applied((x) => new Gate().forward(x)),
    reason: 'item() needs elements that are known only when the model runs',
  },
  {
    does: 'reads all elements',
    model: () => applied((x) => (x.toArray().length > 0 ? x : x.neg())),
    reason: 'toArray(), tolist() or printing a tensor needs elements that are known only when the model runs',
  },
  {
    does: 'prints a tensor',
    model: () => applied((x) => (x.toString() === '' ? x : x.neg())),
    reason: 'toArray(), tolist() or printing a tensor needs elements that are known only when the model runs',
  },
  {
    does: 'compares tensors',
    model: () => applied((x) => (x.equal(x) ? x : x.neg())),
    reason: 'equal() needs elements that are known only when the model runs',
  },
  {
    does: 'compares tensors with a tolerance',
    model: () => applied((x) => (ones(SHAPE).allclose(x) ? x : x.neg())),
    reason: 'allclose() needs elements that are known only when the model runs',
  },
  {
    does: 'draws random numbers',
    model: () => applied((x) => x.add(rand([1]))),
    reason: 'rand() draws random numbers, of which each run would need others',
  },
  {
    does: 'drops elements by chance',
    model: () => applied((x) => F.dropout(x)),
    reason: 'dropout() draws random numbers, of which each run would need others',
  },
  {
    does: 'changes a buffer',
    model: () => new Counter().eval(),
    reason: 'add_() changes a parameter, a buffer or another tensor of the model',
  },
  {
    does: 'writes into a part of a tensor',
    model: () => applied((x) => x.select(0, 0).add_(1)),
    reason: 'add_() changes a part of a tensor',
  },
  {
    does: 'writes into a part of a tensor in another shape',
    model: () => applied((x) => x.select(0, 0).view([-1]).add_(1)),
    reason: 'add_() changes a part of a tensor',
  },
  {
    does: 'writes the input into a constant',
    model: () => applied((x) => zeros(SHAPE).copy_(x)),
    reason: 'the result would be stored in a tensor that does not depend on the input',
  },
  {
    does: 'learns statistics',
    model: () => applied((x) => F.batchNorm(x, zeros([4]), ones([4]), { training: true })),
    reason: 'batchNorm() changes running statistics',
  },
]

/** The error of `body`; its message without the column, and the line unless asked for. */
function failureOf(body: () => unknown, { withLine = false } = {}): { code: unknown; message: string } {
  try {
    body()
  } catch (error) {
    const { code, message } = error as { code: unknown; message: string }
    return { code, message: message.replace(withLine ? /:\d+$/ : /:\d+:\d+$/, '') }
  }
  return assert.fail('no error was thrown')
}

describe('trace() refuses a model that', () => {
  for (const { does, model, reason } of FAILURES) {
    it(does, () =>
      scope(() => {
        const failure = failureOf(() => trace(model(), SHAPE))

        const name = does === 'changes a buffer' ? 'Counter' : 'Applied'
        assert.deepEqual(failure, { code: 'TORCH_TRACE', message: `Cannot trace ${name}: ${reason}, at ${HERE}` })
      }),
    )
  }

  it('reads an element in a module below, whose path and line the message names', () =>
    scope(() => {
      const gate = new Gate()
      const model = new Sequential(new ReLU(), applied((x) => gate.forward(x), { gate }).eval()).eval()

      const { message } = failureOf(() => trace(model, SHAPE), { withLine: true })

      const reason = 'item() needs elements that are known only when the model runs'
      assert.equal(message, `Cannot trace 1.gate (Gate): ${reason}, at ${HERE}:${GATE_LINE}`)
    }))

  it('is in training mode', () =>
    scope(() => {
      const model = new Sequential(new ReLU(), new Dropout()).eval()
      model.at(1).train()

      assert.throws(() => trace(model, SHAPE), {
        code: 'TORCH_TRACE',
        message: 'Cannot trace Sequential: 1 (Dropout) is in training mode, call eval() first',
      })
      assert.throws(() => trace(new ReLU(), SHAPE), {
        message: 'Cannot trace ReLU: it is in training mode, call eval() first',
      })
    }))

  it('takes several inputs', () =>
    assert.throws(() => trace(new TwoInputs().eval(), SHAPE), {
      code: 'TORCH_TRACE',
      message: 'Cannot trace TwoInputs: its forward() takes 2 inputs, where one is expected',
    }))

  it('gives other than a tensor', () =>
    assert.throws(() => trace(new Pieces().eval(), [2]), {
      code: 'TORCH_TRACE',
      message: 'Cannot trace Pieces: its forward() gives [float32 (1,), float32 (1,)], where one tensor is expected',
    }))

  it('gives a tensor that does not depend on the input', () =>
    assert.throws(
      () =>
        trace(
          applied(() => ones([2])),
          SHAPE,
        ),
      {
        code: 'TORCH_TRACE',
        message: 'Cannot trace Applied: its forward() gives a tensor that does not depend on the input',
      },
    ))

  it('traces another model meanwhile', () =>
    scope(() => {
      const model = applied((x) => (trace(new ReLU().eval(), SHAPE).nodes.length > 0 ? x : x.neg()))

      assert.throws(() => trace(model, SHAPE), {
        code: 'TORCH_TRACE',
        message: 'A model cannot be traced while a model is being traced',
      })
    }))

  it('uses a tensor that it has disposed', () =>
    assert.throws(
      () =>
        trace(
          applied((x) => {
            const y = x.neg()
            y.dispose()
            return y.abs()
          }),
          SHAPE,
        ),
      { code: 'TORCH_DISPOSED', message: 'Expected a live tensor for tensor, received a disposed one' },
    ))

  it('would fail when it is run, with the same error', () =>
    scope(() => {
      const model = new Sequential(new MaxPool2d(3), new Conv2d(4, 4, 5)).eval()
      const eager = failureOf(() => model.forward(zeros([1, 4, 9, 9])))

      assert.deepEqual(
        failureOf(() => trace(model, [1, 4, 9, 9])),
        eager,
      )
      assert.equal(eager.code, 'TORCH_OPERATOR')
    }))

  it('gets a shape or a dtype that is none', () => {
    const model = new ReLU().eval()

    assert.throws(() => trace(model, [-1]), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected an array of non-negative integers for inputShape, received [-1]',
    })
  })
})
