import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import fc from 'fast-check'

import {
  findStateDict,
  loadCheckpoint,
  memory,
  readCheckpoint,
  type CheckpointLimits,
  type StoredTensor,
} from 'napi-torch'

import { checkLimits } from '../../../lib/checkpoint/limits.js'
import { readSafetensors } from '../../../lib/checkpoint/safetensors/read.js'
import { openSource } from '../../../lib/checkpoint/source.js'
import { inFolder } from '../../support/checkpoints.js'
import { byKey, describeTensors, expectedTensors, formatFixture, withState } from '../../support/formats.js'
import { mutations, readAll, survives } from '../../support/survive.js'

/** Builds a file of a header, as text or as what JSON makes of it, and so many bytes of data. */
function file(header: unknown, dataBytes = 0): Uint8Array {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header), 'utf8')
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  return Buffer.concat([length, text, Buffer.alloc(dataBytes, 1)])
}

function f32(begin: number, end: number, shape: readonly unknown[] = [(end - begin) / 4]): object {
  return { dtype: 'F32', shape, data_offsets: [begin, end] }
}

async function storedOf(bytes: Uint8Array): Promise<Map<string, StoredTensor>> {
  return findStateDict(await readCheckpoint(bytes)).tensors
}

async function readDirectly(bytes: Uint8Array): Promise<unknown> {
  return readSafetensors(await openSource(bytes), checkLimits())
}

describe('readCheckpoint() of safetensors', () => {
  for (const name of ['tensors.safetensors', 'dtypes.safetensors']) {
    for (const mmap of [false, true]) {
      it(`gives every tensor of ${name} to the bit, ${mmap ? 'mapped' : 'read'}`, () =>
        withState(loadCheckpoint(formatFixture(name), { mmap }), (state) => {
          assert.deepEqual(byKey(describeTensors(state)), byKey(expectedTensors(name)))
        }))
    }
  }

  it('reads a buffer as it reads a file', async () => {
    await withState(loadCheckpoint(await readFile(formatFixture('tensors.safetensors'))), (state) => {
      assert.deepEqual(byKey(describeTensors(state)), byKey(expectedTensors('tensors.safetensors')))
    })
  })

  it('tells format, size, metadata and place', async () => {
    const { format, size, metadata, byteOrder, path } = await readCheckpoint(formatFixture('tensors.safetensors'))

    assert.deepEqual([format, size, byteOrder], ['safetensors', 1004, 'little'])
    assert.equal(path, formatFixture('tensors.safetensors'))
    assert.deepEqual(metadata, new Map([['format', 'pt'], ['note', 'é "quoted"']])) // prettier-ignore
  })

  it('has no metadata where there are none', async () => {
    assert.equal((await readCheckpoint(formatFixture('dtypes.safetensors'))).metadata, null)
    assert.equal((await readCheckpoint(file({ __metadata__: null }))).metadata, null)
  })

  it('names element types of which no Tensor can be made, and refuses to make one', async () => {
    const tensors = await storedOf(await readFile(formatFixture('foreign.safetensors')))

    assert.deepEqual(
      [...tensors].map(([key, { dtype, nbytes }]) => [key, dtype, nbytes]),
      [
        ['uint64', 'uint64', 32],
        ['complex64', 'complex64', 32],
        ['uint32', 'uint32', 16],
        ['uint16', 'uint16', 8],
        ['float8_e5m2fnuz', 'float8_e5m2fnuz', 4],
        ['float8_e4m3fnuz', 'float8_e4m3fnuz', 4],
        ['float8_e4m3fn', 'float8_e4m3fn', 4],
        ['float8_e5m2', 'float8_e5m2', 4],
      ],
    )
    const before = memory()
    await assert.rejects(loadCheckpoint(formatFixture('foreign.safetensors')), {
      code: 'TORCH_CHECKPOINT_UNSUPPORTED',
      message: /foreign\.safetensors: Tensor uint64 is of type uint64, expected one of float32, /,
    })
    assert.deepEqual(memory(), before)
  })

  it('counts elements of four bits as the pairs that PyTorch has', async () => {
    const tensor = (await storedOf(file({ a: { dtype: 'F4', shape: [2, 6], data_offsets: [0, 6] } }, 6))).get('a')

    assert.deepEqual([tensor?.dtype, tensor?.shape, tensor?.nbytes], ['float4_e2m1fn_x2', [2, 3], 6])
  })

  it('gives tensors in the order of their data, whatever their names', async () => {
    const tensors = await storedOf(file({ 10: f32(8, 12), __proto__x: f32(0, 0), 9: f32(0, 8), a: f32(12, 12) }, 12))

    assert.deepEqual([...tensors.keys()], ['__proto__x', '9', '10', 'a'])
  })

  it('takes __proto__ and constructor for plain names', async () => {
    const header =
      '{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"constructor":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}'

    await withState(loadCheckpoint(file(header, 2)), (state) => {
      assert.deepEqual([...state.keys()], ['__proto__', 'constructor'])
    })
  })

  it('passes over fields that it does not know, and spaces behind the header', async () => {
    const tensors = await storedOf(file(`{"a":{"x":[{}],"dtype":"U8","shape":[],"data_offsets":[0,1]}} \n `, 1))

    assert.deepEqual(tensors.get('a')?.shape, [])
  })

  it('reads the header and nothing of the data', async () => {
    const bytes = file({ a: f32(0, 4) }, 4)
    await inFolder(async (folder) => {
      const path = join(folder, 'x.safetensors')
      await writeFile(path, bytes)
      const { tensors } = findStateDict(await readCheckpoint(path))

      assert.deepEqual(tensors.get('a')?.storage.record, {
        source: path,
        entry: undefined,
        offset: bytes.length - 4,
        length: 4,
        method: 'stored',
      })
    })
  })

  describe('refuses', () => {
    const cases: readonly [name: string, bytes: Uint8Array, message: string, limits?: Partial<CheckpointLimits>][] = [
      ['a gap before the first tensor', file({ a: f32(4, 8) }, 8), 'Tensor "a" leaves a gap before it: its data begin at byte 4, expected 0'],
      ['a gap between tensors', file({ a: f32(0, 4), b: f32(8, 12) }, 12), 'Tensor "b" leaves a gap before it: its data begin at byte 8, expected 4'],
      ['tensors that overlap', file({ a: f32(0, 8), b: f32(4, 12) }, 12), 'Tensor "b" overlaps another: its data begin at byte 4, expected 8'],
      ['two tensors of the same data', file({ a: f32(0, 4), b: f32(0, 4) }, 4), 'Tensor "b" overlaps another: its data begin at byte 0, expected 4'],
      ['bytes behind the last tensor', file({ a: f32(0, 4) }, 5), 'The tensors have 4 bytes, but 5 follow the header'],
      ['a file without tensors but with data', file({}, 1), 'The tensors have 0 bytes, but 1 follow the header'],
      ['data that end early', file({ a: f32(0, 8) }, 7), 'The file is truncated: The tensors have 8 bytes, but 7 follow the header'],
      ['a shape of more bytes', file({ a: f32(0, 4, [2]) }, 4), 'Tensor "a": F32 of shape (2) has 8 bytes, but its data_offsets have 4'],
      ['a shape that overflows 64 bits', file({ a: f32(0, 4, [2 ** 32, 2 ** 32]) }, 4), 'Tensor "a": F32 of shape (4294967296, 4294967296) has 73786976294838206464 bytes, but its data_offsets have 4'],
      ['offsets that run backwards', file('{"a":{"dtype":"F32","shape":[],"data_offsets":[4,0]}}', 4), 'Tensor "a": F32 of shape () has 4 bytes, but its data_offsets have -4'],
      ['offsets past 2^64', file('{"a":{"dtype":"U8","shape":[1],"data_offsets":[18446744073709551616,18446744073709551617]}}', 1), 'Tensor "a" leaves a gap before it: its data begin at byte 18446744073709551616, expected 0'],
      ['negative offsets', file('{"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}', 1), 'Tensor "a" overlaps another: its data begin at byte -1, expected 0'],
      ['offsets that are no integers', file('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1.0]}}', 1), 'Tensor "a": Expected two integers for data_offsets'],
      ['three offsets', file({ a: { dtype: 'U8', shape: [1], data_offsets: [0, 1, 1] } }, 1), 'Tensor "a": Expected two integers for data_offsets'],
      ['no offsets', file({ a: { dtype: 'U8', shape: [1] } }, 1), 'Tensor "a": Expected two integers for data_offsets'],
      ['a negative size', file({ a: f32(0, 4, [-1]) }, 4), 'Tensor "a": Expected integers from 0 to 2^53 for shape'],
      ['a size past 2^53', file('{"a":{"dtype":"U8","shape":[0,9007199254740993],"data_offsets":[0,0]}}'), 'Tensor "a": Expected integers from 0 to 2^53 for shape'],
      ['strides past 2^53', file({ a: { dtype: 'U8', shape: [0, 2 ** 40, 2 ** 40], data_offsets: [0, 0] } }), 'Tensor "a": Expected a shape whose strides are below 2^53'],
      ['sizes before a zero whose product is past 2^63', file({ a: { dtype: 'U8', shape: [2 ** 32, 2 ** 32, 0], data_offsets: [0, 0] } }), 'Tensor "a": Expected sizes whose product is below 2^63, found (4294967296, 4294967296, 0)'],
      ['a size that is text', file({ a: f32(0, 4, ['1']) }, 4), 'Tensor "a": Expected integers from 0 to 2^53 for shape'],
      ['a shape that is no list', file({ a: { dtype: 'U8', shape: 1, data_offsets: [0, 1] } }, 1), 'Tensor "a": Expected integers from 0 to 2^53 for shape'],
      ['a dtype that is no text', file({ a: { dtype: 1, shape: [1], data_offsets: [0, 1] } }, 1), 'Tensor "a": Expected a string for dtype'],
      ['a tensor that is no object', file({ a: 1 }), 'Tensor "a": Expected an object with dtype, shape and data_offsets'],
      ['an odd number of halves of a byte', file({ a: { dtype: 'F4', shape: [1, 2, 1], data_offsets: [0, 1] } }, 1), 'Tensor "a": Expected an even size for the last dimension of F4'],
      ['a duplicate name', file('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1), 'The key "a" is a duplicate'],
      ['metadata that are no object', file({ __metadata__: 'pt' }), 'Expected an object for __metadata__'],
      ['metadata that are no text', file({ __metadata__: { a: 1 } }), 'Expected a string for "a" of __metadata__'],
      ['a header that does not begin with {', file(' {}'), 'Expected a header that begins with {'],
      ['a header that is cut', file('{"a":'), 'Expected a value, found its end'],
      ['more after the header', file('{}{}'), 'Expected nothing more, found {'],
    ] // prettier-ignore
    for (const [name, bytes, message] of cases) {
      it(name, async () => {
        // Not every one of these is recognized by its first bytes, as a user's file would be.
        await assert.rejects(readDirectly(bytes), (error: Error & { code?: string }) => {
          assert.equal(error.code, 'TORCH_CHECKPOINT_CORRUPT')
          assert.equal(error.message.replace(/^buffer(, byte \d+)?: /, ''), message)
          return true
        })
      })
    }

    it('an element type that PyTorch does not have', () =>
      assert.rejects(readCheckpoint(file({ a: { dtype: 'F6_E2M3', shape: [4], data_offsets: [0, 3] } }, 3)), {
        code: 'TORCH_CHECKPOINT_UNSUPPORTED',
        message: 'buffer: Tensor "a" is of type "F6_E2M3", which has no counterpart in PyTorch',
      }))

    it('a length past the end of the file', () =>
      assert.rejects(readDirectly(file('{}').subarray(0, 9)), {
        code: 'TORCH_CHECKPOINT_CORRUPT',
        message: 'buffer, byte 0: The header claims 2 bytes, but the file ends after 1',
      }))

    it('a file of less than a length', () =>
      assert.rejects(readDirectly(Buffer.alloc(7)), {
        code: 'TORCH_CHECKPOINT_CORRUPT',
        message: 'buffer, byte 0: The file is truncated: it has no header',
      }))

    it('a header past the limit, before it is read', () =>
      assert.rejects(readCheckpoint(file({ a: f32(0, 4) }, 4), { limits: { headerBytes: 50 } }), {
        code: 'TORCH_CHECKPOINT_LIMIT',
        message: 'buffer, byte 0: The header has 54 bytes, more than the limit headerBytes of 50',
      }))

    it('more tensors than the limit', () =>
      assert.rejects(readCheckpoint(file({ a: f32(0, 0), b: f32(0, 0) }), { limits: { tensors: 1 } }), {
        code: 'TORCH_CHECKPOINT_LIMIT',
        message: 'buffer: The checkpoint has 2 tensors, more than the limit tensors of 1',
      }))

    it('more dimensions than the limit', () =>
      assert.rejects(readCheckpoint(file({ a: f32(0, 4, new Array(65).fill(1)) }, 4)), {
        code: 'TORCH_CHECKPOINT_LIMIT',
        message: 'buffer: Tensor "a" has 65 dimensions, more than the limit dimensions of 64',
      }))

    it('a file that is cut at every 64th byte', async () => {
      const whole = await readFile(formatFixture('tensors.safetensors'))
      for (let length = 0; length < whole.length; length += 64) {
        await assert.rejects(
          readCheckpoint(whole.subarray(0, length)),
          { name: 'CheckpointError' },
          `at ${length} bytes`,
        )
      }
    })
  })

  it('ends in a value or a CheckpointError on 500 mutated files', async () => {
    const whole = await readFile(formatFixture('tensors.safetensors'))
    const words = [
      '"',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '0',
      '9',
      '-1',
      '1e9',
      '"F64"',
      '"a":',
      '18446744073709551615',
      '\\u0061',
      '\x00',
    ]

    await fc.assert(
      fc.asyncProperty(mutations(whole, words), (bytes) => survives(() => readAll(bytes))),
      { numRuns: 500 },
    )
  }).timeout(60_000)
})
