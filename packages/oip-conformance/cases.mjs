// The cases: each has the section of the protocol, what must hold, and a function that throws where it does not.
// `extension` names what a server may leave out; `needs` skips a case where the model makes it impossible.

import assert from 'node:assert/strict'
import { deflateSync, gzipSync } from 'node:zlib'

import { floatsOf, makeTensor, nest, toBytes } from './tensors.mjs'

const BINARY = 'binary_tensor_data'

function jsonInput({ name, datatype, shape, values }, form = 'flat') {
  return { name, datatype, shape, data: form === 'nested' ? nest(values, shape) : values }
}

function binaryInput({ name, datatype, shape }, bytes) {
  return { name, datatype, shape, parameters: { binary_data_size: bytes.length } }
}

function assertError({ status, json }, expected = (code) => code >= 400 && code < 500) {
  assert.ok(expected(status), `status ${status}`)
  assert.equal(typeof json?.error, 'string', 'the body has no "error" string')
  assert.ok(json.error.length > 0, '"error" is empty')
}

function assertResponse(target, { status, json }, count = target.outputs.length) {
  assert.equal(status, 200, `status ${status}: ${json?.error}`)
  assert.equal(json.model_name, target.model, 'model_name')
  assert.ok(
    Array.isArray(json.outputs) && json.outputs.length === count,
    `outputs: ${json.outputs?.length}, not ${count}`,
  )
  for (const { name, datatype, shape } of json.outputs) {
    assert.equal(typeof name, 'string', 'name of an output')
    assert.equal(typeof datatype, 'string', 'datatype of an output')
    assert.ok(Array.isArray(shape) && shape.every(Number.isInteger), 'shape of an output')
  }
}

function numel(shape) {
  return shape.reduce((product, size) => product * size, 1)
}

function assertNear(received, expected) {
  assert.equal(received.length, expected.length, 'number of elements')
  const worst = received.reduce((most, value, index) => Math.max(most, Math.abs(value - expected[index])), 0)
  const scale = Math.max(1, ...expected.map(Math.abs))
  assert.ok(worst <= 1e-3 * scale, `differs by ${worst}`)
}

const inferJson = (target, more = {}) =>
  target.client.infer(target.inferPath, { inputs: target.tensors.map((tensor) => jsonInput(tensor)), ...more })

function inferBinary(target, more = {}, options = {}) {
  const bytes = target.tensors.map(toBytes)
  const inputs = target.tensors.map((tensor, index) => binaryInput(tensor, bytes[index]))
  return target.client.infer(target.inferPath, { inputs, ...more }, { binary: bytes, ...options })
}

const firstFloats = (target, { json, binary }) => {
  const [output] = json.outputs
  const size = output.parameters?.binary_data_size
  return size === undefined ? output.data.flat(Infinity) : floatsOf(binary.subarray(0, size))
}

export const CASES = [
  {
    section: 'health',
    name: 'GET v2/health/live answers 200',
    run: async ({ client }) => assert.equal((await client.get('/v2/health/live')).status, 200),
  },
  {
    section: 'health',
    name: 'GET v2/health/ready answers 200',
    run: async ({ client }) => assert.equal((await client.get('/v2/health/ready')).status, 200),
  },
  {
    section: 'health',
    name: 'GET v2/models/{m}/ready answers 200',
    run: async ({ client, path }) => assert.equal((await client.get(`${path}/ready`)).status, 200),
  },
  {
    section: 'health',
    name: 'GET v2/models/{unknown}/ready does not answer 200',
    run: async ({ client }) => assert.notEqual((await client.get('/v2/models/no-such-model/ready')).status, 200),
  },
  {
    section: 'metadata',
    name: 'GET v2 has name, version, extensions',
    run: async ({ client }) => {
      const { status, json } = await client.get('/v2')
      assert.equal(status, 200)
      assert.equal(typeof json.name, 'string', 'name')
      assert.equal(typeof json.version, 'string', 'version')
      assert.ok(Array.isArray(json.extensions), 'extensions')
    },
  },
  {
    section: 'metadata',
    name: 'GET v2/models/{m} has name, platform, inputs, outputs',
    run: async ({ client, path, model }) => {
      const { status, json } = await client.get(path)
      assert.equal(status, 200)
      assert.equal(json.name, model, 'name')
      assert.equal(typeof json.platform, 'string', 'platform')
      for (const tensor of [...json.inputs, ...json.outputs]) {
        assert.ok(
          typeof tensor.name === 'string' && typeof tensor.datatype === 'string',
          'name and datatype of a tensor',
        )
        assert.ok(
          tensor.shape.every((size) => Number.isInteger(size) && size >= -1),
          'shape of a tensor',
        )
      }
    },
  },
  {
    section: 'metadata',
    name: 'GET v2/models/{m}/versions/{v} answers for each version',
    needs: ({ versions }) => (versions.length === 0 ? 'the model has no versions' : null),
    run: async ({ client, path, versions }) => {
      for (const version of versions) {
        assert.equal((await client.get(`${path}/versions/${version}`)).status, 200, `version ${version}`)
        assert.equal((await client.get(`${path}/versions/${version}/ready`)).status, 200, `version ${version}, ready`)
      }
    },
  },
  {
    section: 'metadata',
    name: 'an unknown model is an error with "error"',
    run: async ({ client }) => assertError(await client.get('/v2/models/no-such-model')),
  },
  {
    section: 'metadata',
    name: 'an unknown version is an error with "error"',
    run: async ({ client, path }) => assertError(await client.get(`${path}/versions/987654321`)),
  },
  {
    section: 'infer',
    name: 'flat data gives every output',
    run: async (target) => {
      const response = await inferJson(target)
      assertResponse(target, response)
      for (const { data, shape, name } of response.json.outputs) {
        assert.equal(data.flat(Infinity).length, numel(shape), `elements of ${name}`)
      }
    },
  },
  {
    section: 'infer',
    name: 'nested data gives the same as flat',
    run: async (target) => {
      const flat = await inferJson(target)
      const inputs = target.tensors.map((tensor) => jsonInput(tensor, 'nested'))
      const nested = await target.client.infer(target.inferPath, { inputs })
      assertResponse(target, nested)
      assertNear(firstFloats(target, nested), firstFloats(target, flat))
    },
  },
  {
    section: 'infer',
    name: 'id is echoed',
    run: async (target) => assert.equal((await inferJson(target, { id: 'case-42 ü' })).json.id, 'case-42 ü'),
  },
  {
    section: 'infer',
    name: 'outputs selects, and only that comes',
    run: async (target) => {
      const { name } = target.outputs.at(-1)
      const response = await inferJson(target, { outputs: [{ name }] })
      assertResponse(target, response, 1)
      assert.equal(response.json.outputs[0].name, name)
    },
  },
  {
    section: 'infer',
    name: 'the path with a version answers',
    needs: ({ versions }) => (versions.length === 0 ? 'the model has no versions' : null),
    run: async (target) => {
      const inputs = target.tensors.map((tensor) => jsonInput(tensor))
      const path = `${target.path}/versions/${target.versions[0]}/infer`
      assertResponse(target, await target.client.infer(path, { inputs }))
    },
  },
  {
    section: 'infer',
    name: 'a batch of 2 gives what two requests give',
    needs: ({ inputs }) => (inputs.every(({ shape }) => shape[0] === -1) ? null : 'the first dimension is fixed'),
    run: async (target) => {
      const pair = target.inputs.map((input) => makeTensor(input, 2))
      const response = await target.client.infer(target.inferPath, { inputs: pair.map((tensor) => jsonInput(tensor)) })
      assertResponse(target, response)
      const both = firstFloats(target, response)
      const half = pair.map((tensor) => {
        const [, ...rest] = tensor.shape
        return { ...tensor, shape: [1, ...rest], values: tensor.values.slice(tensor.values.length / 2) }
      })
      const one = await target.client.infer(target.inferPath, { inputs: half.map((tensor) => jsonInput(tensor)) })
      assertNear(both.slice(both.length / 2), firstFloats(target, one))
    },
  },
  {
    section: 'infer',
    name: 'unknown parameters are no error',
    run: async (target) => assertResponse(target, await inferJson(target, { parameters: { some_unknown: 'value' } })),
  },
  ...[
    ['an unknown model', (target) => target.client.infer('/v2/models/no-such-model/infer', { inputs: [] })],
    ['a body that is no JSON', (target) => target.client.infer(target.inferPath, '{"inputs": [')],
    ['a body that is no object', (target) => target.client.infer(target.inferPath, '[]')],
    ['an empty body', (target) => target.client.infer(target.inferPath, '')],
    ['no inputs', (target) => target.client.infer(target.inferPath, {})],
    ['empty inputs', (target) => target.client.infer(target.inferPath, { inputs: [] })],
    ['an unknown input', (target) => wrongInput(target, (input) => ({ ...input, name: 'no-such-input' }))],
    ['an unknown output', (target) => inferJson(target, { outputs: [{ name: 'no-such-output' }] })],
    ['an unknown datatype', (target) => wrongInput(target, (input) => ({ ...input, datatype: 'FP33' }))],
    [
      'a shape of another rank',
      (target) => wrongInput(target, (input) => ({ ...input, shape: [...input.shape, 1, 1] })),
    ],
    [
      'a negative shape',
      (target) => wrongInput(target, (input) => ({ ...input, shape: input.shape.map((size) => -size) })),
    ],
    [
      'a shape of 10^9 elements',
      (target) => wrongInput(target, (input) => ({ ...input, shape: [1e9, ...input.shape.slice(1)] })),
    ],
    [
      'a shape that overflows 64 bits',
      (target) => wrongInput(target, (input) => ({ ...input, shape: input.shape.map(() => 2 ** 40) })),
    ],
    ['too few elements', (target) => wrongInput(target, (input) => ({ ...input, data: input.data.slice(1) }))],
    ['too many elements', (target) => wrongInput(target, (input) => ({ ...input, data: [...input.data, 0] }))],
    [
      'text for numbers',
      (target) => wrongInput(target, (input) => ({ ...input, data: input.data.map(String).map((x) => `x${x}`) })),
    ],
    ['neither data nor bytes', (target) => wrongInput(target, (input) => ({ ...input, data: undefined }))],
    [
      'the same input twice',
      (target) => target.client.infer(target.inferPath, { inputs: [0, 0].map(() => jsonInput(target.tensors[0])) }),
    ],
    ['an id that is no string', (target) => inferJson(target, { id: { a: 1 } })],
    ['deep JSON', (target) => target.client.infer(target.inferPath, '['.repeat(100_000) + ']'.repeat(100_000))],
    [
      'invalid UTF-8',
      (target) =>
        target.client.request('POST', target.inferPath, {
          headers: { 'content-type': 'application/json' },
          body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
        }),
    ],
  ].map(([what, send]) => ({
    section: 'errors',
    name: `${what} is an error with "error", and the server goes on`,
    run: async (target) => {
      assertError(await send(target))
      assert.equal((await target.client.get('/v2/health/live')).status, 200, 'live afterwards')
    },
  })),
  {
    section: 'binary',
    extension: BINARY,
    name: 'binary inputs give the same as JSON',
    run: async (target) => {
      const response = await inferBinary(target)
      assertResponse(target, response)
      assertNear(firstFloats(target, response), firstFloats(target, await inferJson(target)))
    },
  },
  {
    section: 'binary',
    extension: BINARY,
    name: 'binary_data of an output gives bytes of binary_data_size',
    run: async (target) => {
      const { name } = target.outputs[0]
      const response = await inferJson(target, { outputs: [{ name, parameters: { binary_data: true } }] })
      assertResponse(target, response, 1)
      assert.ok(response.headerLength !== null, 'no Inference-Header-Content-Length')
      assert.equal(response.json.outputs[0].data, undefined, 'data stands beside bytes')
      assert.equal(response.json.outputs[0].parameters?.binary_data_size, response.binary.length, 'binary_data_size')
      assertNear(firstFloats(target, response), firstFloats(target, await inferJson(target, { outputs: [{ name }] })))
    },
  },
  {
    section: 'binary',
    extension: BINARY,
    name: 'binary_data_output makes all outputs bytes',
    run: async (target) => {
      const response = await inferBinary(target, { parameters: { binary_data_output: true } })
      assertResponse(target, response)
      const sizes = response.json.outputs.map(({ parameters }) => parameters?.binary_data_size)
      assert.ok(sizes.every(Number.isInteger), 'an output has no binary_data_size')
      assert.equal(
        sizes.reduce((sum, size) => sum + size, 0),
        response.binary.length,
        'sum of sizes',
      )
    },
  },
  {
    section: 'binary',
    extension: BINARY,
    name: 'one output as bytes, another as JSON, in one answer',
    needs: ({ outputs }) => (outputs.length > 1 ? null : 'the model has one output'),
    run: async (target) => {
      const [one, other] = target.outputs
      const outputs = [{ name: one.name, parameters: { binary_data: true } }, { name: other.name }]
      const response = await inferBinary(target, { outputs })
      assertResponse(target, response, 2)
      assert.ok(Array.isArray(response.json.outputs[1].data), 'the second output has no data')
      assert.equal(response.json.outputs[0].parameters?.binary_data_size, response.binary.length)
    },
  },
  ...[
    ['a header length beyond the body', (target) => inferBinary(target, {}, { headerLength: 10 ** 9 })],
    ['a header length that is no number', (target) => inferBinary(target, {}, { headerLength: 'many' })],
    ['a negative header length', (target) => inferBinary(target, {}, { headerLength: -1 })],
    ['a header length that cuts the JSON', (target) => inferBinary(target, {}, { headerLength: 7 })],
    [
      'fewer bytes than binary_data_size',
      (target) => cutBinary(target, (bytes) => bytes.subarray(0, bytes.length - 3)),
    ],
    [
      'more bytes than binary_data_size',
      (target) => cutBinary(target, (bytes) => Buffer.concat([bytes, Buffer.alloc(5)])),
    ],
    [
      'a binary_data_size that is not the shape’s',
      (target) =>
        cutBinary(
          target,
          (bytes) => bytes,
          (size) => size - 1,
        ),
    ],
    [
      'a negative binary_data_size',
      (target) =>
        cutBinary(
          target,
          (bytes) => bytes,
          () => -4,
        ),
    ],
    ['data and binary_data_size at once', (target) => dataAndBytes(target)],
  ].map(([what, send]) => ({
    section: 'binary',
    extension: BINARY,
    name: `${what} is an error`,
    run: async (target) => assertError(await send(target)),
  })),
  ...[
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ].map(([encoding, pack]) => ({
    section: 'compression',
    extension: 'compression',
    name: `a body in ${encoding} is read`,
    run: async (target) => {
      const body = pack(JSON.stringify({ inputs: target.tensors.map((tensor) => jsonInput(tensor)) }))
      const headers = { 'content-type': 'application/json', 'content-encoding': encoding }
      assertResponse(target, await target.client.request('POST', target.inferPath, { headers, body }))
    },
  })),
  {
    section: 'compression',
    extension: 'compression',
    name: 'a body that is not what Content-Encoding says is an error',
    run: async (target) => {
      const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
      assertError(await target.client.request('POST', target.inferPath, { headers, body: 'not gzip' }))
    },
  },
  {
    section: 'classification',
    extension: 'classification',
    name: 'classification gives value:index strings, best first',
    run: async (target) => {
      const { name } = target.outputs.at(-1)
      const response = await inferJson(target, { outputs: [{ name, parameters: { classification: 2 } }] })
      assertResponse(target, response, 1)
      const [{ datatype, data }] = response.json.outputs
      assert.equal(datatype, 'BYTES')
      const values = data.flat(Infinity).map((text) => /^(-?[\d.e+-]+):(\d+)(?::.*)?$/.exec(text)?.[1])
      assert.ok(values.length === 2 && values.every((value) => value !== undefined), `received ${JSON.stringify(data)}`)
      assert.ok(Number(values[0]) >= Number(values[1]), 'the order')
    },
  },
  {
    section: 'triton',
    extension: 'model_configuration',
    name: 'GET v2/models/{m}/config has name, input, output',
    run: async ({ client, path, model }) => {
      const { status, json } = await client.get(`${path}/config`)
      assert.equal(status, 200)
      assert.equal(json.name, model)
      assert.ok(Array.isArray(json.input) && Array.isArray(json.output), 'input and output')
    },
  },
  {
    section: 'triton',
    extension: 'statistics',
    name: 'GET v2/models/{m}/stats counts inferences',
    run: async (target) => {
      const count = async () => (await target.client.get(`${target.path}/stats`)).json.model_stats[0].inference_count
      const before = await count()
      await inferJson(target)
      assert.ok((await count()) > before, 'inference_count stayed')
    },
  },
  {
    section: 'triton',
    extension: 'model_repository',
    name: 'POST v2/repository/index lists the model',
    run: async ({ client, model }) => {
      const { status, json } = await client.request('POST', '/v2/repository/index')
      assert.equal(status, 200)
      assert.ok(
        json.some(({ name }) => name === model),
        'the model is not listed',
      )
    },
  },
]

function wrongInput(target, change) {
  const [first, ...others] = target.tensors.map((tensor) => jsonInput(tensor))
  return target.client.infer(target.inferPath, { inputs: [change(first), ...others] })
}

function cutBinary(target, cut, size = (bytes) => bytes) {
  const all = target.tensors.map(toBytes)
  const inputs = target.tensors.map((tensor, index) => {
    const input = binaryInput(tensor, all[index])
    return index === 0 ? { ...input, parameters: { binary_data_size: size(all[0].length) } } : input
  })
  const [first, ...others] = all
  return target.client.infer(target.inferPath, { inputs }, { binary: [...others.reverse(), cut(first)] })
}

function dataAndBytes(target) {
  const bytes = target.tensors.map(toBytes)
  const inputs = target.tensors.map((tensor, index) => ({ ...jsonInput(tensor), ...binaryInput(tensor, bytes[index]) }))
  return target.client.infer(target.inferPath, { inputs }, { binary: bytes })
}
