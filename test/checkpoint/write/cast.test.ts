import assert from 'node:assert/strict'
import { join } from 'node:path'

import { loadCheckpoint, readCheckpoint, scope, StoredStorage, StoredTensor, tensor, type DType } from 'napi-torch'

import { Caster, isFloatingPoint, type CastType } from '../../../lib/checkpoint/write/cast.js'
import { DECODERS } from '../../../lib/checkpoint/decoders.js'
import { writeTorchZip } from '../../../lib/checkpoint/write/torch_zip_writer.js'
import { inFolder } from '../../support/checkpoints.js'
import { itWithPython, python } from '../../support/python.js'

/** The bits of a NaN are left to the CPU: all of them are one. */
const NAN = 0x7fff

const INFINITY: Readonly<Record<CastType, number>> = { float16: 0x7c00, bfloat16: 0x7f80 }

function withOneNan(words: Uint16Array, type: CastType): Uint16Array {
  return words.map((word) => ((word & 0x7fff) > INFINITY[type] ? NAN : word))
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

async function cast(values: ArrayBufferView, from: string, to: CastType): Promise<Uint16Array> {
  const parts: Uint8Array[] = []
  for await (const part of new Caster(to).castChunks('x', from, [bytesOf(values)])) parts.push(part)
  const { buffer } = new Uint8Array(Buffer.concat(parts))
  return new Uint16Array(buffer)
}

/** Casts by libtorch. */
function castByTorch(values: Float32Array | Float64Array | Uint16Array, from: DType, to: CastType): Uint16Array {
  return scope(() => tensor(values, { dtype: from }).to(to).toArray())
}

/** A pseudo-random sequence of 32-bit patterns: all kinds of floats, most of them none of a network. */
function randomWords(length: number): Uint32Array {
  let state = 12345
  return Uint32Array.from({ length }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) ^ (state >>> 16))
}

/** Floats on, and one step beside, each place where rounding to `bits` fewer bits of fraction turns over. */
function ties(bits: number): Uint32Array {
  const words: number[] = []
  for (let exponent = 0; exponent < 256; exponent++) {
    for (const fraction of [0, 1, 2, 3, 2 ** (23 - bits) - 1]) {
      const tie = exponent * 2 ** 23 + fraction * 2 ** bits + 2 ** (bits - 1)
      for (const word of [tie - 1, tie, tie + 1]) words.push(word, word + 2 ** 31)
    }
  }
  return Uint32Array.from(words)
}

describe('Caster', () => {
  const singles = [randomWords(1_000_000), ties(13), ties(16), ties(14), ties(20)]
  const codes = Uint16Array.from({ length: 2 ** 16 }, (_, index) => index)
  for (const to of ['float16', 'bfloat16'] as const) {
    it(`casts a million random bit patterns of float32, and all ties, to ${to} as libtorch does`, async () => {
      for (const words of singles) {
        const values = new Float32Array(words.buffer)

        const expected = withOneNan(castByTorch(values, 'float32', to), to)

        assert.deepEqual(withOneNan(await cast(values, 'float32', to), to), expected)
      }
    })

    it(`casts float64 to ${to} as libtorch does, by way of float32`, async () => {
      const near = Float64Array.from(singles[1] ?? [], (_, index) => {
        const value = new Float32Array((singles[1] ?? new Uint32Array()).buffer)[index] ?? 0
        return value * (1 + (index % 3) * 1e-9)
      })
      const values = Float64Array.from([...near, 1.00048828125 + 1e-12, 65519.9999999, 65520, 1e300, -1e-320, NaN])

      const expected = withOneNan(castByTorch(values, 'float64', to), to)

      assert.deepEqual(withOneNan(await cast(values, 'float64', to), to), expected)
    })

    const other = to === 'float16' ? 'bfloat16' : 'float16'
    it(`casts all 65,536 values of ${other} to ${to} as libtorch does`, async () => {
      const expected = withOneNan(castByTorch(codes, other, to), to)

      assert.deepEqual(withOneNan(await cast(codes, other, to), to), expected)
    })

    itWithPython(`casts all values of every float8 to ${to} as Python does`, async () => {
      const types = [...DECODERS.keys()].filter((dtype) => dtype.startsWith('float8'))
      assert.equal(types.length, 5)
      const script = `
import json, sys, torch
to, *types = sys.argv[1:]
codes = torch.arange(256, dtype=torch.uint8)
cast = {name: codes.view(getattr(torch, name)).to(getattr(torch, to)).view(torch.uint16) for name in types}
print(json.dumps({name: values.tolist() for name, values in cast.items()}))`
      const all = JSON.parse(python(script, [to, ...types])) as Record<string, number[]>
      for (const dtype of types) {
        const expected = withOneNan(Uint16Array.from(all[dtype] ?? []), to)

        const words = await cast(
          Uint8Array.from({ length: 256 }, (_, index) => index),
          dtype,
          to,
        )

        assert.deepEqual(withOneNan(words, to), expected, dtype)
      }
    })
  }

  it('keeps the sign of a NaN', async () => {
    const nans = new Float32Array(new Uint32Array([0x7f800001, 0xff800001]).buffer)

    assert.deepEqual(await cast(nans, 'float32', 'float16'), Uint16Array.of(0x7e00, 0xfe00))
    assert.deepEqual(await cast(nans, 'float32', 'bfloat16'), Uint16Array.of(0x7fc0, 0xffc0))
  })

  it('counts the finite numbers that become infinite', async () => {
    const caster = new Caster('float16')
    const values = Float64Array.from([65519, 65520, -1e300, Infinity, NaN])
    for await (const part of caster.castChunks('x', 'float64', [bytesOf(values)])) assert.equal(part.length, 10)

    assert.deepEqual([...caster.overflowed], [['x', 2]])
  })

  it('takes complex, whole and Boolean numbers for no floating point numbers', () => {
    const types = ['float32', 'bfloat16', 'float8_e5m2', 'complex64', 'int8', 'uint16', 'bool', 'qint8']

    assert.deepEqual(types.filter(isFloatingPoint), ['float32', 'bfloat16', 'float8_e5m2'])
  })

  it('refuses the packed float4, which PyTorch cannot cast either', () => {
    assert.throws(() => new Caster('float16').changes('w', 'float4_e2m1fn_x2', { path: 'x.pth' }), {
      code: 'TORCH_CHECKPOINT_UNSUPPORTED',
      message: 'x.pth: Tensor w is of type float4_e2m1fn_x2, which cannot be cast',
    })
  })

  it('casts a storage once for all that share it, and apart for tensors of two types', async () => {
    const bytes = bytesOf(Float32Array.of(1, 2, 3, 4))
    const record = { source: bytes, entry: undefined, offset: 0, length: 16, method: 'stored' } as const
    const common = { key: '0', nbytes: 16, location: 'cpu', byteOrder: 'little', record } as const
    const storage = new StoredStorage({ ...common, dtype: 'float32' })
    const stored = (dtype: string, size: number, storageOffset: number): StoredTensor =>
      new StoredTensor({ storage, dtype, shape: [size], strides: [1], storageOffset, requiresGrad: false })
    const tensors = new Map([
      ['all', stored('float32', 4, 0)],
      ['end', stored('float32', 2, 2)],
      ['whole', stored('int32', 4, 0)],
    ])
    await inFolder(async (folder) => {
      const path = join(folder, 'x.pth')
      const caster = new Caster('bfloat16')
      await writeTorchZip(path, tensors, (value) =>
        value instanceof StoredTensor ? caster.cast('', value, {}) : undefined,
      )

      const { root } = await readCheckpoint(path)
      assert.ok(root instanceof Map)
      const found = [...root.values()].map((value) => (value instanceof StoredTensor ? value : undefined))
      assert.deepEqual(
        found.map((value) => [value?.storage.key, value?.dtype, value?.storageOffset]),
        [
          ['0', 'bfloat16', 0],
          ['0', 'bfloat16', 2],
          ['1', 'int32', 0],
        ],
      )
      const state = await loadCheckpoint(path)
      assert.deepEqual(state.get('end')?.tolist(), [3, 4])
      state.dispose()
    })
  })
})
