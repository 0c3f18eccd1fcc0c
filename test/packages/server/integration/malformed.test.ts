import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'

import { memory } from 'napi-torch'

import { RawConnection, rawRequest } from '../../../support/raw_http.js'
import { MODEL, useServer } from '../../../support/server.js'

const INFER = `/v2/models/${MODEL}/infer`
const CLASSIFY = `/v1/classify/${MODEL}`
const SAMPLE = 3 * 28 * 28
const BYTES = 4 * SAMPLE
const JSON_TYPE = { 'content-type': 'application/json' }

/** JSON and behind it bytes, as the binary tensor extension has it. */
function binary(
  header: object,
  bytes: Uint8Array,
  length?: number | string,
): { readonly headers: Record<string, string>; readonly body: Buffer } {
  const json = Buffer.from(JSON.stringify(header))
  const headers = { 'inference-header-content-length': String(length ?? json.length) }
  return { headers, body: Buffer.concat([json, bytes]) }
}

function tensor(fields: object = {}): object {
  return { name: 'input', datatype: 'FP32', shape: [1, 3, 28, 28], ...fields }
}

const zeros = new Uint8Array(BYTES)
const binaryTensor = tensor({ parameters: { binary_data_size: BYTES } })
const data = Array<number>(SAMPLE).fill(0)

function nested(depth: number): string {
  return `{"inputs":[{"name":"input","datatype":"FP32","shape":[1,3,28,28],"data":${'['.repeat(depth)}${']'.repeat(depth)}}]}`
}

function json(value: unknown): { readonly headers: Record<string, string>; readonly body: string } {
  return { headers: JSON_TYPE, body: typeof value === 'string' ? value : JSON.stringify(value) }
}

type Case = readonly [
  name: string,
  request: { readonly headers: Readonly<Record<string, string>>; readonly body: string | Uint8Array },
  status: number,
  code: string,
  path?: string,
]

const CASES: readonly Case[] = [
  ['no body', json(''), 400, 'TORCH_REQUEST'],
  ['text that is no JSON', json('{'), 400, 'TORCH_REQUEST'],
  ['JSON that is no object', json('[]'), 400, 'TORCH_REQUEST'],
  ['invalid UTF-8', { headers: JSON_TYPE, body: Uint8Array.of(0x22, 0xff, 0x22) }, 400, 'TORCH_REQUEST'],
  ['JSON of 100,000 levels', json('['.repeat(100_000) + ']'.repeat(100_000)), 400, 'TORCH_REQUEST'],
  ['data of 100,000 levels', json(nested(100_000)), 400, 'TORCH_REQUEST'],
  ['no inputs', json({}), 400, 'TORCH_REQUEST'],
  ['two inputs of one name', json({ inputs: [tensor({ data }), tensor({ data })] }), 400, 'TORCH_REQUEST'],
  ['an input of another name', json({ inputs: [tensor({ name: 'x', data })] }), 400, 'TORCH_REQUEST'],
  ['an input called __proto__', json({ inputs: [tensor({ name: '__proto__', data })] }), 400, 'TORCH_REQUEST'],
  ['an unknown datatype', json({ inputs: [tensor({ datatype: 'FP99', data })] }), 400, 'TORCH_REQUEST'],
  [
    'another datatype than the model reads',
    json({ inputs: [tensor({ datatype: 'INT64', data })] }),
    400,
    'TORCH_REQUEST',
  ],
  ['a negative size', json({ inputs: [tensor({ shape: [-1, 3, 28, 28], data })] }), 400, 'TORCH_REQUEST'],
  ['a size that is no integer', json({ inputs: [tensor({ shape: [1.5, 3, 28, 28], data })] }), 400, 'TORCH_REQUEST'],
  ['no samples', json({ inputs: [tensor({ shape: [0, 3, 28, 28], data: [] })] }), 400, 'TORCH_REQUEST'],
  [
    'another shape than the model reads',
    json({ inputs: [tensor({ shape: [1, 28, 28, 3], data })] }),
    400,
    'TORCH_REQUEST',
  ],
  [
    '10^9 samples of no data',
    json({ inputs: [tensor({ shape: [1e9, 3, 28, 28], data: [] })] }),
    413,
    'TORCH_TOO_LARGE',
  ],
  ['2^53 elements', json({ inputs: [tensor({ shape: [2 ** 53 - 1, 3, 28, 28], data: [] })] }), 413, 'TORCH_TOO_LARGE'],
  ['too few elements', json({ inputs: [tensor({ data: data.slice(1) })] }), 400, 'TORCH_REQUEST'],
  ['too many elements', json({ inputs: [tensor({ data: [...data, 0] })] }), 400, 'TORCH_REQUEST'],
  ['ragged rows', json({ inputs: [tensor({ data: [[[[0], [0, 1]]]] })] }), 400, 'TORCH_REQUEST'],
  ['text in place of a number', json({ inputs: [tensor({ data: [...data.slice(1), '0'] })] }), 400, 'TORCH_REQUEST'],
  ['null in place of a number', json({ inputs: [tensor({ data: [...data.slice(1), null] })] }), 400, 'TORCH_REQUEST'],
  ['a number beyond float32', json({ inputs: [tensor({ data: [...data.slice(1), 1e39] })] }), 400, 'TORCH_REQUEST'],
  [
    'NaN in JSON',
    json(JSON.stringify({ inputs: [tensor({ data: ['NAN'] })] }).replace('"NAN"', 'NaN')),
    400,
    'TORCH_REQUEST',
  ],
  ['an output that there is not', json({ inputs: [tensor({ data })], outputs: [{ name: 'x' }] }), 400, 'TORCH_REQUEST'],
  ['an id that is no text', json({ id: 7, inputs: [tensor({ data })] }), 400, 'TORCH_REQUEST'],
  ['a negative timeout', json({ inputs: [tensor({ data })], parameters: { timeout: -1 } }), 400, 'TORCH_REQUEST'],
  [
    'data and a binary size at once',
    binary({ inputs: [tensor({ data, parameters: { binary_data_size: BYTES } })] }, zeros),
    400,
    'TORCH_REQUEST',
  ],
  ['a header length beyond the body', binary({ inputs: [binaryTensor] }, zeros, 10 ** 9), 400, 'TORCH_REQUEST'],
  ['a header length that is no number', binary({ inputs: [binaryTensor] }, zeros, 'x'), 400, 'TORCH_REQUEST'],
  ['a header length that is infinite', binary({ inputs: [binaryTensor] }, zeros, 'Infinity'), 400, 'TORCH_REQUEST'],
  ['a header length within the JSON', binary({ inputs: [binaryTensor] }, zeros, 5), 400, 'TORCH_REQUEST'],
  ['a tensor that is cut', binary({ inputs: [binaryTensor] }, zeros.subarray(1)), 400, 'TORCH_REQUEST'],
  ['bytes behind the tensor', binary({ inputs: [binaryTensor] }, new Uint8Array(BYTES + 1)), 400, 'TORCH_REQUEST'],
  [
    'a binary size that is negative',
    binary({ inputs: [tensor({ parameters: { binary_data_size: -1 } })] }, zeros),
    400,
    'TORCH_REQUEST',
  ],
  [
    'a binary size unlike the shape',
    binary({ inputs: [tensor({ parameters: { binary_data_size: 4 } })] }, zeros.subarray(0, 4)),
    400,
    'TORCH_REQUEST',
  ],
  [
    'bytes alone that are no whole sample',
    { headers: { 'inference-header-content-length': '0' }, body: zeros.subarray(4) },
    400,
    'TORCH_REQUEST',
  ],
  [
    'an element of BYTES that goes past the end',
    binary(
      { inputs: [{ name: 'input', datatype: 'BYTES', shape: [1], parameters: { binary_data_size: 4 } }] },
      Uint8Array.of(255, 255, 255, 255),
    ),
    400,
    'TORCH_REQUEST',
  ],
  [
    'text that is no base64',
    json({ inputs: [{ name: 'input', datatype: 'BYTES', shape: [1], data: ['?'] }] }),
    400,
    'TORCH_REQUEST',
  ],
  [
    'pixels of 256',
    json({ inputs: [{ name: 'input', datatype: 'UINT8', shape: [1, 1, 1, 3], data: [0, 0, 256] }] }),
    400,
    'TORCH_REQUEST',
  ],
  [
    'pixels of two channels',
    json({ inputs: [{ name: 'input', datatype: 'UINT8', shape: [1, 1, 1, 2], data: [0, 0] }] }),
    400,
    'TORCH_REQUEST',
  ],
  ['a body of another type', { headers: { 'content-type': 'text/html' }, body: 'x' }, 415, 'TORCH_MEDIA_TYPE'],
  [
    'a body that is packed in an unknown way',
    { headers: { ...JSON_TYPE, 'content-encoding': 'br' }, body: 'x' },
    415,
    'TORCH_MEDIA_TYPE',
  ],
  [
    'a body that is not packed as it says',
    { headers: { ...JSON_TYPE, 'content-encoding': 'gzip' }, body: '{}' },
    400,
    'TORCH_REQUEST',
  ],
  [
    'a deadline that is no number',
    { ...json({ inputs: [tensor({ data })] }), headers: { ...JSON_TYPE, 'x-request-timeout-ms': 'soon' } },
    400,
    'TORCH_REQUEST',
  ],
  ['a model that there is not', json({}), 404, 'TORCH_NOT_FOUND', '/v2/models/none/infer'],
  ['a version that there is not', json({}), 404, 'TORCH_NOT_FOUND', `/v2/models/${MODEL}/versions/9/infer`],
  ['an address that there is not', json({}), 404, 'TORCH_NOT_FOUND', '/v3'],
  ['a method that the address does not take', json({}), 405, 'TORCH_METHOD', `/v2/models/${MODEL}`],
  ['an address that is no valid URI', json({}), 400, 'TORCH_REQUEST', '/v2/models/%ff/infer'],
  ['an image that is none', { headers: { 'content-type': 'image/png' }, body: 'x' }, 400, 'TORCH_IMAGE', CLASSIFY],
  ['no image', { headers: { 'content-type': 'image/png' }, body: '' }, 400, 'TORCH_IMAGE', CLASSIFY],
  [
    'a number of answers that is none',
    { headers: { 'content-type': 'image/png' }, body: 'x' },
    400,
    'TORCH_REQUEST',
    `${CLASSIFY}?top=x`,
  ],
  [
    'a form without its boundary',
    { headers: { 'content-type': 'multipart/form-data' }, body: 'x' },
    400,
    'TORCH_REQUEST',
    CLASSIFY,
  ],
  [
    'a form without files',
    { headers: { 'content-type': 'multipart/form-data; boundary=b' }, body: '--b--\r\n' },
    400,
    'TORCH_REQUEST',
    CLASSIFY,
  ],
]

describe('a server refuses', () => {
  const running = useServer()

  for (const [name, { headers, body }, status, code, path = INFER] of CASES) {
    it(`${name} with ${status} ${code}`, async () => {
      await using connection = await RawConnection.open(running().url)
      connection.send(rawRequest('POST', path, headers, body))

      const [answer] = await connection.first()

      assert.equal(answer?.status, status, answer?.body)
      const { error, ...rest } = JSON.parse(answer.body) as Record<string, unknown>
      assert.deepEqual(rest, { code })
      assert.ok(typeof error === 'string' && error.length < 600, String(error))
    })
  }

  it('what is no HTTP with 400, and closes the connection', async () => {
    await using connection = await RawConnection.open(running().url)
    connection.send('\u0016\u0003\u0001 hello\r\n\r\n')

    const [answer] = await connection.answers()

    assert.equal(answer?.status, 400)
    assert.equal((JSON.parse(answer.body) as { code: string }).code, 'TORCH_REQUEST')
  })

  it('headers past maxHeaderBytes with 431', async () => {
    await using connection = await RawConnection.open(running().url)
    connection.send(`GET /v2 HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`)

    const [answer] = await connection.answers()

    assert.equal(answer?.status, 431)
  })

  it('and goes on answering, with nothing left behind', async () => {
    const before = memory().tensors
    await using connection = await RawConnection.open(running().url)
    connection.send(rawRequest('POST', INFER, JSON_TYPE, JSON.stringify({ inputs: [tensor({ data })] })))

    const [answer] = await connection.first()

    assert.equal(answer?.status, 200)
    assert.equal(memory().tensors, before)
  })
})

describe('a server answers', () => {
  const running = useServer()
  const wanted = JSON.stringify({ inputs: [tensor({ data })] })

  it('null where a field is left out, and JSON that curl calls a form', async () => {
    const input = tensor({ data, parameters: null })
    const body = JSON.stringify({ id: null, parameters: null, outputs: null, inputs: [input] })
    await using connection = await RawConnection.open(running().url)
    connection.send(rawRequest('POST', INFER, { 'content-type': 'application/x-www-form-urlencoded' }, body))

    const [answer] = await connection.first()
    assert.equal(answer?.status, 200, answer?.body)
    assert.ok(!('id' in (JSON.parse(answer.body) as object)))
  })

  it('a wrong method with those that the address takes', async () => {
    const answer = await fetch(running().url + INFER, { method: 'DELETE' })

    assert.deepEqual([answer.status, answer.headers.get('allow')], [405, 'POST'])
  })

  it('a body that comes in pieces of one byte', async () => {
    await using connection = await RawConnection.open(running().url)
    connection.socket.setNoDelay(true)
    const request = rawRequest('POST', INFER, JSON_TYPE, wanted)

    for (const byte of request) connection.send(Uint8Array.of(byte))

    const [answer] = await connection.first()
    assert.equal(answer?.status, 200)
  })

  it('a chunked body', async () => {
    await using connection = await RawConnection.open(running().url)
    connection.send(
      `POST ${INFER} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`,
    )
    for (let at = 0; at < wanted.length; at += 1000) {
      const piece = wanted.slice(at, at + 1000)
      connection.send(`${piece.length.toString(16)}\r\n${piece}\r\n`)
    }
    connection.send('0\r\n\r\n')

    const [answer] = await connection.first()
    assert.equal(answer?.status, 200)
  })

  it('several requests that are sent without waiting, in their order', async () => {
    await using connection = await RawConnection.open(running().url)
    const ids = ['a', 'b', 'c']
    const requests = ids.map((id) =>
      rawRequest('POST', INFER, JSON_TYPE, JSON.stringify({ id, inputs: [tensor({ data })] })),
    )
    connection.send(Buffer.concat(requests))

    const answers = await connection.first(3)

    assert.deepEqual(
      answers.map(({ body }) => (JSON.parse(body) as { id: string }).id),
      ids,
    )
  })

  it('a tensor wherever it lies in the body, as the same tensor in JSON', async () => {
    const numbers = Float32Array.from({ length: SAMPLE }, (_, index) => Math.sin(index))
    const logitsOf = async (request: Buffer): Promise<number[]> => {
      await using connection = await RawConnection.open(running().url)
      connection.send(request)
      const [answer] = await connection.first()
      assert.equal(answer?.status, 200, answer?.body)
      const { outputs } = JSON.parse(answer.body) as { outputs: readonly { name: string; data: number[] }[] }
      return outputs[0]?.data ?? []
    }
    const expected = await logitsOf(
      rawRequest('POST', INFER, JSON_TYPE, JSON.stringify({ inputs: [tensor({ data: [...numbers] })] })),
    )

    for (const id of ['', 'x', 'xx', 'xxx']) {
      const { headers, body } = binary({ id, inputs: [binaryTensor] }, new Uint8Array(numbers.buffer))

      assert.deepEqual(await logitsOf(rawRequest('POST', INFER, headers, body)), expected)
    }
  })

  it('NaN in a binary tensor with NaN, as PyTorch does, if it is asked for in binary', async () => {
    const numbers = new Float32Array(SAMPLE).fill(NaN)
    const header = { inputs: [binaryTensor], outputs: [{ name: 'logits', parameters: { binary_data: true } }] }
    const { headers, body } = binary(header, new Uint8Array(numbers.buffer))
    const response = await fetch(`${running().url}${INFER}`, { method: 'POST', headers, body: new Uint8Array(body) })

    const length = Number(response.headers.get('inference-header-content-length'))
    const logits = new Float32Array((await response.arrayBuffer()).slice(length))
    assert.equal(response.status, 200)
    assert.ok(logits.length === 10 && logits.every(Number.isNaN))
  })

  it('a body that is packed, and packs a long answer if the client wants that', async () => {
    const inputs = [tensor({ shape: [32, 3, 28, 28], data: Array<number>(32 * SAMPLE).fill(0) })]
    const response = await fetch(`${running().url}${INFER}`, {
      method: 'POST',
      headers: { ...JSON_TYPE, 'content-encoding': 'gzip', 'accept-encoding': 'gzip' },
      body: new Uint8Array(gzipSync(JSON.stringify({ inputs }))),
    })

    const { outputs } = (await response.json()) as { outputs: readonly { shape: number[] }[] }
    assert.equal(response.headers.get('content-encoding'), 'gzip')
    assert.deepEqual(outputs[0]?.shape, [32, 10])
  })
})
