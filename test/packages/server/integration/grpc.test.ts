import assert from 'node:assert/strict'
import { once } from 'node:events'

import { status as Status } from '@grpc/grpc-js'

import { encode, GrpcClient, HEALTH, INFERENCE, type Ended } from '../../../support/grpc.js'
import { MODEL, post, useServer } from '../../../support/server.js'

const SAMPLE = 3 * 28 * 28
const values = Array.from({ length: SAMPLE }, (_, index) => Math.fround(Math.cos(index)))
const RAW = Buffer.from(Float32Array.from(values).buffer)
const INPUT = { name: 'input', datatype: 'FP32', shape: [1, 3, 28, 28] }
const REQUEST = { model_name: MODEL, inputs: [INPUT], raw_input_contents: [RAW] }

function floatsOf(bytes: Buffer): number[] {
  return [...new Float32Array(new Uint8Array(bytes).buffer)]
}

function textsOf(bytes: Buffer): string[] {
  const texts: string[] = []
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32LE(at)
    texts.push(bytes.subarray(at + 4, at + 4 + length).toString())
    at += 4 + length
  }
  return texts
}

describe('a server over gRPC', function () {
  this.timeout(60_000)
  const running = useServer({ grpc: true, grpcPort: 0 })
  let client: GrpcClient
  before(() => (client = new GrpcClient(running().server.grpcAddress ?? '')))
  after(() => client[Symbol.dispose]())

  const call = async (method: string, request: object): Promise<Ended> => client.call(method, request)

  it('says that it is alive and ready, and what it can do', async () => {
    assert.deepEqual((await call('ServerLive', {})).response, { live: true })
    assert.deepEqual((await call('ServerReady', {})).response, { ready: true })
    assert.deepEqual((await call('ModelReady', { name: MODEL })).response, { ready: true })
    const { name, extensions } = (await call('ServerMetadata', {})).response
    assert.equal(name, 'napi-torch')
    assert.ok(extensions.includes('classification'))
  })

  it('describes a model as REST does', async () => {
    const { response } = await call('ModelMetadata', { name: MODEL })
    const rest = (await (await fetch(`${running().url}/v2/models/${MODEL}`)).json()) as Record<string, unknown>

    delete rest['properties']
    assert.deepEqual(response, rest)
    const { config } = (await call('ModelConfig', { name: MODEL, version: '1' })).response
    assert.deepEqual(config.input[0]?.dims, [3, 28, 28])
    assert.equal(config.input[0].data_type, 'TYPE_FP32')
    assert.equal(Reflect.get(config.dynamic_batching, 'default_priority_level'), 2)
  })

  it('counts inferences in the statistics of the model, and in its metrics', async () => {
    const count = async (): Promise<number> =>
      (await call('ModelStatistics', { name: MODEL })).response.model_stats[0]?.inference_count ?? NaN
    const before = await count()

    await call('ModelInfer', REQUEST)

    assert.equal(await count(), before + 1)
    assert.match(
      await (await fetch(`${running().url}/metrics`)).text(),
      /^napi_torch_requests_total\{model="fashion-mnist",status="200"\} [1-9]/m,
    )
  })

  it('lists the models', async () => {
    const { models } = (await call('RepositoryIndex', { ready: true })).response

    assert.deepEqual(models, [{ name: MODEL, version: '1', state: 'READY', reason: '' }])
  })

  it('loads no model where repositoryControl is off', async () => {
    const { code, torch } = await call('RepositoryModelLoad', { model_name: MODEL })

    assert.deepEqual([code, torch], [Status.NOT_FOUND, 'TORCH_NOT_FOUND'])
  })

  describe('ModelInfer', () => {
    it('gives what REST gives, for tensors in raw form and as elements', async () => {
      const rest = await post(`${running().url}/v2/models/${MODEL}/infer`, { inputs: [{ ...INPUT, data: values }] })
      const [logits, probabilities] = (rest.body as { outputs: { data: number[] }[] }).outputs.map(({ data }) => data)

      const raw = await call('ModelInfer', { ...REQUEST, id: 'one' })
      const elements = await call('ModelInfer', {
        model_name: MODEL,
        inputs: [{ ...INPUT, contents: { fp32_contents: values } }],
      })

      assert.deepEqual(raw.response.raw_output_contents.map(floatsOf), [logits, probabilities])
      assert.deepEqual(elements.response.raw_output_contents.map(floatsOf), [logits, probabilities])
      assert.deepEqual(
        [raw.response.id, raw.response.model_name, raw.response.model_version, elements.response.id],
        ['one', MODEL, '1', ''],
      )
      assert.deepEqual(
        raw.response.outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
        ['logits', 'probabilities'].map((name) => ({ name, datatype: 'FP32', shape: [1, 10] })),
      )
    })

    it('takes FP16, pixels and files', async () => {
      const { default: sharp } = await import('sharp')
      const pixels = Buffer.alloc(2 * 28 * 28, 90)
      const file = await sharp(pixels.subarray(784), { raw: { width: 28, height: 28, channels: 1 } })
        .png()
        .toBuffer()
      const half = Buffer.alloc(2 * SAMPLE)
      const infer = async (input: object, raw: readonly Buffer[] = []): Promise<number[][]> => {
        const { response, details } = await call('ModelInfer', {
          model_name: MODEL,
          inputs: [{ name: 'input', ...input }],
          outputs: [{ name: 'logits' }],
          raw_input_contents: raw,
        })
        assert.equal(details, '')
        return response.raw_output_contents.map(floatsOf)
      }
      const length = Buffer.alloc(4)
      length.writeUInt32LE(file.length)

      const shape = [1, 3, 28, 28]
      const zero = Buffer.alloc(4 * SAMPLE)
      assert.deepEqual(
        await infer({ datatype: 'FP16', shape }, [half]),
        await infer({ datatype: 'FP32', shape }, [zero]),
      )
      const fromFile = await infer({ datatype: 'BYTES', shape: [1] }, [Buffer.concat([length, file])])
      assert.deepEqual(await infer({ datatype: 'BYTES', shape: [1], contents: { bytes_contents: [file] } }), fromFile)
      const image = { datatype: 'UINT8', shape: [1, 28, 28, 1] }
      assert.deepEqual(await infer(image, [pixels.subarray(784)]), fromFile)
      assert.deepEqual(await infer({ ...image, contents: { uint_contents: [...pixels.subarray(784)] } }), fromFile)
    })

    it('gives only the outputs that are asked for, and classes as texts', async () => {
      const outputs = [{ name: 'probabilities', parameters: { classification: { int64_param: 3 } } }]
      const { response } = await call('ModelInfer', { ...REQUEST, outputs })

      const [output] = response.outputs
      assert.deepEqual([output?.name, output?.datatype, output?.shape], ['probabilities', 'BYTES', [1, 3]])
      const texts = textsOf(response.raw_output_contents[0] ?? Buffer.alloc(0))
      assert.equal(texts.length, 3)
      for (const text of texts) assert.match(text, /^0\.\d{6}:\d+:\w/)
    })

    const huge = 2n ** 62n
    const cases: readonly (readonly [what: string, message: object, details: RegExp])[] = [
      ['a raw input that is too short', { raw_input_contents: [RAW.subarray(1)] }, /^Expected 9408 bytes for 'input'/],
      ['a raw input that is too long', { raw_input_contents: [Buffer.concat([RAW, RAW])] }, /received 18816$/],
      ['more raw inputs than inputs', { raw_input_contents: [RAW, RAW] }, /^Expected raw_input_contents for each of 1/],
      [
        'raw contents beside elements',
        { inputs: [{ ...INPUT, contents: { fp32_contents: values } }] },
        /^Expected contents or raw_input_contents for inputs\[0\], received both$/,
      ],
      [
        'neither',
        { raw_input_contents: [] },
        /^Expected contents or raw_input_contents for inputs\[0\], received neither$/,
      ],
      [
        'elements of another datatype',
        { inputs: [{ ...INPUT, contents: { int_contents: [1] } }], raw_input_contents: [] },
        /^Expected fp32_contents for the FP32 of inputs\[0\], received int_contents$/,
      ],
      [
        'too few elements',
        { inputs: [{ ...INPUT, contents: { fp32_contents: [1, 2] } }], raw_input_contents: [] },
        /^Expected 2352 elements for the data of 'input', received 2$/,
      ],
      [
        'a number that is no pixel',
        {
          inputs: [{ name: 'input', datatype: 'UINT8', shape: [1, 1, 1, 1], contents: { uint_contents: [256] } }],
          raw_input_contents: [],
        },
        /^Expected integers from 0 to 255/,
      ],
      ['an unknown datatype', { inputs: [{ ...INPUT, datatype: 'FP33' }] }, /^Expected FP32, FP16, UINT8, BYTES/],
      ['no name', { inputs: [{ ...INPUT, name: '' }] }, /^Expected a name for name of inputs\[0\], received ""$/],
      ['another name', { inputs: [{ ...INPUT, name: 'x' }] }, /^Expected the input 'input', received "x"$/],
      ['no inputs', { inputs: [], raw_input_contents: [] }, /^Expected an array of tensors for inputs, received \[\]$/],
      ['two inputs of a name', { inputs: [INPUT, INPUT], raw_input_contents: [RAW, RAW] }, /received "input" twice$/],
      ['a batch of 0', { inputs: [{ ...INPUT, shape: [0, 3, 28, 28] }] }, /^Expected the shape \(N, 3, 28, 28\)/],
      ['a negative size', { inputs: [{ ...INPUT, shape: [-1, 3, 28, 28] }] }, /^Expected an array of non-negative/],
      ['a giant batch', { inputs: [{ ...INPUT, shape: [2 ** 40, 3, 28, 28] }] }, /^Expected at most 64 samples/],
      ['a size beyond exact numbers', { inputs: [{ ...INPUT, shape: [String(huge), 3, 28, 28] }] }, /^Expected/],
      ['another rank', { inputs: [{ ...INPUT, shape: [2352] }] }, /^Expected the shape \(N, 3, 28, 28\)/],
      ['an unknown output', { outputs: [{ name: 'none' }] }, /for the name of an output, received "none"$/],
      [
        'a timeout that is a text',
        { parameters: { timeout: { string_param: 'soon' } } },
        /^Expected a non-negative integer for timeout, received "soon"$/,
      ],
      ['a priority that is negative', { parameters: { priority: { int64_param: -1 } } }, /for priority, received -1$/],
    ]
    for (const [what, message, details] of cases) {
      it(`refuses ${what} as an invalid argument`, async () => {
        const ended = await call('ModelInfer', { ...REQUEST, ...message })

        assert.equal(ended.code, Status.INVALID_ARGUMENT)
        assert.match(ended.details, details)
      })
    }

    it('refuses bytes that are no message as an invalid argument', async () => {
      const message = encode('ModelInfer', REQUEST)
      for (const bytes of [
        message.subarray(0, message.length - 1),
        Buffer.from([0xff]),
        Buffer.from([0x2a, 0xff]),
        Buffer.from([0x0b]),
      ]) {
        const { code, torch } = await client.raw('ModelInfer', bytes)

        assert.deepEqual(
          [code, torch],
          [Status.INVALID_ARGUMENT, 'TORCH_REQUEST'],
          bytes.subarray(0, 4).toString('hex'),
        )
      }
      const { code } = await client.raw('ModelReady', Buffer.from([0xff]))
      assert.equal(code, Status.INVALID_ARGUMENT)
    })

    it('does not know other models and versions', async () => {
      const model = await call('ModelInfer', { ...REQUEST, model_name: 'none' })
      const version = await call('ModelInfer', { ...REQUEST, model_version: '9' })

      assert.deepEqual([model.code, model.details], [Status.NOT_FOUND, 'There is no model none'])
      assert.deepEqual([version.code, version.torch], [Status.NOT_FOUND, 'TORCH_NOT_FOUND'])
    })
  })

  describe('ModelStreamInfer', () => {
    it('answers in the order of the requests, and goes on after an error', async () => {
      const stream = client.stream()
      const received: [string, string][] = []
      stream.on('data', (message: { error_message: string; infer_response: { id: string } }) => {
        received.push([message.error_message, message.infer_response.id])
      })
      for (let index = 0; index < 30; index++) {
        const wrong = index % 7 === 5 ? { model_name: 'none' } : {}
        stream.write({ ...REQUEST, ...wrong, id: String(index) })
      }
      stream.end()
      await once(stream, 'end')

      assert.deepEqual(
        received,
        Array.from({ length: 30 }, (_, index) => [index % 7 === 5 ? 'There is no model none' : '', String(index)]),
      )
    })
  })

  describe('the health service', () => {
    it('serves, and knows no other service', async () => {
      const check = (service: string): Promise<Ended> => client.call('Check', { service }, { service: HEALTH })

      assert.deepEqual((await check('')).response, { status: 'SERVING' })
      assert.deepEqual((await check(INFERENCE)).response, { status: 'SERVING' })
      assert.equal((await check('none')).code, Status.NOT_FOUND)
    })
  })
})
