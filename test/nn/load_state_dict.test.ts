import assert from 'node:assert/strict'

import {
  BatchNorm2d,
  Conv2d,
  full,
  Linear,
  memory,
  Module,
  ones,
  Parameter,
  scope,
  Sequential,
  StateDict,
  StateDictError,
  tensor,
  zeros,
  type LoadableState,
  type Tensor,
} from 'napi-torch'

import { itWithPython, python } from '../support/python.js'

class Net extends Module {
  readonly conv = new Conv2d(1, 2, 3)
  readonly bn = new BatchNorm2d(2)
  readonly layers = new Sequential(new Linear(2, 2, { bias: false }), new Sequential(new Linear(2, 1)))

  constructor() {
    super()
    this.registerBuffer('steps', zeros([]))
  }
}

/** Gives all entries of a state dict of `net` as copies, changed by `edit`, without PyTorch's metadata. */
function stateOf(net: Module, edit: (state: Map<string, Tensor>) => void = () => undefined): Map<string, Tensor> {
  const state = new Map<string, Tensor>()
  for (const [key, value] of net.stateDict()) state.set(key, value.clone())
  edit(state)
  return state
}

function withVersion(state: Map<string, Tensor>, version: unknown): StateDict {
  const dict = new StateDict(state)
  dict.metadata = new Map([['bn', new Map([['version', version]])]])
  return dict
}

/** The message of the error that loading ends in. */
function failure(net: Module, state: LoadableState, options = {}): StateDictError {
  try {
    net.loadStateDict(state, options)
  } catch (error) {
    assert.ok(error instanceof StateDictError)
    return error
  }
  return assert.fail('loading succeeded')
}

describe('Module', () => {
  describe('loadStateDict()', () => {
    const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

    inScope('copies every element and gives back two empty lists', () => {
      const [from, to] = [new Net(), new Net()]
      from.bn.buffer('num_batches_tracked').fill_(7)
      const { weight } = to.conv

      const result = to.loadStateDict(from.stateDict())

      assert.deepEqual(result, { missingKeys: [], unexpectedKeys: [] })
      for (const [key, value] of to.stateDict()) assert.ok(value.equal(from.stateDict().get(key) ?? zeros([0])), key)
      assert.equal(to.conv.weight, weight)
    })

    inScope('converts to the dtypes of the module, silently', () => {
      const net = new Linear(1, 1).half()
      const state = new Map<string, Tensor>([
        ['weight', tensor([[0.1]], { dtype: 'float64' })],
        ['bias', tensor([3n])],
      ])

      net.loadStateDict(state)

      assert.equal(net.weight.dtype, 'float16')
      assert.deepEqual(net.bias?.tolist(), [3])
    })

    inScope('leaves no tensor behind', () => {
      const net = new Net()
      const state = stateOf(net)
      const before = memory()

      net.loadStateDict(state)
      net.loadStateDict(state, { assign: true })
      failure(net, new Map())

      assert.equal(memory().tensors, before.tensors)
    })

    inScope('collects every fault in one error and changes nothing', () => {
      const net = new Net()
      const state = stateOf(net, (entries) => {
        entries.delete('layers.0.weight')
        entries.delete('steps')
        entries.set('conv.weight', full([2, 1, 3, 3], 9))
        entries.set('conv.bias', zeros([3]))
        entries.set('bn.weight', zeros([2, 1]))
        entries.set('layers.1.0.bias', 3 as unknown as Tensor)
        entries.set('extra', zeros([1]))
        entries.set('layers.1.0.weight.x', zeros([1]))
        entries.set('layers.5.weight', zeros([1]))
      })
      const before = stateOf(net)

      const error = failure(net, state)

      assert.equal(error.code, 'TORCH_STATE_DICT')
      assert.equal(
        error.message,
        'Error(s) in loading state_dict for Net:\n' +
          '\tMissing key(s) in state_dict: "steps", "layers.0.weight". \n' +
          '\tUnexpected key(s) in state_dict: "extra", "layers.5.weight", "layers.1.0.weight.x". \n' +
          '\tsize mismatch for conv.bias: copying a param with shape torch.Size([3]) from checkpoint, ' +
          'the shape in current model is torch.Size([2]).\n' +
          '\tsize mismatch for bn.weight: copying a param with shape torch.Size([2, 1]) from checkpoint, ' +
          'the shape in current model is torch.Size([2]).\n' +
          '\tWhile copying the parameter named "layers.1.0.bias", expected torch.Tensor or Tensor-like object from ' +
          'checkpoint but received 3',
      )
      assert.deepEqual(error.missingKeys, ['steps', 'layers.0.weight'])
      assert.deepEqual(error.unexpectedKeys, ['extra', 'layers.5.weight', 'layers.1.0.weight.x'])
      assert.deepEqual(error.mismatches, [
        { key: 'conv.bias', received: [3], expected: [2] },
        { key: 'bn.weight', received: [2, 1], expected: [2] },
      ])
      for (const [key, value] of net.stateDict()) assert.ok(value.equal(before.get(key) ?? zeros([0])), key)
    })

    inScope('refuses a disposed tensor before anything is changed', () => {
      const net = new Linear(1, 1)
      const state = stateOf(net, (entries) => void entries.set('weight', full([1, 1], 5)))
      state.get('bias')?.dispose()

      const { message } = failure(net, state)

      assert.match(message, /While copying the parameter named "bias", .* but received a disposed tensor$/)
      assert.notEqual(net.weight.item(), 5)
    })

    inScope('gives missing and unexpected keys back if not strict, and loads the rest', () => {
      const net = new Linear(1, 1)
      const state = new Map<string, Tensor>([
        ['weight', full([1, 1], 5)],
        ['other.weight', zeros([1])],
      ])

      const result = net.loadStateDict(state, { strict: false })

      assert.deepEqual(result, { missingKeys: ['bias'], unexpectedKeys: ['other.weight'] })
      assert.equal(net.weight.item(), 5)
    })

    inScope('refuses a wrong shape also if not strict, with nothing else in the message', () => {
      const net = new Linear(2, 1)
      const state = new Map<string, Tensor>([['weight', zeros([2, 1])]])

      assert.equal(
        failure(net, state, { strict: false }).message,
        'Error(s) in loading state_dict for Linear:\n\tsize mismatch for weight: copying a param with shape ' +
          'torch.Size([2, 1]) from checkpoint, the shape in current model is torch.Size([1, 2]).',
      )
    })

    inScope('takes one element for a scalar, as PyTorch before 0.4 saved them', () => {
      const net = new Net()
      const state = stateOf(net, (entries) => void entries.set('steps', full([1], 4)))

      net.loadStateDict(state)
      assert.equal(net.getBuffer('steps').item(), 4)

      state.get('steps')?.fill_(5)
      net.loadStateDict(state, { assign: true })
      assert.deepEqual([net.getBuffer('steps').item(), net.getBuffer('steps').shape], [5, []])
      assert.deepEqual(failure(net, state.set('steps', zeros([2]))).mismatches, [
        { key: 'steps', received: [2], expected: [] },
      ])
    })

    describe('num_batches_tracked', () => {
      const versions: readonly (readonly [string, (state: Map<string, Tensor>) => LoadableState])[] = [
        ['there is no metadata', (state) => state],
        ['the metadata is null', (state) => new StateDict(state)],
        ['the metadata lacks the module', (state) => withVersion(state, undefined)],
        ['the version is 1', (state) => withVersion(state, 1)],
      ]
      for (const [title, make] of versions) {
        inScope(`may be missing where ${title}, and stays as it is`, () => {
          const net = new Net()
          net.bn.buffer('num_batches_tracked').fill_(3)
          const state = stateOf(net, (entries) => void entries.delete('bn.num_batches_tracked'))

          assert.deepEqual(net.loadStateDict(make(state)), { missingKeys: [], unexpectedKeys: [] })
          assert.equal(net.bn.buffer('num_batches_tracked').item(), 3n)
        })
      }

      inScope('may not be missing where the version is 2', () => {
        const net = new Net()
        const state = stateOf(net, (entries) => void entries.delete('bn.num_batches_tracked'))

        assert.deepEqual(failure(net, withVersion(state, 2)).missingKeys, ['bn.num_batches_tracked'])
      })

      inScope('alone is forgiven', () => {
        const net = new Net()
        const state = stateOf(net, (entries) => void entries.delete('bn.running_mean'))

        assert.deepEqual(failure(net, state).missingKeys, ['bn.running_mean'])
      })
    })

    describe('with assign', () => {
      inScope('takes over memory and dtype, and keeps identity and requiresGrad', () => {
        const net = new Linear(1, 1).requiresGrad_(false)
        const { weight } = net
        const state = new Map<string, Tensor>([
          ['weight', full([1, 1], 2, { dtype: 'float64' })],
          ['bias', new Parameter(ones([1]))],
        ])

        net.loadStateDict(state, { assign: true })
        state.get('weight')?.fill_(6)
        state.get('bias')?.dispose()

        assert.equal(net.weight, weight)
        assert.deepEqual([weight.dtype, weight.item(), weight.requiresGrad], ['float64', 6, false])
        assert.equal(net.bias?.item(), 1)
      })

      inScope('refuses integers for a parameter that requires a gradient, in PyTorch’s words', () => {
        const net = new Linear(1, 1)
        const state = stateOf(net, (entries) => void entries.set('bias', tensor([1n])))

        assert.equal(
          failure(net, state, { assign: true }).message,
          'Error(s) in loading state_dict for Linear:\n\tWhile copying the parameter named "bias", whose dimensions in ' +
            'the model are torch.Size([1]) and whose dimensions in the checkpoint are torch.Size([1]), an exception ' +
            "occurred : ('Only Tensors of floating point and complex dtype can require gradients',).",
        )
        assert.deepEqual(net.requiresGrad_(false).loadStateDict(state, { assign: true }).missingKeys, [])
      })

      inScope('takes its own tensors', () => {
        const net = new Linear(1, 1)
        const value = net.weight.item()

        net.loadStateDict(net.stateDict(), { assign: true })

        assert.equal(net.weight.item(), value)
      })
    })

    inScope('refuses what is no map, and unknown options', () => {
      const net = new Linear(1, 1)

      assert.throws(() => net.loadStateDict({} as never), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a StateDict or a Map of tensors for state, received an object',
      })
      assert.throws(() => net.loadStateDict(net.stateDict(), { Strict: false } as never), {
        message: 'Expected options among strict, assign for loadStateDict(), received "Strict" (did you mean strict?)',
      })
    })
  })
})

describe('loadStateDict() beside Python', () => {
  const script = `
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.bn = nn.BatchNorm2d(2)
        self.layers = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Sequential(nn.Linear(2, 1)))
        self.register_buffer('steps', torch.zeros([]))
state = Net().state_dict()
for key in ['layers.0.weight', 'steps', 'bn.num_batches_tracked']:
    del state[key]
state['conv.bias'] = torch.zeros(3)
state['layers.1.0.bias'] = torch.zeros(1, 1)
state['steps.x'] = state['layers.1.0.x.y'] = state['conv'] = torch.zeros(1)
try:
    Net().load_state_dict(state)
except RuntimeError as error:
    print(error, end='')
`

  itWithPython('fails with the same words', () => {
    const expected = python(script)

    scope(() => {
      const net = new Net()
      const state = new StateDict()
      state.metadata = net.stateDict().metadata
      for (const [key, value] of stateOf(net)) state.set(key, value)
      for (const key of ['layers.0.weight', 'steps', 'bn.num_batches_tracked']) state.delete(key)
      state.set('conv.bias', zeros([3]))
      state.set('layers.1.0.bias', zeros([1, 1]))
      for (const key of ['steps.x', 'layers.1.0.x.y', 'conv']) state.set(key, zeros([1]))

      assert.equal(failure(net, state).message, expected)
    })
  })
})

describe('StateDictError.suggestion', () => {
  it('names the prefix that stands before every key of the state dict', () =>
    scope(() => {
      const net = new Net()
      const state = new Map([...stateOf(net)].map(([key, value]) => [`backbone.model.${key}`, value]))

      assert.throws(
        () => net.loadStateDict(state),
        (error: StateDictError) => {
          const text = "loadCheckpoint(file, { stripPrefix: 'backbone.model.' })"
          assert.deepEqual(error.suggestion, { name: 'stripPrefix', value: 'backbone.model.', text })
          assert.ok(error.message.endsWith(`The keys differ by a prefix only: use ${text}`))
          return true
        },
      )
    }))

  it('names the submodule into which the state dict fits', () =>
    scope(() => {
      const inner = new Net()
      const outer = new Sequential(inner)

      assert.throws(
        () => outer.loadStateDict(stateOf(inner)),
        (error: StateDictError) => {
          assert.equal(error.suggestion?.text, "model.getSubmodule('0').loadStateDict(state)")
          return true
        },
      )
    }))

  it('is absent where a key is missing as well', () =>
    scope(() => {
      const net = new Net()
      const state = new Map([...stateOf(net)].slice(1).map(([key, value]) => [`x.${key}`, value]))

      assert.throws(() => net.loadStateDict(state), { suggestion: undefined })
    }))
})
