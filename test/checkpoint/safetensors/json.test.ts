import assert from 'node:assert/strict'

import { checkLimits } from '../../../lib/checkpoint/limits.js'
import { readJson, type JsonValue } from '../../../lib/checkpoint/safetensors/json.js'

function read(text: string | Uint8Array, limits = {}): Promise<JsonValue> {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'utf8') : text
  return readJson(bytes, { limits: checkLimits(limits), place: { path: 'x' }, start: 8 })
}

describe('readJson()', () => {
  const values: readonly [text: string, value: JsonValue][] = [
    ['null', null],
    ['true', true],
    ['false', false],
    ['0', 0n],
    ['-12', -12n],
    ['999999999999999', 999_999_999_999_999n],
    ['9007199254740993', 9_007_199_254_740_993n],
    ['18446744073709551616', 2n ** 64n],
    ['1.0', 1],
    ['-2.5e-3', -0.0025],
    ['1E2', 100],
    ['""', ''],
    ['"é😀\\u00e9\\n\\"\\\\\\/"', 'é😀é\n"\\/'],
    ['"\\ud83d\\ude00"', '😀'],
    ['[]', []],
    ['{}', new Map()],
    [' [ 1 , [ ] , { } ]\r\n\t', [1n, [], new Map()]],
    ['{"a":{"b":[1]},"c":2}', new Map<string, JsonValue>([['a', new Map([['b', [1n]]])], ['c', 2n]])], // prettier-ignore
  ]
  for (const [text, value] of values) it(`gives ${text}`, async () => assert.deepEqual(await read(text), value))

  it('keeps the order of keys that look like integers, and __proto__ as a plain key', async () => {
    const value = await read('{"10":1,"9":2,"__proto__":3,"constructor":4}')

    assert.ok(value instanceof Map)
    assert.deepEqual([...value.keys()], ['10', '9', '__proto__', 'constructor'])
  })

  it('reads a hundred thousand levels without stack', async () => {
    let value = await read(`${'['.repeat(1e5)}${']'.repeat(1e5)}`, { memoryRatio: 200 })

    let depth = 0
    for (; Array.isArray(value); depth++) value = value[0] ?? null
    assert.equal(depth, 1e5)
  })

  const wrong: readonly [text: string, offset: number, message: string][] = [
    ['', 8, 'Expected a value, found its end'],
    ['{', 9, 'Expected a key, found its end'],
    ['{"a"', 12, 'Expected a colon, found its end'],
    ['{"a":1', 14, 'Expected , or }, found its end'],
    ['{"a":1,}', 15, 'Expected a key, found }'],
    ['{a:1}', 9, 'Expected a key, found a'],
    ['[1,]', 11, 'Expected a value, found ]'],
    ['[1 2]', 11, 'Expected , or ], found 2'],
    ['[1}', 10, 'Expected , or ], found }'],
    ['1 1', 10, 'Expected nothing more, found 1'],
    ['01', 8, 'Expected a value, found 0'],
    ['1.', 8, 'Expected a value, found 1'],
    ['+1', 8, 'Expected a value, found +'],
    ['NaN', 8, 'Expected a value, found N'],
    ['truth', 8, 'Expected a value, found t'],
    ['\u00a0', 8, 'Expected a value, found byte 0xc2'],
    ['"a', 10, 'Expected the end of a string, found its end'],
    ['"a\n"', 10, 'Expected the end of a string, found byte 0x0a'],
    ['"\\', 10, 'Expected the end of a string, found its end'],
    ['"\\x41"', 14, 'Expected UTF-8 with the escapes of JSON in a string'],
    ['"\\ud800"', 16, 'Expected UTF-8 with the escapes of JSON in a string'],
    ['{"a":1,"\\u0061":2}', 23, 'The key "a" is a duplicate'],
    ['9'.repeat(64), 8, 'Expected a value, found 9'],
  ]
  for (const [text, offset, message] of wrong) {
    it(`refuses ${JSON.stringify(text.slice(0, 30))}`, () =>
      assert.rejects(read(text), {
        name: 'CheckpointError',
        code: 'TORCH_CHECKPOINT_CORRUPT',
        message: `x, byte ${offset}: ${message}`,
      }))
  }

  it('refuses what is not UTF-8', () =>
    assert.rejects(read(Buffer.from([0x22, 0xc3, 0x22])), {
      code: 'TORCH_CHECKPOINT_CORRUPT',
      message: 'x, byte 11: Expected UTF-8 with the escapes of JSON in a string',
    }))

  it('stops at the limit of values', () =>
    assert.rejects(read('[1,2,3]', { headerValues: 3 }), {
      code: 'TORCH_CHECKPOINT_LIMIT',
      message: 'x, byte 13: The header has 4 values, more than the limit headerValues of 3',
    }))

  it('stops at the limit of containers', () =>
    assert.rejects(read('[[],[],[]]', { containers: 3 }), {
      code: 'TORCH_CHECKPOINT_LIMIT',
      message: 'x, byte 16: The header has 4 lists and objects, more than the limit containers of 3',
    }))
})
