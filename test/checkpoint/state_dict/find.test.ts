import assert from 'node:assert/strict'

import { findStateDict, readCheckpoint, type Checkpoint, type CheckpointValue } from 'napi-torch'

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

  const unsupported: readonly [name: string, root: () => Promise<CheckpointValue> | CheckpointValue, text: string][] = [
    ['a number', () => 3, 'Holds 3, expected a state dict'],
    ['a list', () => [], 'Holds a list of 0 values, expected a state dict'],
    [
      'a checkpoint without tensors',
      () => new Map([['epoch', 1]]),
      `Holds no state dict: its keys are 'epoch', none of which leads to tensors`,
    ],
    [
      'one under an unusual key, naming it',
      async () => new Map([['my_net', await tensorsOf('state_dict.pth')]]),
      `Holds a state dict under an unusual key: pass { key: 'my_net' }`,
    ],
    [
      'one with a value that is no tensor',
      async () => new Map([...(await tensorsOf('state_dict.pth')), ['step', 3]]),
      'The checkpoint is no state dict: its key "step" holds 3, expected a tensor',
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
    const unusual = checkpoint(new Map([['my_net', await tensorsOf('state_dict.pth')]]))

    assert.throws(() => findStateDict(whole), {
      suggestion: { name: 'wholeModule', value: true, text: '{ wholeModule: true }' },
    })
    assert.throws(() => findStateDict(unusual), {
      suggestion: { name: 'key', value: 'my_net', text: "{ key: 'my_net' }" },
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
