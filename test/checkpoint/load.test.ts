import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'

import { loadCheckpoint, loadTensors, memory, readCheckpoint, StoredTensor, type StateDict } from 'napi-torch'

import { native } from '../../lib/libtorch/binding.js'
import { handleOf } from '../../lib/tensor/handle.js'
import { checkpointOf } from '../support/archive.js'
import { describeState, describeTensor, expectedFixtures, fixture } from '../support/checkpoints.js'

const EXPECTED = expectedFixtures()

async function withState(state: Promise<StateDict>, body: (state: StateDict) => void): Promise<void> {
  const loaded = await state
  try {
    body(loaded)
  } finally {
    loaded.dispose()
  }
}

function storageOf(state: StateDict, key: string): bigint {
  const tensor = state.get(key)
  assert.ok(tensor !== undefined, key)
  return native.storageId(handleOf(tensor))
}

describe('loadCheckpoint()', () => {
  const sameState = ['state_dict.pth', 'protocol4.pth', 'protocol5.pth', 'no_byteorder.pth']
  for (const name of sameState) {
    it(`gives the tensors of ${name} to the bit and in order`, () =>
      withState(loadCheckpoint(fixture(name)), (state) => {
        assert.deepEqual(describeState(state), Object.entries(EXPECTED.state_dict))
      }))
  }

  for (const name of ['tensors.pth', 'deflated.pth', 'zip64.pth']) {
    for (const mmap of [false, true]) {
      it(`gives views, strides and empty tensors of ${name} to the bit, ${mmap ? 'mapped' : 'read'}`, () =>
        withState(loadCheckpoint(fixture(name), { mmap }), (state) => {
          assert.deepEqual(describeState(state), Object.entries(EXPECTED.tensors))
        }))
    }

    it(`shares the memory that tensors of ${name} shared`, () =>
      withState(loadCheckpoint(fixture(name)), (state) => {
        assert.equal(storageOf(state, 'tied'), storageOf(state, 'base'))
        assert.equal(storageOf(state, 'transposed'), storageOf(state, 'base'))
        assert.notEqual(storageOf(state, 'scalar'), storageOf(state, 'base'))
        state.get('tied')?.fill_(7)
        assert.equal(state.get('row')?.toArray()[0], 7)
      }))
  }

  for (const name of ['dtypes.pth', 'big_endian.pth']) {
    it(`gives every dtype of ${name} to the bit`, () =>
      withState(loadCheckpoint(fixture(name)), (state) => {
        assert.deepEqual(describeState(state), Object.entries(EXPECTED.dtypes))
      }))
  }

  it('gives the tensors of a buffer to the bit, not sharing its memory', async () => {
    const bytes = await readFile(fixture('state_dict.pth'))
    await withState(loadCheckpoint(bytes), (state) => {
      bytes.fill(0)

      assert.deepEqual(describeState(state), Object.entries(EXPECTED.state_dict))
    })
  })

  it('carries the versions of the modules and where the state dict was', () =>
    withState(loadCheckpoint(fixture('training.pth')), (state) => {
      const metadata = Object.entries(EXPECTED.metadata).map(([key, facts]) => [key, new Map(Object.entries(facts))])

      assert.equal(state.source, 'state_dict')
      assert.deepEqual([...(state.metadata ?? [])], metadata)
    }))

  it('takes the state dict at key', () =>
    withState(loadCheckpoint(fixture('nested.pth'), { key: 'ema' }), (state) => {
      assert.equal(state.source, 'ema')
      assert.equal(state.get('bn.weight')?.toArray()[0], 2)
    }))

  it('writes to a mapped tensor without changing the file', async () => {
    const before = await readFile(fixture('tensors.pth'))
    await withState(loadCheckpoint(fixture('tensors.pth'), { mmap: true }), (state) => {
      state.get('base')?.fill_(7)
    })

    assert.deepEqual(await readFile(fixture('tensors.pth')), before)
  })

  describe('stripPrefix', () => {
    const keys = Object.keys(EXPECTED.state_dict)

    for (const [name, stripPrefix] of [
      ['wrapped.pth', true],
      ['wrapped.pth', '_orig_mod.module.'],
      ['data_parallel.pth', true],
      ['data_parallel.pth', 'module.'],
      ['lightning.ckpt', true],
      ['state_dict.pth', true],
      ['state_dict.pth', false],
    ] as const) {
      it(`${String(stripPrefix)} gives the keys of the model in ${name}`, () =>
        withState(loadCheckpoint(fixture(name), { stripPrefix }), (state) => {
          assert.deepEqual([...state.keys()], keys)
        }))
    }

    it('strips the paths of the modules too', () =>
      withState(loadCheckpoint(fixture('data_parallel.pth'), { stripPrefix: true }), (state) => {
        assert.deepEqual([...(state.metadata?.keys() ?? [])], ['', 'conv', 'bn', 'fc'])
        assert.deepEqual(state.metadata?.get('bn'), new Map([['version', 2]]))
      }))

    it('is refused where two tensors would have one key', async () => {
      const storage = 'X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQ'
      const tensor = `ctorch._utils\n_rebuild_tensor_v2\n((${storage}K\x00))\x89}tR`
      const pickle = `}(X\x03\x00\x00\x00m.a${tensor}X\x01\x00\x00\x00a${tensor}u.`
      const bytes = checkpointOf(pickle, { 0: new Uint8Array(4) })

      await assert.rejects(loadCheckpoint(bytes, { stripPrefix: 'm.' }), {
        code: 'TORCH_CHECKPOINT_UNSUPPORTED',
        message: 'buffer: Without the prefix m. two tensors would have the key a',
      })
    })
  })

  describe('refuses, leaving nothing alive,', () => {
    it('an element type of which no Tensor can be made', async () => {
      const before = memory()

      await assert.rejects(loadCheckpoint(fixture('foreign_dtypes.pth')), {
        name: 'CheckpointError',
        code: 'TORCH_CHECKPOINT_UNSUPPORTED',
        message:
          `${fixture('foreign_dtypes.pth')}, entry archive/data/0: Tensor complex64 is of type complex64, expected one of ` +
          'float32, float64, float16, bfloat16, int8, int16, int32, int64, uint8, bool',
      })
      assert.deepEqual(memory(), before)
    })

    it('a deflated storage that does not inflate', async () => {
      const before = memory()
      const bytes = await readFile(fixture('deflated.pth'))
      const { root } = await readCheckpoint(bytes)
      assert.ok(root instanceof Map)
      const tensor = root.get('channels_last')
      assert.ok(tensor instanceof StoredTensor)
      bytes.fill(0xff, tensor.storage.record.offset, tensor.storage.record.offset + 4)

      await assert.rejects(loadCheckpoint(bytes), {
        name: 'CheckpointError',
        code: 'TORCH_CHECKPOINT_CORRUPT',
        message: 'buffer, entry archive/data/4, byte 0: Cannot be inflated to 96 bytes',
      })
      assert.deepEqual(memory(), before)
    })

    it('a whole module', () =>
      assert.rejects(loadCheckpoint(fixture('whole_module.pth')), {
        code: 'TORCH_CHECKPOINT_UNSUPPORTED',
        message: /a whole pickled module of class torch\.nn\.modules\.container\.Sequential/,
      }))

    it('options of the wrong type', async () => {
      const code = 'TORCH_INVALID_ARGUMENT'
      // @ts-expect-error: there is no such option.
      await assert.rejects(loadCheckpoint('x', { strip: 'a' }), { code })
      // @ts-expect-error: a number is no prefix.
      await assert.rejects(loadCheckpoint('x', { stripPrefix: 3 }), { code })
      // @ts-expect-error: 1 is no boolean.
      await assert.rejects(loadCheckpoint('x', { mmap: 1 }), { code })
      // @ts-expect-error: a number is no key.
      await assert.rejects(loadCheckpoint(fixture('state_dict.pth'), { key: 3 }), { code })
    })
  })
})

describe('loadTensors()', () => {
  it('reads only what is asked for', async () => {
    const { root } = await readCheckpoint(fixture('foreign_dtypes.pth').replace('foreign_', ''))
    assert.ok(root instanceof Map)
    const stored = root.get('int64')
    assert.ok(stored instanceof StoredTensor)

    const [tensor] = await loadTensors([stored])

    assert.ok(tensor !== undefined)
    assert.deepEqual(describeTensor(tensor), EXPECTED.dtypes['int64'])
    tensor.dispose()
  })

  it('refuses what is no stored tensor', () =>
    // @ts-expect-error: a number is none.
    assert.rejects(loadTensors([3]), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected tensors of readCheckpoint for stored, received [3]',
    }))
})
