// The cases over gRPC, in the form of those of REST.

import assert from 'node:assert/strict'

import { floatsOf, makeTensor, toBytes } from './tensors.mjs'

const UNIMPLEMENTED = 12
const INVALID_ARGUMENT = 3
const NOT_FOUND = 5

/** The field for the elements of each datatype. */
const CONTENTS_OF = {
  BOOL: 'bool_contents',
  INT8: 'int_contents',
  INT16: 'int_contents',
  INT32: 'int_contents',
  INT64: 'int64_contents',
  UINT8: 'uint_contents',
  UINT16: 'uint_contents',
  UINT32: 'uint_contents',
  UINT64: 'uint64_contents',
  FP32: 'fp32_contents',
  FP64: 'fp64_contents',
}

const headOf = ({ name, datatype, shape }) => ({ name, datatype, shape })

const rawRequest = (target, more = {}, tensors = target.tensors) => ({
  model_name: target.model,
  inputs: tensors.map(headOf),
  raw_input_contents: tensors.map((tensor) => Buffer.from(toBytes(tensor))),
  ...more,
})

const elementsRequest = (target, more = {}) => ({
  model_name: target.model,
  inputs: target.tensors.map((tensor) => ({
    ...headOf(tensor),
    contents: { [CONTENTS_OF[tensor.datatype]]: tensor.values },
  })),
  ...more,
})

const infer = (target, request) => target.client.call('ModelInfer', request)

function assertResponse(target, { code, details, response }, count = target.outputs.length) {
  assert.equal(code, 0, `status ${code}: ${details}`)
  assert.equal(response.model_name, target.model, 'model_name')
  assert.equal(response.outputs.length, count, 'outputs')
  const raw = response.raw_output_contents
  assert.ok(raw.length === 0 || raw.length === count, `raw_output_contents: ${raw.length}, not 0 or ${count}`)
}

/** The numbers of the first output, in whichever form they came. */
function firstFloats({ response }) {
  const [output] = response.outputs
  const [raw] = response.raw_output_contents
  return raw === undefined ? output.contents.fp32_contents : floatsOf(new Uint8Array(raw))
}

function assertNear(received, expected) {
  assert.equal(received.length, expected.length, 'number of elements')
  const worst = received.reduce((most, value, index) => Math.max(most, Math.abs(value - expected[index])), 0)
  assert.ok(worst <= 1e-3 * Math.max(1, ...expected.map(Math.abs)), `differs by ${worst}`)
}

function assertRefused({ code, details }, expected = INVALID_ARGUMENT) {
  assert.equal(code, expected, `status ${code}: ${details}`)
  assert.ok(details.length > 0, 'the status has no text')
}

const withInput = (target, change) => {
  const request = rawRequest(target)
  const [first, ...others] = request.inputs
  return { ...request, inputs: [change(first), ...others] }
}

const withRaw = (target, change) => {
  const request = rawRequest(target)
  const [first, ...others] = request.raw_input_contents
  return { ...request, raw_input_contents: [...change(first), ...others] }
}

export const GRPC_CASES = [
  ...['ServerLive', 'ServerReady'].map((method) => ({
    section: 'health',
    name: `${method} answers true`,
    run: async ({ client }) => {
      const { code, response } = await client.call(method, {})
      assert.equal(code, 0)
      assert.deepEqual(Object.values(response), [true])
    },
  })),
  {
    section: 'health',
    name: 'ModelReady answers true',
    run: async ({ client, model }) => {
      assert.equal((await client.call('ModelReady', { name: model })).response?.ready, true)
    },
  },
  {
    section: 'health',
    name: 'ModelReady does not answer true for an unknown model',
    run: async ({ client }) => {
      assert.notEqual((await client.call('ModelReady', { name: 'no-such-model' })).response?.ready, true)
    },
  },
  {
    section: 'metadata',
    name: 'ServerMetadata has name and version',
    run: async ({ client }) => {
      const { code, response } = await client.call('ServerMetadata', {})
      assert.equal(code, 0)
      assert.ok(response.name !== '' && response.version !== '', 'name or version is empty')
    },
  },
  {
    section: 'metadata',
    name: 'ModelMetadata answers for each version',
    needs: ({ versions }) => (versions.length === 0 ? 'the model has no versions' : null),
    run: async ({ client, model: name, versions }) => {
      for (const version of versions) {
        const { code, response } = await client.call('ModelMetadata', { name, version })
        assert.equal(code, 0, `version ${version}`)
        assert.equal(response.name, name)
      }
    },
  },
  {
    section: 'metadata',
    name: 'an unknown model is NOT_FOUND',
    run: async ({ client }) => assertRefused(await client.call('ModelMetadata', { name: 'no-such-model' }), NOT_FOUND),
  },
  {
    section: 'metadata',
    name: 'an unknown version is an error',
    run: async ({ client, model: name }) => {
      assert.notEqual((await client.call('ModelMetadata', { name, version: '987654321' })).code, 0)
    },
  },
  {
    section: 'infer',
    name: 'raw_input_contents give every output',
    run: async (target) => assertResponse(target, await infer(target, rawRequest(target))),
  },
  {
    section: 'infer',
    name: 'elements give the same as raw_input_contents',
    needs: ({ inputs }) => {
      return inputs.every(({ datatype }) => datatype in CONTENTS_OF) ? null : 'an input has no field for its elements'
    },
    run: async (target) => {
      const elements = await infer(target, elementsRequest(target))
      assertResponse(target, elements)
      assertNear(firstFloats(elements), firstFloats(await infer(target, rawRequest(target))))
    },
  },
  {
    section: 'infer',
    name: 'id is echoed',
    run: async (target) => {
      assert.equal((await infer(target, rawRequest(target, { id: 'case-42 ü' }))).response?.id, 'case-42 ü')
    },
  },
  {
    section: 'infer',
    name: 'outputs selects, and only that comes',
    run: async (target) => {
      const { name } = target.outputs.at(-1)
      const answer = await infer(target, rawRequest(target, { outputs: [{ name }] }))
      assertResponse(target, answer, 1)
      assert.equal(answer.response.outputs[0].name, name)
    },
  },
  {
    section: 'infer',
    name: 'a batch of 2 gives what two requests give',
    needs: ({ inputs }) => (inputs.every(({ shape }) => shape[0] === -1) ? null : 'the first dimension is fixed'),
    run: async (target) => {
      const pair = target.inputs.map((input) => makeTensor(input, 2))
      const both = await infer(target, rawRequest(target, {}, pair))
      assertResponse(target, both)
      const second = pair.map((tensor) => {
        const [, ...rest] = tensor.shape
        return { ...tensor, shape: [1, ...rest], values: tensor.values.slice(tensor.values.length / 2) }
      })
      const one = firstFloats(await infer(target, rawRequest(target, {}, second)))
      assertNear(firstFloats(both).slice(one.length), one)
    },
  },
  {
    section: 'infer',
    name: 'unknown parameters are no error',
    run: async (target) => {
      const parameters = { some_unknown: { string_param: 'value' } }
      assertResponse(target, await infer(target, rawRequest(target, { parameters })))
    },
  },
  ...[
    ['no inputs', (target) => ({ model_name: target.model })],
    ['an unknown input', (target) => withInput(target, (input) => ({ ...input, name: 'no-such-input' }))],
    ['an input without a name', (target) => withInput(target, (input) => ({ ...input, name: '' }))],
    ['an unknown output', (target) => rawRequest(target, { outputs: [{ name: 'no-such-output' }] })],
    ['an unknown datatype', (target) => withInput(target, (input) => ({ ...input, datatype: 'FP33' }))],
    [
      'a shape of another rank',
      (target) => withInput(target, (input) => ({ ...input, shape: [...input.shape, 1, 1] })),
    ],
    ['a negative shape', (target) => withInput(target, (input) => ({ ...input, shape: input.shape.map((n) => -n) }))],
    [
      'a shape that overflows 64 bits',
      (target) => withInput(target, (input) => ({ ...input, shape: input.shape.map(() => 2 ** 40) })),
    ],
    ['too few bytes', (target) => withRaw(target, (bytes) => [bytes.subarray(1)])],
    ['too many bytes', (target) => withRaw(target, (bytes) => [Buffer.concat([bytes, bytes])])],
    ['fewer raw inputs than inputs', (target) => withRaw(target, () => [])],
    ['more raw inputs than inputs', (target) => withRaw(target, (bytes) => [bytes, bytes])],
    [
      'elements beside raw_input_contents',
      (target) => ({ ...elementsRequest(target), raw_input_contents: rawRequest(target).raw_input_contents }),
    ],
  ].map(([what, make]) => ({
    section: 'errors',
    name: `${what} is INVALID_ARGUMENT, and the server goes on`,
    run: async (target) => {
      assertRefused(await infer(target, make(target)))
      assert.equal((await target.client.call('ServerLive', {})).response?.live, true, 'live afterwards')
    },
  })),
  {
    section: 'triton',
    method: 'ModelStreamInfer',
    name: 'ModelStreamInfer answers each request in order, and goes on after an error',
    run: async (target) => {
      const requests = ['a', 'b', 'c'].map((id) => rawRequest(target, { id }))
      requests.splice(1, 0, rawRequest(target, { id: 'x', inputs: [] }))
      const responses = await target.client.stream(requests)
      assert.deepEqual(
        responses.map(({ error_message: text, infer_response: response }) => (text === '' ? response.id : 'error')),
        ['a', 'error', 'b', 'c'],
      )
    },
  },
  {
    section: 'triton',
    method: 'ModelConfig',
    name: 'ModelConfig has name, input, output',
    run: async ({ client, model: name }) => {
      const { config } = (await client.call('ModelConfig', { name })).response
      assert.equal(config.name, name)
      assert.ok(config.input.length > 0 && config.output.length > 0, 'input and output')
    },
  },
  {
    section: 'triton',
    method: 'ModelStatistics',
    name: 'ModelStatistics counts inferences',
    run: async (target) => {
      const count = async () => {
        const { response } = await target.client.call('ModelStatistics', { name: target.model })
        return response.model_stats[0].inference_count
      }
      const before = await count()
      await infer(target, rawRequest(target))
      assert.ok((await count()) > before, 'inference_count stayed')
    },
  },
  {
    section: 'triton',
    method: 'RepositoryIndex',
    name: 'RepositoryIndex lists the model',
    run: async ({ client, model }) => {
      const { models } = (await client.call('RepositoryIndex', {})).response
      assert.ok(
        models.some(({ name }) => name === model),
        'the model is not listed',
      )
    },
  },
].map(({ method, ...row }) => ({
  ...row,
  // What Triton has beside the protocol may be missing; an error other than that is one.
  isMissing: async ({ client }) =>
    method !== undefined && method !== 'ModelStreamInfer' && (await client.call(method, {})).code === UNIMPLEMENTED
      ? `no ${method}`
      : null,
  isRequired: method === undefined,
}))
