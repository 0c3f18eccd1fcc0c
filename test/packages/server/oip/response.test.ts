import assert from 'node:assert/strict'

import { CHECKPOINT } from '../../../support/fashion_mnist.js'
import { ask, post, startServer, useServer } from '../../../support/server.js'

const DATA = Array<number>(3 * 28 * 28).fill(0)

function request(name: string, outputs?: readonly { readonly name: string }[]): object {
  return { inputs: [{ name, datatype: 'FP32', shape: [1, 3, 28, 28], data: DATA }], ...(outputs ? { outputs } : {}) }
}

/** The kernels may differ by the size of the batch. */
function rounded(value: number): number {
  return Math.round(value * 1e3)
}

interface Outputs {
  readonly outputs: readonly { readonly name: string; readonly data: readonly number[] }[]
}

describe('outputs with names of their own', () => {
  const running = useServer({
    models: [
      { name: 'triton', checkpoint: CHECKPOINT, inputs: { name: 'INPUT__0' }, outputs: { OUTPUT__0: 'logits' } },
      { name: 'swapped', checkpoint: CHECKPOINT, outputs: { p: 'probabilities', l: 'logits' } },
    ],
  })

  it('are those that the metadata and the configuration name', async () => {
    const { body } = await ask(`${running().url}/v2/models/triton`)
    const { inputs, outputs } = body as Record<'inputs' | 'outputs', readonly { readonly name: string }[]>
    const config = (await ask(`${running().url}/v2/models/triton/config`)).body as Record<
      'input' | 'output',
      readonly { readonly name: string }[]
    >

    assert.deepEqual(
      [inputs, outputs, config.input, config.output].map((tensors) => tensors.map(({ name }) => name)),
      [['INPUT__0'], ['OUTPUT__0'], ['INPUT__0'], ['OUTPUT__0']],
    )
  })

  it('answer a client that asks for them, or for none, in the order of the settings', async () => {
    const { url } = running()
    const answers = await Promise.all([
      post(`${url}/v2/models/triton/infer`, request('INPUT__0', [{ name: 'OUTPUT__0' }])),
      post(`${url}/v2/models/triton/infer`, request('INPUT__0')),
      post(`${url}/v2/models/swapped/infer`, request('input')),
    ])

    const outputs = answers.map(({ body }) => (body as Outputs).outputs)
    assert.deepEqual(
      outputs.map((tensors) => tensors.map(({ name }) => name)),
      [['OUTPUT__0'], ['OUTPUT__0'], ['p', 'l']],
    )
    assert.deepEqual(outputs[0]?.[0]?.data.map(rounded), outputs[2]?.[1]?.data.map(rounded))
    const sum = outputs[2]?.[0]?.data.reduce((total, value) => total + value, 0) ?? NaN
    assert.ok(Math.abs(sum - 1) < 1e-5, String(sum))
  })

  it('give predictions of version 1 without a name where there is one', async () => {
    const instances = [Array.from({ length: 3 }, () => Array.from({ length: 28 }, () => Array<number>(28).fill(0)))]

    const one = await post(`${running().url}/v1/models/triton:predict`, { instances })
    const two = await post(`${running().url}/v1/models/swapped:predict`, { instances })

    const [row] = (one.body as { predictions: readonly (readonly number[])[] }).predictions
    const [named] = (two.body as { predictions: readonly { readonly l: readonly number[] }[] }).predictions
    assert.ok(row?.length === 10)
    assert.deepEqual(named?.l.map(rounded), row.map(rounded))
  })

  it('are refused by other names, as is the input', async () => {
    const url = `${running().url}/v2/models/triton/infer`
    const answers = await Promise.all([
      post(url, request('input')),
      post(url, request('INPUT__0', [{ name: 'logits' }])),
      post(url, { inputs: [{ name: 'INPUT__0', datatype: 'FP32', shape: [1, 3, 28, 27], data: DATA }] }),
    ])

    assert.deepEqual(
      answers.map(({ status, body }) => [status, (body as { error: string }).error]),
      [
        [400, `Expected the input 'INPUT__0', received "input"`],
        [400, `Expected 'OUTPUT__0' for the name of an output, received "logits"`],
        [400, `Expected the shape (N, 3, 28, 28) for 'INPUT__0', received (1, 3, 28, 27)`],
      ],
    )
  })

  it('are refused in the settings where a name or what it holds is unknown, or there are too many', async () => {
    const withOutputs = (outputs: object): Promise<unknown> =>
      startServer({ models: [{ name: 'm', checkpoint: CHECKPOINT, outputs: outputs as Record<string, 'logits'> }] })
    const many = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`o${index}`, 'logits']))

    for (const outputs of [{}, { '0': 'logits' }, { o: 'classes' }, many]) {
      await assert.rejects(withOutputs(outputs), { code: 'TORCH_INVALID_ARGUMENT' }, JSON.stringify(outputs))
    }
  })
})
