import assert from 'node:assert/strict'

import { splitMessage, type MessageParts } from '../../../../packages/server/lib/grpc/message_parts.js'
import { PackedElements } from '../../../../packages/server/lib/oip/request.js'
import { Turns } from '../../../../packages/server/lib/turns.js'
import { decode, encode } from '../../../support/grpc.js'

interface Split extends MessageParts {
  /** Bytes that were taken. */
  readonly taken: number
}

async function split(message: object | Buffer, limit = Infinity): Promise<Split> {
  const bytes = Buffer.isBuffer(message) ? message : encode('ModelInfer', message)
  let taken = 0
  const take = (more: number): void => {
    taken += more
    if (taken > limit) throw new RangeError('No memory')
  }
  const parts = await splitMessage(bytes, { share: { take }, turns: new Turns() })
  return { ...parts, taken }
}

function floatsOf(elements: unknown): number[] {
  assert.ok(elements instanceof PackedElements)
  const { bytes, length } = elements
  assert.equal(bytes.length, 4 * length)
  return [...new Float32Array(new Uint8Array(bytes).buffer)]
}

function bytesOf(elements: unknown): number[] {
  assert.ok(elements instanceof PackedElements)
  assert.equal(elements.bytes.length, elements.length)
  return [...elements.bytes]
}

/** A field of a length, with up to 127 bytes. */
const delimited = (number: number, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  assert.ok(body.length < 128)
  return Buffer.concat([Buffer.from([8 * number + 2, body.length]), body])
}
const floats = (...values: readonly number[]): Buffer => Buffer.from(Float32Array.from(values).buffer)
const oneFloat = (value: number): Buffer => Buffer.concat([Buffer.from([8 * 6 + 5]), floats(value)])
const input = (...contents: readonly Buffer[]): Buffer => delimited(5, delimited(5, ...contents))

describe('splitMessage()', () => {
  it('leaves what is beside the tensors as it was, and cuts the tensors out', async () => {
    const message = {
      model_name: 'model',
      model_version: '3',
      id: 'one',
      parameters: { timeout: { int64_param: 5 } },
      inputs: [
        { name: 'a', datatype: 'FP32', shape: [1, 2], parameters: { x: { string_param: 'y' } } },
        { name: 'b', datatype: 'BYTES', shape: [300] },
      ],
      outputs: [{ name: 'logits', parameters: { classification: { int64_param: 2 } } }],
    }
    const contents = [{ fp32_contents: [1.5, -2] }, { bytes_contents: [Buffer.from('file'), Buffer.alloc(0)] }]
    const inputs = message.inputs.map((each, index) => ({ ...each, contents: contents[index] }))
    const raw = [Buffer.alloc(100_000, 7), Buffer.alloc(1)]

    const parts = await split({ ...message, inputs, raw_input_contents: raw })

    assert.deepEqual(decode('ModelInfer', parts.head), decode('ModelInfer', encode('ModelInfer', message)))
    assert.deepEqual(parts.raw, raw)
    assert.deepEqual(floatsOf(parts.contents[0]?.get('fp32_contents')), [1.5, -2])
    assert.deepEqual(parts.contents[1]?.get('bytes_contents'), [Buffer.from('file'), Buffer.alloc(0)])
  })

  it('reads float32 that come packed, one by one, and in several pieces', async () => {
    const packed = (...values: readonly number[]): Buffer => delimited(6, floats(...values))
    for (const [form, fields] of [
      ['packed', [packed(1, 2, 3)]],
      ['one by one', [oneFloat(1), oneFloat(2), oneFloat(3)]],
      ['pieces', [packed(1), packed(), packed(2, 3)]],
      ['mixed', [oneFloat(1), packed(2), oneFloat(3)]],
    ] as const) {
      const { contents } = await split(input(...fields))

      assert.deepEqual(floatsOf(contents[0]?.get('fp32_contents')), [1, 2, 3], form)
    }
  })

  it('joins the contents of an input that come in parts', async () => {
    const message = delimited(5, delimited(5, oneFloat(1)), delimited(5, oneFloat(2)))

    assert.deepEqual(floatsOf((await split(message)).contents[0]?.get('fp32_contents')), [1, 2])
  })

  it('reads pixels that come packed and one by one, and notes the first that is none', async () => {
    const values = [0, 127, 128, 255]
    const packed = { inputs: [{ contents: { uint_contents: values } }] }
    assert.deepEqual(bytesOf((await split(packed)).contents[0]?.get('uint_contents')), values)
    const single = input(Buffer.from([0x20, 0x00, 0x20, 0x7f, 0x20, 0x80, 0x01, 0x20, 0xff, 0x01]))
    assert.deepEqual(bytesOf((await split(single)).contents[0]?.get('uint_contents')), values)

    const wrong = await split({ inputs: [{ contents: { uint_contents: [1, 256, 3_000_000_000] } }] })

    assert.equal((wrong.contents[0]?.get('uint_contents') as PackedElements).tooLarge, 256)
  })

  it('uses the only piece of a tensor where it is, without memory of its own', async () => {
    const message = encode('ModelInfer', {
      inputs: [{ contents: { fp32_contents: Array<number>(100_000).fill(0) } }],
      raw_input_contents: [],
    })

    const { contents, taken } = await split(message)

    const { bytes } = contents[0]?.get('fp32_contents') as PackedElements
    assert.equal(bytes.buffer, message.buffer)
    assert.ok(taken < 2000, String(taken))
  })

  it('takes memory for elements and files before it makes them', async () => {
    const single = Buffer.concat(Array.from({ length: 20 }, (_, at) => oneFloat(at)))
    assert.ok((await split(input(single))).taken >= 80)
    const pixels = { inputs: [{ contents: { uint_contents: Array<number>(5000).fill(200) } }] }
    assert.ok((await split(pixels)).taken >= 5000)

    const files = { inputs: [{ contents: { bytes_contents: Array<Buffer>(5000).fill(Buffer.alloc(0)) } }] }
    await assert.rejects(split(files, 1_000_000), { message: 'No memory' })
  })

  it('names contents that no input can have, if they are not empty', async () => {
    const contents = { int_contents: [1], fp64_contents: [], bool_contents: [true] }

    const [found] = (await split({ inputs: [{ contents }] })).contents

    assert.deepEqual([...(found ?? [])], [['bool_contents', null], ['int_contents', null]]) // prettier-ignore
  })

  it('refuses more inputs or outputs than any model has', async () => {
    for (const [tag, name] of [
      [0x2a, 'inputs'],
      [0x32, 'outputs'],
    ] as const) {
      const message = Buffer.alloc(2_000_000, Buffer.from([tag, 0x00]))

      await assert.rejects(split(message), { message: `Expected at most 16 ${name}, received more` })
    }
  })

  it('counts raw tensors beyond those of any model, and keeps none of them', async () => {
    const { raw, rawCount, taken } = await split(Buffer.alloc(200_000, Buffer.from([0x3a, 0x00])))

    assert.deepEqual([raw.length, rawCount, taken], [16, 100_000, 0])
  })

  it('refuses more than 64 KiB beside the tensors', async () => {
    await split({ id: 'x'.repeat(65_000) })
    const message = 'Expected at most 65536 bytes of names, shapes and parameters, received more'

    await assert.rejects(split({ id: 'x'.repeat(66_000) }), { code: 'TORCH_TOO_LARGE', message })
    const parameters = { x: { string_param: 'x'.repeat(6000) } }
    const inputs = Array.from({ length: 12 }, () => ({ parameters }))
    await assert.rejects(split({ inputs }), { code: 'TORCH_TOO_LARGE', message })
  })

  for (const [what, bytes] of [
    ['a field beyond the end', [0x2a, 0x05, 0x00]],
    ['a number without an end', [0x08, 0xff, 0xff]],
    ['a number of more than 64 bits', [0x08, ...Array<number>(11).fill(0xff), 0x01]],
    ['an unknown kind of field', [0x0f]],
    ['a group', [0x0b]],
    ['a part of a float32', [0x2a, 0x05, 0x2a, 0x03, 0x32, 0x01, 0x00]],
    ['a float32 that is a varint', [0x2a, 0x04, 0x2a, 0x02, 0x30, 0x00]],
    ['pixels whose last has no end', [0x2a, 0x06, 0x2a, 0x04, 0x22, 0x02, 0x01, 0xff]],
    ['a file that is a number', [0x2a, 0x04, 0x2a, 0x02, 0x40, 0x00]],
  ] as const) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(split(Buffer.from(bytes)), { code: 'TORCH_REQUEST', message: /^The message is not a/ })
    })
  }
})
