import assert from 'node:assert/strict'

import {
  compile,
  Conv2d,
  Linear,
  Module,
  ones,
  ReLU,
  resnet18,
  scope,
  Sequential,
  TorchError,
  zeros,
  type Tensor,
} from 'napi-torch'

const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

function thrownBy(call: () => unknown): TorchError {
  try {
    call()
  } catch (error) {
    assert.ok(error instanceof TorchError)
    return error
  }
  throw new assert.AssertionError({ message: 'Nothing was thrown' })
}

const CHANNELS =
  'Given groups=1, weight of size [8, 4, 3, 3], expected input[1, 3, 8, 8] to have 4 channels, but got 3 channels instead'

/** The second of its layers does not fit the first. */
class Net extends Module {
  readonly stem = new Sequential(new Conv2d(3, 3, 3, { padding: 1 }), new ReLU())
  readonly layer1 = new Sequential(new Sequential(new Conv2d(4, 8, 3), new ReLU()))

  override forward(x: Tensor): Tensor {
    return this.layer1.forward(this.stem.forward(x))
  }
}

/** Calls a module below a child by itself, and a module that is no member. */
class Loose extends Module {
  readonly layers = new Sequential(new Sequential(new Linear(2, 2)))

  readonly #outside: () => Module

  constructor(outside: Module) {
    super()
    this.#outside = () => outside
  }

  override forward(x: Tensor): Tensor {
    return x.ndim === 2 ? (this.layers.getSubmodule('0.0').forward(x) as Tensor) : this.#outside().forward(x)
  }
}

describe('An error of forward()', () => {
  inScope('names the module by its path, its class and what it was given', () => {
    const error = thrownBy(() => new Net().forward(zeros([1, 3, 8, 8])))

    assert.equal(error.message, `layer1.0.0 (Conv2d, input float32 (1, 3, 8, 8)): ${CHANNELS}`)
    assert.equal(error.modulePath, 'layer1.0.0')
  })

  inScope('keeps code, cause and stack', () => {
    const cause = new Error('the cause')
    const thrown = new TorchError('TORCH_OPERATOR', 'It failed $& here', { cause })
    const failing = new ReLU()
    failing.registerForwardHook(() => {
      throw thrown
    })

    const error = thrownBy(() => new Sequential(failing).forward(ones([2])))

    assert.equal(error, thrown)
    assert.deepEqual([error.code, error.cause], ['TORCH_OPERATOR', cause])
    const [first = '', second = ''] = (error.stack ?? '').split('\n')
    assert.equal(first, 'TorchError: 0 (ReLU, input float32 (2,)): It failed $& here')
    assert.match(second, /error_path\.test\.ts/)
  })

  inScope('is the same where the module is called directly', () => {
    const error = thrownBy(() => new Conv2d(4, 8, 3).forward(zeros([1, 3, 8, 8])))

    assert.deepEqual([error.message, error.modulePath], [CHANNELS, undefined])
  })

  inScope('has the path of a module that is called past its parent', () => {
    const error = thrownBy(() => new Loose(new ReLU()).forward(zeros([1, 3])))

    assert.equal(
      error.message,
      'layers.0.0 (Linear, input float32 (1, 3)): Expected a tensor (..., 2) for input, received float32 (1, 3)',
    )
  })

  inScope('has no path in a model of which the module is no member', () => {
    const error = thrownBy(() => new Loose(new Linear(2, 2)).forward(zeros([3])))

    assert.equal(error.message, 'Expected a tensor (..., 2) for input, received float32 (3,)')
  })

  inScope('names the block whose own step fails', () => {
    const model = resnet18().eval()
    model.setSubmodule('layer1.0.bn2', new Sequential(new Conv2d(64, 8, 1)))

    const error = thrownBy(() => model.forward(zeros([1, 3, 32, 32])))

    assert.match(error.message, /^layer1\.0 \(BasicBlock, input float32 \(1, 64, 8, 8\)\): /)
  })

  inScope('stays short where path and inputs are long', () => {
    let model: Module = new Linear(2, 2)
    for (let depth = 0; depth < 200; depth++) model = new Sequential(model)

    const error = thrownBy(() => model.forward(zeros(new Array<number>(60).fill(1))))

    assert.ok(error.message.length <= 500, error.message)
    assert.equal(error.modulePath, new Array<string>(200).fill('0').join('.'))
  })

  it('names the module when the model is compiled', async () => {
    using model = new Net().eval()

    await assert.rejects(compile(model, { input: [3, 8, 8] }), {
      code: 'TORCH_INVALID_ARGUMENT',
      modulePath: 'layer1.0.0',
      message: `layer1.0.0 (Conv2d, input float32 (2, 3, 8, 8)): ${CHANNELS.replace('input[1,', 'input[2,')} (forward() was traced with a batch of 2, of shape (2, 3, 8, 8))`,
    })
  })
})
