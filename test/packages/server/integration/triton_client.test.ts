import assert from 'node:assert/strict'
import { deflateSync, gunzipSync, gzipSync } from 'node:zlib'

import { RawConnection, rawRequest } from '../../../support/raw_http.js'
import { MODEL, useServer } from '../../../support/server.js'

// What tritonclient.http of Python sends, byte for byte but for the host: https://github.com/triton-inference-server/client.
// It sets no Content-Type, asks for binary outputs where it names none, and packs whole bodies.

const SAMPLE = 3 * 28 * 28
const INFER = `v2/models/${MODEL}/infer`

interface Head {
  readonly id?: string
  readonly model_name: string
  readonly outputs: readonly {
    readonly name: string
    readonly datatype: string
    readonly shape: readonly number[]
    readonly parameters?: { readonly binary_data_size: number }
    readonly data?: readonly unknown[]
  }[]
}

function inferBody(more: object): { readonly body: Buffer; readonly jsonLength: number } {
  const tensor = Float32Array.from({ length: SAMPLE }, (_, index) => Math.cos(index))
  const input = {
    name: 'input',
    shape: [1, 3, 28, 28],
    datatype: 'FP32',
    parameters: { binary_data_size: tensor.byteLength },
  }
  const json = Buffer.from(JSON.stringify({ inputs: [input], ...more }))
  return { body: Buffer.concat([json, Buffer.from(tensor.buffer)]), jsonLength: json.length }
}

describe("Triton's HTTP client", () => {
  const running = useServer()

  async function send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array,
  ): Promise<{ status: number; head: string; body: Buffer }> {
    await using connection = await RawConnection.open(running().url)
    connection.send(rawRequest(method, `/${path}`, headers, body))
    const [answer] = await connection.first()
    assert.ok(answer)
    return { ...answer, body: Buffer.from(answer.body, 'latin1') }
  }

  function headerOf(head: string, name: string): string | undefined {
    return new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]?.trim()
  }

  /** As InferResult reads it. */
  function read(head: string, body: Buffer): { json: Head; outputs: ReadonlyMap<string, Buffer> } {
    const length = Number(headerOf(head, 'inference-header-content-length') ?? body.length)
    const json = JSON.parse(body.subarray(0, length).toString('utf8')) as Head
    let at = length
    const outputs = new Map<string, Buffer>()
    for (const { name, parameters } of json.outputs) {
      if (parameters === undefined) continue
      outputs.set(name, body.subarray(at, at + parameters.binary_data_size))
      at += parameters.binary_data_size
    }
    assert.equal(at, body.length)
    return { json, outputs }
  }

  it('gets all outputs as bytes where it names none', async () => {
    const { body, jsonLength } = inferBody({ parameters: { binary_data_output: true } })

    const answer = await send('POST', INFER, { 'Inference-Header-Content-Length': String(jsonLength) }, body)

    assert.equal(answer.status, 200)
    const { json, outputs } = read(answer.head, answer.body)
    assert.deepEqual([json.model_name, [...outputs.keys()]], [MODEL, ['logits', 'probabilities']])
    assert.deepEqual(
      json.outputs.map(({ datatype, shape }) => [datatype, shape]),
      Array(2).fill(['FP32', [1, 10]]),
    )
    assert.equal(outputs.get('logits')?.length, 40)
    assert.equal(headerOf(answer.head, 'content-type'), 'application/octet-stream')
  })

  it('gets the outputs that it names, each as it wants it, with its id', async () => {
    const { body, jsonLength } = inferBody({
      id: 'call-7',
      outputs: [
        { name: 'probabilities', parameters: { classification: 3, binary_data: true } },
        { name: 'logits', parameters: { binary_data: false } },
      ],
      parameters: { sequence_id: 0, priority: 1, timeout: 5_000_000, custom: 'x' },
    })

    const answer = await send('POST', INFER, { 'Inference-Header-Content-Length': String(jsonLength) }, body)

    const { json, outputs } = read(answer.head, answer.body)
    assert.equal(json.id, 'call-7')
    assert.equal(json.outputs[1]?.data?.length, 10)
    // As deserialize_bytes_tensor: a length of 4 bytes before each text.
    const texts: string[] = []
    const bytes = outputs.get('probabilities') ?? Buffer.alloc(0)
    for (let at = 0; at < bytes.length;) {
      const length = bytes.readUInt32LE(at)
      texts.push(bytes.toString('utf8', at + 4, at + 4 + length))
      at += 4 + length
    }
    assert.equal(texts.length, 3)
    assert.match(texts[0] ?? '', /^0\.\d+:\d:[A-Z]/)
  })

  for (const [name, pack] of [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ] as const) {
    it(`may pack its request by ${name}; the length of the JSON is that of what was packed`, async () => {
      const { body, jsonLength } = inferBody({ parameters: { binary_data_output: true } })
      const headers = { 'Content-Encoding': name, 'Inference-Header-Content-Length': String(jsonLength) }

      const answer = await send('POST', INFER, headers, pack(body))

      assert.equal(answer.status, 200)
      assert.equal(read(answer.head, answer.body).outputs.size, 2)
    })
  }

  it('may ask for a packed answer', async () => {
    const count = 64
    const input = {
      name: 'input',
      shape: [count, 3, 28, 28],
      datatype: 'FP32',
      parameters: { binary_data_size: 4 * SAMPLE * count },
    }
    const json = Buffer.from(JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } }))
    const headers = { 'Accept-Encoding': 'gzip', 'Inference-Header-Content-Length': String(json.length) }

    const answer = await send('POST', INFER, headers, Buffer.concat([json, Buffer.alloc(4 * SAMPLE * count)]))

    assert.equal(headerOf(answer.head, 'content-encoding'), 'gzip')
    assert.equal(read(answer.head, gunzipSync(answer.body)).outputs.get('logits')?.length, 40 * count)
  })

  it('finds what it calls besides', async () => {
    const none = Buffer.alloc(0)
    const paths: readonly (readonly [string, string])[] = [
      ['GET', 'v2/health/live'],
      ['GET', 'v2/health/ready'],
      ['GET', `v2/models/${MODEL}/ready`],
      ['GET', `v2/models/${MODEL}/versions/1/ready`],
      ['GET', 'v2'],
      ['GET', `v2/models/${MODEL}`],
      ['GET', `v2/models/${MODEL}/config`],
      ['GET', `v2/models/${MODEL}/versions/1/config`],
      ['POST', 'v2/repository/index'],
      ['GET', `v2/models/${MODEL}/stats`],
      ['GET', 'v2/models/stats'],
    ]
    for (const [method, path] of paths) assert.equal((await send(method, path, {}, none)).status, 200, path)
    // It raises what the member says.
    const { status, body } = await send('GET', 'v2/models/none', {}, none)
    assert.equal(status, 404)
    assert.equal(typeof (JSON.parse(body.toString()) as { error: unknown }).error, 'string')
  })
})
