import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import fc from 'fast-check'

import {
  findStateDict,
  loadCheckpoint,
  memory,
  PickledObject,
  readCheckpoint,
  StoredStorage,
  StoredTensor,
  type CheckpointLimits,
  type CheckpointValue,
} from 'napi-torch'

import { Budget } from '../../../lib/checkpoint/budget.js'
import { checkLimits } from '../../../lib/checkpoint/limits.js'
import { wholeModuleState } from '../../../lib/checkpoint/state_dict/whole_module.js'
import { inFolder } from '../../support/checkpoints.js'
import { describeTensors, expectedTensors, formatFixture, reportOfPython, withState } from '../../support/formats.js'
import { itWithPython } from '../../support/python.js'
import { mutations, readAll, survives } from '../../support/survive.js'

type Entries = Readonly<Record<string, CheckpointValue>>

function storedTensor(): StoredTensor {
  const record = { source: new Uint8Array(4), entry: undefined, offset: 0, length: 4, method: 'stored' } as const
  const storage = new StoredStorage({
    key: '0',
    dtype: 'float32',
    nbytes: 4,
    location: 'cpu',
    byteOrder: 'little',
    record,
  })
  return new StoredTensor({
    storage,
    dtype: 'float32',
    shape: [1],
    strides: [1],
    storageOffset: 0,
    requiresGrad: false,
  })
}

function dict(entries: Entries): Map<CheckpointValue, CheckpointValue> {
  return new Map<CheckpointValue, CheckpointValue>(Object.entries(entries))
}

/** A pickled module with these members; `attributes` stand beside or in place of PyTorch's own. */
function module(parameters: Entries = {}, modules: Entries = {}, attributes: Entries = {}): PickledObject {
  const object = new PickledObject({ module: 'net', name: 'Net' }, [])
  const own = { _parameters: dict(parameters), _buffers: dict({}), _modules: dict(modules) }
  object.state = dict({ ...own, ...attributes })
  return object
}

function modulesOf(object: PickledObject): Map<CheckpointValue, CheckpointValue> {
  const modules = object.state instanceof Map ? object.state.get('_modules') : undefined
  assert.ok(modules instanceof Map)
  return modules
}

function keysOf(root: PickledObject, limits: Partial<CheckpointLimits> = {}): CheckpointValue[] {
  const checked = checkLimits(limits)
  const options = { limits: checked, budget: new Budget(checked, 4e6), place: { path: 'x.pth' } }
  return [...wholeModuleState(root, options).keys()]
}

describe('a whole pickled module', () => {
  for (const [name, source] of [
    ['module.pth', ''],
    ['legacy_module.pth', ''],
    ['module_parallel.pth', ''],
    ['module_training.pth', 'model'],
  ] as const) {
    it(`gives the state dict of ${name} to the bit, in order, if asked for`, () =>
      withState(loadCheckpoint(formatFixture(name), { wholeModule: true }), (state) => {
        assert.deepEqual(describeTensors(state), expectedTensors(name))
        assert.equal(state.source, source)
        assert.equal(state.metadata, null)
      }))
  }

  it('shares what was shared between its modules', () =>
    withState(loadCheckpoint(formatFixture('module.pth'), { wholeModule: true }), (state) => {
      state.get('tied')?.fill_(7)

      assert.equal(state.get('layers.0.weight')?.toArray()[0], 7)
    }))

  it('is found at key, and its prefix is stripped', () =>
    withState(
      loadCheckpoint(formatFixture('module_parallel.pth'), { wholeModule: true, stripPrefix: true }),
      (state) => {
        assert.deepEqual([...state.keys()], expectedTensors('module.pth').map(([key]) => key)) // prettier-ignore
      },
    ))

  it('is found at key', () =>
    withState(loadCheckpoint(formatFixture('module_training.pth'), { wholeModule: true, key: 'model' }), (state) => {
      assert.deepEqual(describeTensors(state), expectedTensors('module_training.pth'))
    }))

  it('is refused by default, naming its class and the option', () =>
    assert.rejects(loadCheckpoint(formatFixture('module.pth')), {
      code: 'TORCH_CHECKPOINT_UNSUPPORTED',
      message:
        `${formatFixture('module.pth')}: The checkpoint is a whole pickled module of class __main__.Model: pass ` +
        `{ wholeModule: true } to take its parameters and buffers; in Python, save torch.save(model.state_dict(), 'new.pth') instead`,
    }))

  it('is refused by default inside a training checkpoint too', () =>
    assert.rejects(loadCheckpoint(formatFixture('module_training.pth')), {
      code: 'TORCH_CHECKPOINT_UNSUPPORTED',
      message: /The value at model is a whole pickled module of class __main__\.Model: pass \{ wholeModule: true \}/,
    }))

  it('changes nothing of a checkpoint that is none', async () => {
    const checkpoint = await readCheckpoint(formatFixture('legacy_training.pth'))

    assert.equal(findStateDict(checkpoint, { wholeModule: true }).source, 'state_dict')
  })

  it('refuses an option that is no boolean', () =>
    // @ts-expect-error: 1 is none.
    assert.rejects(loadCheckpoint(formatFixture('module.pth'), { wholeModule: 1 }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected a boolean for wholeModule, received 1',
    }))

  describe('wholeModuleState()', () => {
    const t = storedTensor()

    it('lists parameters, buffers, then children', () => {
      const child = module({ w: t })
      const root = module({ b: t, a: t }, { child, more: child }, { _buffers: dict({ c: t }) })

      assert.deepEqual(keysOf(root), ['b', 'a', 'c', 'child.w', 'more.w'])
    })

    it('leaves out what is None and buffers that are not persistent', () => {
      const attributes = {
        _buffers: dict({ kept: t, dropped: t, none: null }),
        _non_persistent_buffers_set: new Set<CheckpointValue>(['dropped', 'none', 'w']),
      }

      assert.deepEqual(keysOf(module({ w: t, bias: null }, { none: null }, attributes)), ['w', 'kept'])
    })

    it('takes __proto__ and constructor for plain names', () => {
      const root = module({ constructor: t })
      const parameters = root.state instanceof Map ? root.state.get('_parameters') : undefined
      assert.ok(parameters instanceof Map)
      parameters.set('__proto__', t)

      assert.deepEqual(keysOf(root), ['constructor', '__proto__'])
    })

    it('reads modules that are nested 100,000 deep', () => {
      let root = module({ w: t })
      for (let depth = 0; depth < 100_000; depth++) root = module({}, { m: root })

      const [key] = keysOf(root)
      assert.equal(typeof key === 'string' && key.length, 200_001)
    })

    it('refuses a module that contains itself, at any depth', () => {
      const root = module({}, { a: module() })
      modulesOf(root).set('b', module({}, { c: root }))

      assert.throws(() => keysOf(root), {
        name: 'CheckpointError',
        code: 'TORCH_CHECKPOINT_UNSUPPORTED',
        message: 'x.pth: The module at b.c contains itself',
      })
    })

    const doubled = (leaf: PickledObject, times: number): PickledObject => {
      let root = leaf
      for (let level = 0; level < times; level++) root = module({}, { a: root, b: root })
      return root
    }

    it('stops at shared modules that double 200 times without a tensor', () =>
      assert.throws(() => keysOf(doubled(module(), 200)), {
        code: 'TORCH_CHECKPOINT_LIMIT',
        message:
          /^x\.pth: Reading takes at least 90000\d\d steps for a file of 4000000 bytes, more than the limit workRatio of 2$/,
      }))

    it('stops at shared modules that double the tensors', () =>
      assert.throws(() => keysOf(doubled(module({ w: t }), 20), { tensors: 1000 }), {
        code: 'TORCH_CHECKPOINT_LIMIT',
        message: 'x.pth: The module has 1001 tensors, more than the limit tensors of 1000',
      }))

    it('stops at keys that are longer than the memory, before they are made', () => {
      const name = 'n'.repeat(2 ** 20)
      const children = Object.fromEntries(
        Array.from({ length: 1000 }, (_, index) => [`c${index}`, module({ [name]: t })]),
      )

      assert.throws(() => keysOf(module({}, children)), {
        code: 'TORCH_CHECKPOINT_LIMIT',
        message:
          /^x\.pth: The keys of the module have 8388\d+ characters, more than the limit nameCharacters of 8000000$/,
      })
    })

    const wrong: readonly [name: string, root: PickledObject, code: string, message: string][] = [
      ['a child without attributes', module({}, { fc: new PickledObject({ module: 'a', name: 'B' }, []) }), 'TORCH_CHECKPOINT_UNSUPPORTED', 'The module at fc is an object of Python class a.B, which does not say which tensors it has'],
      ['a child that is no object', module({}, { fc: 1 }), 'TORCH_CHECKPOINT_UNSUPPORTED', 'Expected a module for "fc" in _modules of the module at the root, found 1'],
      ['a parameter that is no tensor', module({}, { fc: module({ w: 'x' }) }), 'TORCH_CHECKPOINT_UNSUPPORTED', 'Expected a tensor for "w" in _parameters of the module at fc, found "x"'],
      ['a name that is no text', module({}, {}, { _buffers: new Map([[1, t]]) }), 'TORCH_CHECKPOINT_UNSUPPORTED', 'Expected a tensor for 1 in _buffers of the module at the root, found float32 (1,)'],
      ['buffers that are no dict', module({}, {}, { _buffers: [] }), 'TORCH_CHECKPOINT_CORRUPT', 'Expected a dict as _buffers of the module at the root, found a list of 0 values'],
      ['names of buffers that are no set', module({}, {}, { _non_persistent_buffers_set: 'x' }), 'TORCH_CHECKPOINT_CORRUPT', 'Expected a set of names at the root, found "x"'],
      ['two tensors of one key', module({ 'a.b': t }, { a: module({ b: t }) }), 'TORCH_CHECKPOINT_CORRUPT', 'Two tensors of the module have the key a.b'],
    ] // prettier-ignore
    for (const [name, root, code, message] of wrong) {
      it(`refuses ${name}`, () => assert.throws(() => keysOf(root), { code, message: `x.pth: ${message}` }))
    }
  })

  it('ends in a value or a CheckpointError on 300 mutated files', async () => {
    const words = [
      '_parameters',
      '_modules',
      '_buffers',
      'N',
      '}',
      '](',
      '\x85R',
      'b',
      'u',
      's',
      'h\x00',
      'h\x05',
      'q\x05',
    ]
    const whole = await readFile(formatFixture('legacy_module.pth'))

    await fc.assert(
      fc.asyncProperty(mutations(whole, words), (bytes) => survives(() => readAll(bytes))),
      { numRuns: 300 },
    )
  }).timeout(60_000)

  it('leaves nothing alive when its file is cut', async () => {
    const whole = await readFile(formatFixture('legacy_module.pth'))
    const before = memory()

    await assert.rejects(loadCheckpoint(whole.subarray(0, -1), { wholeModule: true }), { name: 'CheckpointError' })
    assert.deepEqual(memory(), before)
  })

  itWithPython('gives the state dict of modules of PyTorch that have functions and tuples for attributes', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'x.pth')
      const expected = reportOfPython(
        `
layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
model = torch.nn.ModuleDict({
    "encoder": torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False),
    "rnn": torch.nn.LSTM(4, 3, num_layers=2, bidirectional=True),
    "convs": torch.nn.ModuleList([torch.nn.Conv2d(1, 2, 3, padding="same"), torch.nn.ConvTranspose2d(2, 1, 2)]),
    "norms": torch.nn.Sequential(torch.nn.GroupNorm(1, 2), torch.nn.BatchNorm1d(3), torch.nn.InstanceNorm2d(3)),
    "lists": torch.nn.ModuleList([torch.nn.Embedding(5, 2), torch.nn.PReLU()]),
})
model["params"] = torch.nn.Module()
model["params"].items_ = torch.nn.ParameterList([torch.ones(2), torch.zeros(3)])
model["params"].named = torch.nn.ParameterDict({"a": torch.ones(1)})
torch.save(model, sys.argv[1])
report(model.state_dict())`,
        [path],
      )

      await withState(loadCheckpoint(path, { wholeModule: true }), (state) => {
        assert.deepEqual(describeTensors(state), expected)
      })
    }),
  )
})
