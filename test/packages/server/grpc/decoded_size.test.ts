import assert from 'node:assert/strict'

import { decodedSize } from '../../../../packages/server/lib/grpc/decoded_size.js'
import { encode } from '../../../support/grpc.js'

const sizeOf = (message: object): ReturnType<typeof decodedSize> => decodedSize(encode('ModelInfer', message))

describe('decodedSize()', () => {
  it('counts an object for a tensor in raw form, whatever its length, and none of its bytes as parsed', () => {
    const [small, large] = [10, 1_000_000].map((length) => sizeOf({ raw_input_contents: [Buffer.alloc(length)] }))

    assert.equal(small?.memoryBytes, 256)
    assert.equal(large?.memoryBytes, 256)
    assert.ok((large?.parsedBytes ?? NaN) < 8)
  })

  it('does the same for files in bytes_contents', () => {
    const { memoryBytes, parsedBytes } = sizeOf({ inputs: [{ contents: { bytes_contents: [Buffer.alloc(100_000)] } }] })

    assert.equal(memoryBytes, 3 * 256)
    assert.ok(parsedBytes < 16)
  })

  it('counts 32 bytes for each element, and 128 for one of 64 bits', () => {
    const cost = (field: string): number => {
      const bytes = (count: number): number =>
        sizeOf({ inputs: [{ contents: { [field]: Array<number>(count).fill(1) } }] }).memoryBytes
      return bytes(1001) - bytes(1)
    }

    assert.deepEqual(
      ['fp32_contents', 'fp64_contents', 'uint_contents', 'bool_contents'].map(cost),
      Array(4).fill(32_000),
    )
    assert.deepEqual(['int64_contents', 'uint64_contents'].map(cost), Array(2).fill(128_000))
  })

  it('counts an object for each input, even of no bytes', () => {
    assert.deepEqual(decodedSize(Buffer.alloc(2000, Buffer.from([0x2a, 0x00]))), {
      memoryBytes: 256_000,
      parsedBytes: 2000,
    })
  })

  for (const [what, bytes] of [
    ['a field beyond the end', [0x2a, 0x05, 0x00]],
    ['a number without an end', [0x08, 0xff, 0xff]],
    ['a number of more than 64 bits', [0x08, ...Array<number>(11).fill(0xff), 0x01]],
    ['an unknown kind of field', [0x0f]],
    ['a group', [0x0b]],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => decodedSize(Buffer.from(bytes)), { code: 'TORCH_REQUEST', message: /^The message is not a/ })
    })
  }
})
