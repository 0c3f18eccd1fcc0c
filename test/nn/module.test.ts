import assert from 'node:assert/strict'

import {
  BatchNorm2d,
  Conv2d,
  Dropout,
  functional as F,
  Identity,
  keep,
  Linear,
  memory,
  Module,
  ones,
  Parameter,
  randn,
  ReLU,
  scope,
  Sequential,
  tensor,
  zeros,
  type Tensor,
} from 'napi-torch'

/** A member of each kind, registered and in fields, in an order that differs from PyTorch's listing. */
class Net extends Module {
  readonly conv = new Conv2d(1, 2, 1, { bias: false })
  readonly scale = new Parameter(ones([2]))
  readonly bn: BatchNorm2d = new BatchNorm2d(2)
  readonly missing: Module | null = null
  readonly cache = zeros([1])

  constructor() {
    super()
    this.registerModule('10', new Linear(2, 2))
    this.registerModule('2', new Identity())
    this.registerBuffer('mean', zeros([2]))
    this.registerBuffer('seen', zeros([2]), { persistent: false })
    this.registerParameter('shift', new Parameter(zeros([2])))
    this.registerParameter('none', null)
  }

  override forward(x: Tensor): Tensor {
    return F.relu(this.bn.forward(this.conv.forward(x)))
  }
}

describe('Module', () => {
  const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

  describe('members', () => {
    inScope('lists own parameters, then those of children in the order of the fields, then registered ones', () => {
      const names = new Net().namedParameters().map(([name]) => name)

      assert.deepEqual(names, ['scale', 'shift', 'conv.weight', 'bn.weight', 'bn.bias', '10.weight', '10.bias'])
    })

    inScope('lists buffers, those outside the state dict too', () => {
      const names = new Net().namedBuffers().map(([name]) => name)

      assert.deepEqual(names, ['mean', 'seen', 'bn.running_mean', 'bn.running_var', 'bn.num_batches_tracked'])
    })

    inScope('lists children with integer-like names in the order of their registration', () => {
      const net = new Net()

      assert.deepEqual(
        net.namedChildren().map(([name]) => name),
        ['conv', 'bn', '10', '2'],
      )
      assert.deepEqual(net.children()[0], net.conv)
    })

    inScope('lists itself first among its modules', () => {
      const net = new Net()

      assert.deepEqual(
        net.namedModules().map(([name]) => name),
        ['', 'conv', 'bn', '10', '2'],
      )
      assert.equal(net.modules()[0], net)
    })

    inScope('leaves out what children hold if not recurse', () => {
      const names = new Net().namedParameters({ recurse: false }).map(([name]) => name)

      assert.deepEqual(names, ['scale', 'shift'])
    })

    inScope('lists a module and a parameter with two names once, and by both names on request', () => {
      const shared = new Linear(2, 2, { bias: false })
      const net = new Sequential(shared, shared)

      assert.equal(net.children().length, 1)
      assert.equal(net.parameters().length, 1)
      assert.equal(net.parameterCount(), 4)
      assert.deepEqual(
        net.namedParameters({ removeDuplicate: false }).map(([name]) => name),
        ['0.weight', '1.weight'],
      )
      assert.deepEqual([...net.stateDict().keys()], ['0.weight', '1.weight'])
    })

    inScope('says by which path a module contains itself', () => {
      const inner = new Sequential()
      const outer = new Sequential(inner)
      inner.append(outer)

      assert.throws(() => outer.stateDict(), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Module [Sequential] contains itself as "0.0"',
      })
    })
  })

  describe('registerModule(), registerParameter(), registerBuffer()', () => {
    const cases: readonly (readonly [title: string, register: (net: Net) => void, message: string])[] = [
      ['a dot', (net) => net.registerModule('a.b', new Identity()), 'module name can\'t contain ".", got: a.b'],
      ['no name', (net) => net.registerBuffer('', null), 'buffer name can\'t be empty string ""'],
      [
        'the name of a field',
        (net) => net.registerParameter('conv', new Parameter(zeros([1]))),
        "attribute 'conv' already exists",
      ],
      [
        'the name of another kind of member',
        (net) => net.registerModule('mean', new Identity()),
        "attribute 'mean' already exists",
      ],
      [
        'a tensor that is no parameter',
        (net) => net.registerParameter('a', ones([2]) as never),
        'Expected a Parameter or null for a, received float32 (2,)',
      ],
      ['what is no module', (net) => net.registerModule('a', {} as never), 'an object is not a Module subclass'],
      [
        'what is no tensor',
        (net) => net.registerBuffer('a', [1] as unknown as Tensor),
        'Expected a tensor or null for a, received [1]',
      ],
    ]
    for (const [title, register, message] of cases) {
      inScope(`refuses ${title}`, () => {
        const net = new Net()

        assert.throws(() => register(net), { code: 'TORCH_INVALID_ARGUMENT', message })
      })
    }

    inScope('allows the names of methods, which PyTorch checkpoints may hold', () => {
      const net = new Sequential()
      net.registerModule('length', new Linear(1, 1, { bias: false }))

      assert.deepEqual([...net.stateDict().keys()], ['length.weight'])
    })

    inScope('replaces what was registered by the same name, in its place', () => {
      const net = new Net()
      const relu = new ReLU()
      net.registerModule('10', relu)

      assert.equal(net.children()[2], relu)
    })
  })

  describe('getSubmodule(), getParameter(), getBuffer()', () => {
    inScope('follow a dotted path', () => {
      const net = new Sequential(new Net())

      assert.equal(net.getSubmodule(''), net)
      assert.ok(net.getSubmodule('0.bn') instanceof BatchNorm2d)
      assert.deepEqual(net.getParameter('0.conv.weight').shape, [2, 1, 1, 1])
      assert.deepEqual(net.getBuffer('0.bn.running_var').tolist(), [1, 1])
    })

    inScope('name the module that lacks the next step', () => {
      const net = new Sequential(new Net())

      assert.throws(() => net.getSubmodule('0.conv2.x'), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Net has no attribute `conv2`',
      })
      assert.throws(() => net.getParameter('0.bn.running_mean'), {
        message: 'BatchNorm2d has no attribute `running_mean`',
      })
      assert.throws(() => net.getBuffer('nothing'), { message: 'Sequential has no attribute `nothing`' })
    })
  })

  describe('setSubmodule()', () => {
    inScope('replaces a field of a module, which its forward() then uses', () => {
      const net = new Sequential(new Net())
      const conv = new Conv2d(1, 2, 1, { bias: false })

      net.setSubmodule('0.conv', conv)

      assert.equal(net.getSubmodule('0.conv'), conv)
      assert.equal((net.getSubmodule('0') as Net).conv, conv)
    })

    inScope('replaces a member of a Sequential, and keeps the order of keys', () => {
      const net = new Sequential(new Linear(2, 3), new ReLU(), new Linear(3, 1))

      net.setSubmodule('0', new Linear(2, 3, { bias: false }))

      assert.deepEqual([...net.stateDict().keys()], ['0.weight', '2.weight', '2.bias'])
      assert.equal([...net][0], net.getSubmodule('0'))
    })

    inScope('leaves the old module as it was', () => {
      const old = new Linear(1, 1)
      const net = new Sequential(old)

      net.setSubmodule('0', new Identity())

      assert.equal(old.weight.isDisposed, false)
      old.dispose()
    })

    const refused: readonly (readonly [string, string, unknown, string])[] = [
      ['a path that does not exist', '0.conv2', new Identity(), 'Net has no attribute `conv2`'],
      ['a path within what does not exist', '1.conv', new Identity(), 'Sequential has no attribute `1`'],
      ['the path of a parameter', '0.conv.weight', new Identity(), 'Conv2d has no attribute `weight`'],
      ['the empty path', '', new Identity(), 'Sequential has no attribute ``'],
      ['what is no module', '0.conv', null, 'Expected a module for module, received null'],
    ]
    for (const [title, path, module, message] of refused) {
      inScope(`refuses ${title}`, () => {
        const net = new Sequential(new Net())

        assert.throws(() => net.setSubmodule(path, module as Module), { code: 'TORCH_INVALID_ARGUMENT', message })
      })
    }
  })

  describe('forward()', () => {
    inScope('is missing until a subclass defines it', () => {
      class Empty extends Module {}

      assert.throws(() => new Empty().forward(), {
        message: 'Module [Empty] is missing the required "forward" function',
      })
    })

    inScope('disposes the intermediates and keeps the result', () => {
      const net = new Net().eval()
      const x = randn([1, 1, 2, 2])
      const before = memory().tensors

      const y = net.forward(x)

      assert.equal(memory().tensors, before + 1)
      assert.equal(y.isDisposed, false)
    })

    inScope('keeps all tensors of a structured result', () => {
      class Two extends Module<{ half: Tensor; list: Tensor[] }> {
        override forward(x: Tensor): { half: Tensor; list: Tensor[] } {
          const half = x.mul(0.5)
          return { half, list: [half.add(1), x.neg().neg()] }
        }
      }
      const x = ones([1])
      const before = memory().tensors

      const { half, list } = new Two().forward(x)

      assert.equal(memory().tensors, before + 3)
      assert.deepEqual(
        [half, ...list].map((part) => part.tolist()),
        [[0.5], [1.5], [1]],
      )
    })

    inScope('does not dispose an input or a parameter that is the result', () => {
      class Weight extends Module {
        readonly weight = new Parameter(ones([1]))

        override forward(): Tensor {
          return this.weight
        }
      }
      const x = ones([1])
      const module = new Weight()

      assert.equal(new Sequential(new Identity(), new ReLU({ inplace: true })).forward(x), x)
      assert.equal(module.forward(), module.weight)
      assert.equal(x.isDisposed || module.weight.isDisposed, false)
    })

    inScope('disposes all that it made when it throws', () => {
      class Broken extends Module {
        override forward(x: Tensor): Tensor {
          return x.add(1).matmul(zeros([7, 7]))
        }
      }
      const x = ones([2, 3])
      const module = new Sequential(new ReLU(), new Broken())
      const before = memory().tensors

      assert.throws(() => module.forward(x), { code: 'TORCH_OPERATOR' })
      assert.equal(memory().tensors, before)
    })

    inScope('keeps what keep() saves, from however deep', () => {
      let saved: Tensor | undefined
      class Saving extends Module {
        override forward(x: Tensor): Tensor {
          saved = keep(x.add(1))
          return saved.add(1)
        }
      }

      new Sequential(new Sequential(new Saving(), new ReLU())).forward(zeros([1]))

      assert.deepEqual(saved?.tolist(), [1])
    })

    inScope('refuses to be asynchronous', () => {
      class Late extends Module<Promise<Tensor>> {
        override async forward(x: Tensor): Promise<Tensor> {
          return Promise.resolve(x)
        }
      }

      assert.throws(() => void new Late().forward(ones([1])), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a synchronous forward() for Late, received an instance of Promise',
      })
    })

    inScope('is not a member and is not listed', () => {
      assert.equal(Object.keys(new Net()).includes('forward'), false)
    })

    inScope('is reached by super and by a subclass of a subclass once', () => {
      const calls: string[] = []
      class Base extends Module {
        override forward(x: Tensor): Tensor {
          calls.push('base')
          return x.add(1)
        }
      }
      class Derived extends Base {
        override forward(x: Tensor): Tensor {
          calls.push('derived')
          return super.forward(x).mul(2)
        }
      }
      const module = new Derived()
      module.registerForwardHook(() => void calls.push('hook'))

      assert.deepEqual(module.forward(ones([1])).tolist(), [4])
      assert.deepEqual(calls, ['derived', 'base', 'hook'])
    })
  })

  describe('registerForwardPreHook(), registerForwardHook()', () => {
    inScope('run in the order of their registration, around forward, wherever it is called from', () => {
      const calls: string[] = []
      const relu = new ReLU()
      relu.registerForwardPreHook((module, inputs) => void calls.push(`before ${module === relu} ${inputs.length}`))
      relu.registerForwardHook((module, _inputs, output) => void calls.push(`${module === relu} ${output.shape[0]}`))
      relu.registerForwardHook(() => void calls.push('second'))

      new Sequential(relu).forward(ones([3]))

      assert.deepEqual(calls, ['before true 1', 'true 3', 'second'])
    })

    inScope('replace inputs and output by what they return', () => {
      const identity = new Identity()
      identity.registerForwardPreHook((_module, [x]) => x?.add(1))
      identity.registerForwardPreHook((_module, [x]) => (x === undefined ? undefined : [x.mul(2)]))
      identity.registerForwardHook((_module, _inputs, output) => output.add(0.5))
      const x = ones([1])
      const before = memory().tensors

      assert.deepEqual(identity.forward(x).tolist(), [4.5])
      assert.equal(memory().tensors, before + 1)
    })

    inScope('are taken away by remove()', () => {
      const identity = new Identity()
      const handles = [
        identity.registerForwardPreHook((_module, [x]) => x?.add(1)),
        identity.registerForwardHook((_module, _inputs, output) => output.add(1)),
      ]
      for (const handle of handles) handle.remove()

      assert.deepEqual(identity.forward(ones([1])).tolist(), [1])
    })

    inScope('can keep the activations of inner layers', () => {
      const net = new Net().eval()
      const saved: Tensor[] = []
      net.conv.registerForwardHook((_module, [input], output) => void saved.push(keep(output), keep(input ?? output)))
      const x = randn([1, 1, 2, 2])

      new Sequential(net).forward(x)

      assert.equal(saved.length, 2)
      assert.equal(
        saved.some((activation) => activation.isDisposed),
        false,
      )
    })

    inScope('refuse what is no function', () => {
      assert.throws(() => new Identity().registerForwardHook(1 as never), {
        message: 'Expected a function for hook, received 1',
      })
    })
  })

  describe('train() and eval()', () => {
    inScope('reach all modules below and give the module back', () => {
      const net = new Sequential(new Dropout(), new Sequential(new Net()))

      assert.equal(net.training, true)
      assert.equal(net.eval(), net)
      assert.deepEqual(new Set(net.modules().map(({ training }) => training)), new Set([false]))
      assert.equal(net.train().getSubmodule('1.0.bn').training, true)
    })

    inScope('let a module keep its children as they are', () => {
      class Frozen extends Sequential {
        override train(): this {
          return super.train(false)
        }
      }

      assert.equal(new Sequential(new Frozen(new Identity())).train().getSubmodule('0.0').training, false)
    })

    inScope('refuse what is no boolean', () => {
      assert.throws(() => new Net().train('eval' as never), {
        message: 'Expected a boolean for mode, received "eval"',
      })
    })
  })

  describe('to()', () => {
    inScope('converts floats and leaves integers, keeping the identity of the tensors', () => {
      const net = new Net()
      const { weight } = net.conv
      const mean = net.bn.buffer('running_mean')

      assert.equal(net.half(), net)

      assert.equal(net.conv.weight, weight)
      assert.equal(weight.dtype, 'float16')
      assert.equal(net.bn.buffer('running_mean'), mean)
      assert.equal(mean.dtype, 'float16')
      assert.equal(net.getBuffer('bn.num_batches_tracked').dtype, 'int64')
      assert.equal(net.double().conv.weight.dtype, 'float64')
      assert.equal(net.bfloat16().conv.weight.dtype, 'bfloat16')
      assert.equal(net.float().cpu().conv.weight.dtype, 'float32')
    })

    inScope('frees the former memory', () => {
      const net = new Linear(100, 100, { bias: false })
      const { bytes } = memory()

      net.half()

      assert.equal(memory().bytes, bytes - 20_000)
    })

    inScope('changes the layout of kernels only', () => {
      const net = new Net().to({ dtype: 'float64', memoryFormat: 'channels_last' })

      assert.equal(net.conv.weight.isContiguous({ memoryFormat: 'channels_last' }), true)
      assert.equal(net.conv.weight.dtype, 'float64')
    })

    inScope('refuses a dtype of integers, in PyTorch’s words', () => {
      assert.throws(() => new Net().to('int64'), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=torch.int64',
      })
    })

    inScope('refuses what is neither dtype nor device', () => {
      assert.throws(() => new Net().to('gpu' as never), {
        message: 'Expected a dtype or a device for to(), received "gpu"',
      })
    })

    inScope('changes nothing if one tensor cannot be converted', () => {
      const net = new Net()
      net.getParameter('10.bias').dispose()
      const before = memory()

      assert.throws(() => net.half(), { code: 'TORCH_DISPOSED' })

      assert.equal(net.conv.weight.dtype, 'float32')
      assert.deepEqual(memory(), before)
    })
  })

  describe('apply()', () => {
    inScope('calls children before their parent', () => {
      const names: string[] = []
      new Sequential(new Sequential(new ReLU()), new Identity()).apply((module) => names.push(module.constructor.name))

      assert.deepEqual(names, ['ReLU', 'Sequential', 'Identity', 'Sequential'])
    })
  })

  describe('requiresGrad_() and parameterCount()', () => {
    inScope('freeze, thaw and count', () => {
      const net = new Net()
      const total = 2 + 2 + 2 + 4 + 6

      assert.equal(net.parameterCount(), total)
      net.conv.requiresGrad_(false)
      assert.equal(net.parameterCount({ trainableOnly: true }), total - 2)
      net.requiresGrad_(false)
      assert.equal(net.parameterCount({ trainableOnly: true }), 0)
      net.requiresGrad_()
      assert.equal(net.parameterCount({ trainableOnly: true }), total)
    })
  })

  describe('stateDict()', () => {
    inScope('holds parameters, then persistent buffers, of each module in turn, which are its own', () => {
      const net = new Net()
      const state = net.stateDict()

      assert.deepEqual(
        [...state.keys()],
        [
          ...['scale', 'shift', 'mean', 'conv.weight', 'bn.weight', 'bn.bias'],
          ...['bn.running_mean', 'bn.running_var', 'bn.num_batches_tracked', '10.weight', '10.bias'],
        ],
      )
      assert.equal(state.get('conv.weight'), net.conv.weight)
    })

    inScope('says the version of every module', () => {
      const { metadata } = new Net().stateDict()

      assert.deepEqual(
        metadata,
        new Map([
          ['', new Map([['version', 1]])],
          ['conv', new Map([['version', 1]])],
          ['bn', new Map([['version', 2]])],
          ['10', new Map([['version', 1]])],
          ['2', new Map([['version', 1]])],
        ]),
      )
    })
  })

  describe('dispose()', () => {
    it('frees all parameters and buffers', () => {
      const before = memory().tensors
      const net = new Sequential(new BatchNorm2d(3), new Linear(2, 2))

      net.dispose()

      assert.equal(memory().tensors, before)
    })

    it('is done by the scope that does not give the module back', () => {
      const before = memory().tensors

      const net = scope(() => {
        assert.ok(new Linear(2, 2))
        return new Net()
      })

      assert.equal(memory().tensors, before + 12 + 1)
      assert.equal(net.cache.isDisposed, false)
      net.cache.dispose()

      net.dispose()
      assert.equal(memory().tensors, before)
    })
  })

  describe('toString()', () => {
    inScope('prints a user’s module with its own line and its children', () => {
      class Labeled extends Module {
        readonly act = new ReLU()

        override extraRepr(): string {
          return 'labels=2\nnested=False'
        }
      }

      assert.equal(String(new Labeled()), 'Labeled(\n  labels=2\n  nested=False\n  (act): ReLU()\n)')
    })
  })

  describe('Parameter', () => {
    inScope('shares the memory of its tensor and is disposed by itself', () => {
      const data = zeros([2])
      const parameter = new Parameter(data)
      data.fill_(3)
      data.dispose()

      assert.deepEqual(parameter.tolist(), [3, 3])
      assert.equal(parameter.requiresGrad, true)
    })

    inScope('prints as in Python', () => {
      assert.equal(String(new Parameter(zeros([1]))), 'Parameter containing:\ntensor([0.], requires_grad=True)')
      assert.equal(String(new Parameter(tensor([1n]), { requiresGrad: false })), 'Parameter containing:\ntensor([1])')
    })

    inScope('requires no gradient of integers', () => {
      const message = 'Only Tensors of floating point and complex dtype can require gradients'
      const counts = tensor([1n])

      assert.throws(() => new Parameter(counts), { code: 'TORCH_INVALID_ARGUMENT', message })
      assert.throws(() => new Parameter(counts, { requiresGrad: false }).requiresGrad_(), { message })
    })
  })
})
