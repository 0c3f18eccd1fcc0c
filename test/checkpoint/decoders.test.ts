import assert from 'node:assert/strict'

import { scope, tensor, type DType } from 'napi-torch'

import { DECODERS } from '../../lib/checkpoint/decoders.js'
import { itWithPython, python } from '../support/python.js'

const CODES_8 = Uint8Array.from({ length: 256 }, (_, index) => index)
const CODES_16 = Uint16Array.from({ length: 2 ** 16 }, (_, index) => index)

function decode(dtype: string, bytes: Uint8Array): number[] {
  return Array.from(DECODERS.get(dtype)?.(bytes) ?? [], Number)
}

describe('DECODERS', () => {
  for (const dtype of ['float16', 'bfloat16'] as const satisfies readonly DType[]) {
    it(`give all 65,536 values of ${dtype} as libtorch does`, () => {
      const expected = scope(() => tensor(CODES_16, { dtype }).toFloat32Array())

      assert.deepEqual(decode(dtype, new Uint8Array(CODES_16.buffer)), [...expected])
    })
  }

  const largest: readonly (readonly [dtype: string, code: number, value: number])[] = [
    ['float8_e4m3fn', 0x7e, 448],
    ['float8_e4m3fn', 0x7f, NaN],
    ['float8_e5m2', 0x7b, 57344],
    ['float8_e5m2', 0x7c, Infinity],
    ['float8_e4m3fnuz', 0x7f, 240],
    ['float8_e4m3fnuz', 0x80, NaN],
    ['float8_e5m2fnuz', 0x7f, 57344],
    ['float8_e8m0fnu', 0x7f, 1],
    ['float8_e8m0fnu', 0xff, NaN],
  ]
  for (const [dtype, code, value] of largest) {
    it(`give ${value} for ${code.toString(16)} of ${dtype}`, () => {
      assert.deepEqual(decode(dtype, Uint8Array.of(code)), [value])
    })
  }

  itWithPython('give all 256 values of every float8 as Python does', () => {
    const types = [...DECODERS.keys()].filter((dtype) => dtype.startsWith('float8'))
    const script = `
import json, sys, torch
codes = torch.arange(256, dtype=torch.uint8)
print(json.dumps({name: [str(value) for value in codes.view(getattr(torch, name)).float().tolist()] for name in sys.argv[1:]}))`
    const all = JSON.parse(python(script, types)) as Record<string, string[]>
    for (const dtype of types) {
      const expected = all[dtype]?.map((text) => Number(text.replace('inf', 'Infinity').replace('nan', 'NaN')))

      assert.deepEqual(decode(dtype, CODES_8), expected, dtype)
    }
  })

  it('read bytes that lie at an odd place', () => {
    const bytes = new Uint8Array(9)
    bytes.set(new Uint8Array(Float64Array.of(Math.PI).buffer), 1)

    assert.deepEqual(decode('float64', bytes.subarray(1)), [Math.PI])
  })

  it('take any byte but 0 for true', () => {
    assert.deepEqual(decode('bool', Uint8Array.of(0, 1, 2, 255)), [0, 1, 1, 1])
  })

  it('keep whole numbers past 2^53', () => {
    const integers = BigInt64Array.of(2n ** 53n + 1n, -(2n ** 63n))

    assert.deepEqual(DECODERS.get('int64')?.(new Uint8Array(integers.buffer)), integers)
  })
})
