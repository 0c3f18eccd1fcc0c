import assert from 'node:assert/strict'

import {
  findStateDict,
  OrderedDict,
  PickledObject,
  readCheckpoint,
  type Checkpoint,
  type CheckpointValue,
} from 'napi-torch'

import { fixture } from '../../support/checkpoints.js'

/** A checkpoint as if `root` had been saved. */
function checkpoint(root: CheckpointValue): Checkpoint {
  return { path: 'x.pth', format: 'zip', size: 0, byteOrder: 'little', metadata: null, root }
}

async function tensorsOf(name: string): Promise<Map<CheckpointValue, CheckpointValue>> {
  const { root } = await readCheckpoint(fixture(name))
  assert.ok(root instanceof Map)
  return root
}

describe('findStateDict()', () => {
  const found: readonly [name: string, source: string][] = [
    ['state_dict.pth', ''],
    ['training.pth', 'state_dict'],
    ['lightning.ckpt', 'state_dict'],
    ['nested.pth', 'model.state_dict'],
  ]
  for (const [name, source] of found) {
    it(`finds ${source === '' ? 'the root' : source} in ${name}`, async () => {
      const state = findStateDict(await readCheckpoint(fixture(name)))

      assert.equal(state.source, source)
      assert.equal(state.tensors.size, 8)
    })
  }

  it('gives the versions of the modules', async () => {
    const { metadata } = findStateDict(await readCheckpoint(fixture('state_dict.pth')))

    assert.deepEqual(metadata?.get('bn'), new Map([['version', 2]]))
    assert.deepEqual([...(metadata?.keys() ?? [])], ['', 'conv', 'bn', 'fc'])
  })

  it('prefers the weights to their average', async () => {
    const state = await tensorsOf('state_dict.pth')

    const { source } = findStateDict(checkpoint(new Map([['ema', state], ['net', state]]))) // prettier-ignore
    assert.equal(source, 'net')
  })

  it('takes what key names', async () => {
    const { source, tensors } = findStateDict(await readCheckpoint(fixture('nested.pth')), { key: 'ema' })

    assert.equal(source, 'ema')
    assert.equal(tensors.size, 8)
  })

  it('takes a key with dots as one name where there is one', async () => {
    const state = await tensorsOf('state_dict.pth')

    assert.equal(findStateDict(checkpoint(new Map([['a.b', state]])), { key: 'a.b' }).tensors.size, 8)
  })

  it('takes the only one, whatever its key is', async () => {
    const root = new Map<CheckpointValue, CheckpointValue>([
      ['my_net', await tensorsOf('state_dict.pth')],
      ['optimizer', await tensorsOf('state_dict.pth')],
    ])

    assert.equal(findStateDict(checkpoint(root)).source, 'my_net')
  })

  it('takes an element of a list, and of a dict with numbers for keys', async () => {
    const state = await tensorsOf('state_dict.pth')

    assert.equal(findStateDict(checkpoint([3, state]), { key: '1' }).tensors.size, 8)
    assert.equal(findStateDict(checkpoint(new Map([[7, state]])), { key: '7' }).tensors.size, 8)
    assert.equal(findStateDict(checkpoint([state])).source, '0')
  })

  it('leaves out what is no tensor, and says so', async () => {
    const state = new Map([...(await tensorsOf('state_dict.pth')), ['step', 3], ['extra', new Map()], ['none', null]])

    const { tensors, skipped } = findStateDict(checkpoint(state))

    assert.equal(tensors.size, 8)
    assert.deepEqual([...skipped], [['step', '3'], ['extra', 'a dict of 0 entries'], ['none', 'None']]) // prettier-ignore
  })

  it('prefers the state dict to a lone tensor beside it', async () => {
    const state = await tensorsOf('state_dict.pth')
    const [[, mean = null] = []] = state

    assert.equal(findStateDict(checkpoint(new Map([['mean', mean], ['my_net', state]]))).source, 'my_net') // prettier-ignore
  })

  it('reads an object of a class that is a kind of dict', async () => {
    const dict = new PickledObject({ module: 'easydict', name: 'EasyDict' }, [])
    dict.entries = await tensorsOf('state_dict.pth')

    assert.equal(findStateDict(checkpoint(new Map([['model', dict]]))).source, 'model')
  })

  const empty: readonly [name: string, root: CheckpointValue, source: string][] = [
    ['a root without entries', new Map(), ''],
    ['an OrderedDict without entries', new OrderedDict(), ''],
    ['a dict without entries under a usual key', new Map<CheckpointValue, CheckpointValue>([['epoch', 3], ['state_dict', new Map()]]), 'state_dict'],
  ] // prettier-ignore
  for (const [name, root, source] of empty) {
    it(`takes ${name} for the state dict of a model without parameters`, () => {
      const state = findStateDict(checkpoint(root))

      assert.equal(state.source, source)
      assert.equal(state.tensors.size, 0)
    })
  }

  it('refuses a key where there are none, in words', () => {
    assert.throws(() => findStateDict(checkpoint(new Map()), { key: 'model' }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected nothing, as the value there has no keys, for key, received "model"',
    })
  })

  const unsupported: readonly [name: string, root: () => Promise<CheckpointValue> | CheckpointValue, text: string][] = [
    ['a number', () => 3, 'Holds 3, expected a state dict'],
    ['a list', () => [], 'Holds a list of 0 values, expected a state dict'],
    [
      'a checkpoint without tensors',
      () => new Map([['epoch', 1]]),
      `Holds no state dict: its keys are 'epoch', none of which leads to tensors`,
    ],
    [
      'several under unusual keys, naming them',
      async () => {
        const state = await tensorsOf('state_dict.pth')
        return new Map([
          ['student', state],
          ['teacher', new Map(state)],
        ])
      },
      `Holds 2 state dicts: pass { key: 'student' } or { key: 'teacher' }`,
    ],
    [
      'a list of several, naming their numbers',
      async () => [await tensorsOf('state_dict.pth'), await tensorsOf('state_dict.pth')],
      `Holds 2 state dicts: pass { key: '0' } or { key: '1' }`,
    ],
  ]
  for (const [name, root, text] of unsupported) {
    it(`refuses ${name}`, async () => {
      const tree = checkpoint(await root())

      assert.throws(() => findStateDict(tree), { code: 'TORCH_CHECKPOINT_UNSUPPORTED', message: `x.pth: ${text}` })
    })
  }

  it('refuses a whole module, naming its class and what to do', async () => {
    const whole = await readCheckpoint(fixture('whole_module.pth'))
    const text =
      'The checkpoint is a whole pickled module of class torch.nn.modules.container.Sequential: pass { wholeModule: true } ' +
      `to take its parameters and buffers; in Python, save torch.save(model.state_dict(), 'new.pth') instead`

    assert.throws(() => findStateDict(whole), {
      code: 'TORCH_CHECKPOINT_UNSUPPORTED',
      message: `${fixture('whole_module.pth')}: ${text}`,
    })
    assert.throws(() => findStateDict(checkpoint(new Map([['model', whole.root]]))), {
      code: 'TORCH_CHECKPOINT_UNSUPPORTED',
      message: `x.pth: ${text.replace('The checkpoint', 'The value at model')}`,
    })
  })

  it('gives the option that it advises beside the text', async () => {
    const whole = await readCheckpoint(fixture('whole_module.pth'))
    const state = await tensorsOf('state_dict.pth')
    const several = checkpoint([state, new Map(state)])

    assert.throws(() => findStateDict(whole), {
      suggestion: { name: 'wholeModule', value: true, text: '{ wholeModule: true }' },
    })
    assert.throws(() => findStateDict(several), {
      suggestion: {
        name: 'key',
        value: '0',
        text: "{ key: '0' }",
        others: [{ name: 'key', value: '1', text: "{ key: '1' }" }],
      },
    })
  })

  it('refuses a key that is not there, listing those that are', async () => {
    const nested = await readCheckpoint(fixture('nested.pth'))

    assert.throws(() => findStateDict(nested, { key: 'model.weights' }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: `Expected one of 'state_dict' for key, received "model.weights"`,
    })
  })
})
