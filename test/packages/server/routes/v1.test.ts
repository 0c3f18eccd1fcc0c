import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'

import { inFolder } from '../../../support/checkpoints.js'
import { testImages, writePng } from '../../../support/images.js'
import { ask, MODEL, post, startServer, useServer } from '../../../support/server.js'

const PREDICT = `/v1/models/${MODEL}:predict`

interface Predictions {
  readonly predictions: readonly Readonly<Record<'logits' | 'probabilities', readonly number[]>>[]
}

function zeros(...shape: readonly number[]): unknown {
  const [size = 0, ...rest] = shape
  return Array.from({ length: size }, () => (rest.length === 0 ? 0 : zeros(...rest)))
}

/** Images of the first test images in base64. */
async function pngs(count: number): Promise<readonly string[]> {
  let texts: string[] = []
  await inFolder(async (folder) => {
    const images = await testImages(count)
    texts = await Promise.all(
      images.map(async (image, index) =>
        (await readFile(await writePng(`${folder}/${index}.png`, image))).toString('base64'),
      ),
    )
  })
  return texts
}

function argmax(values: readonly number[] = []): number {
  return values.indexOf(Math.max(...values))
}

describe('/v1/models', () => {
  const running = useServer()

  it('lists the models, and tells whether one is ready', async () => {
    const { url } = running()

    assert.deepEqual((await ask(`${url}/v1/models`)).body, { models: [MODEL] })
    assert.deepEqual((await ask(`${url}/v2/models`)).body, { models: [MODEL] })
    assert.deepEqual((await ask(`${url}/v1/models/${MODEL}`)).body, { name: MODEL, ready: true })
    assert.equal((await ask(`${url}/v1/models/other`)).status, 404)
  })

  it('predicts images in base64: by b64, within the name of the input, and as its text', async () => {
    const [boot = '', pullover = ''] = await pngs(2)
    const instances = [{ b64: boot }, { input: { b64: pullover } }, { input: boot }]

    const { status, body } = await post(running().url + PREDICT, { instances })

    assert.equal(status, 200)
    const { predictions } = body as Predictions
    assert.deepEqual(
      predictions.map(({ probabilities }) => argmax(probabilities)),
      [9, 2, 9],
    )
  })

  it('predicts tensors as nested arrays, with the numbers of version 2', async () => {
    const { url } = running()
    const instances = [zeros(3, 28, 28), { input: zeros(3, 28, 28) }]

    const { status, body } = await post(url + PREDICT, { instances })
    const data = Array<number>(3 * 28 * 28).fill(0)
    const other = await post(`${url}/v2/models/${MODEL}/infer`, {
      inputs: [{ name: 'input', datatype: 'FP32', shape: [1, 3, 28, 28], data }],
    })

    assert.equal(status, 200)
    const { predictions } = body as Predictions
    const [logits] = (other.body as { outputs: readonly { data: readonly number[] }[] }).outputs
    assert.equal(predictions.length, 2)
    // The kernels may differ by the size of the batch.
    for (const [index, value] of (logits?.data ?? []).entries()) {
      for (const prediction of predictions) assert.ok(Math.abs((prediction.logits[index] ?? NaN) - value) < 1e-4)
    }
  })

  it('takes a version, and refuses one that is not there', async () => {
    const instances = [zeros(3, 28, 28)]
    const statuses = await Promise.all(
      ['1', '2'].map(async (version) => {
        return (await post(`${running().url}/v1/models/${MODEL}/versions/${version}:predict`, { instances })).status
      }),
    )

    assert.deepEqual(statuses, [200, 404])
  })

  for (const [name, body, message] of [
    ['no instances', {}, 'Expected an array of tensors or images for instances, received undefined'],
    ['no instance', { instances: [] }, /^Expected an array of tensors or images for instances, received/],
    [
      'a number',
      { instances: [5] },
      /^Expected nested arrays, \{ "b64": … \} or \{ "input": … \} for instances\[0\], received 5$/,
    ],
    ['text that names no input', { instances: ['aGk='] }, /for instances\[0\], received "aGk="$/],
    [
      'tensors beside images',
      { instances: [zeros(3, 28, 28), { b64: 'aGk=' }] },
      'Expected tensors or images for instances, received both',
    ],
    ['another shape', { instances: [zeros(3, 27, 28)] }, "Expected 28 elements in dimension 2 of 'input', received 27"],
    [
      'what is no base64',
      { instances: [{ b64: '%' }] },
      /^Expected images in base64 for the data of 'input', received "%"$/,
    ],
    ['what is no image', { instances: [{ b64: 'aGk=' }] }, /It is not a JPEG, PNG/],
    ['an array', [], 'Expected an object for the request, received []'],
  ] as const) {
    it(`refuses ${name} with 400`, async () => {
      const answer = await post(running().url + PREDICT, body)
      const { error } = answer.body as { readonly error: string }

      assert.equal(answer.status, 400, error)
      if (typeof message === 'string') assert.equal(error, message)
      else assert.match(error, message)
    })
  }

  it('answers a wrong method with 405 and Allow', async () => {
    const { status, headers } = await ask(running().url + PREDICT)

    assert.deepEqual([status, headers.get('allow')], [405, 'POST'])
  })

  it('refuses more instances than maxSamples, and more JSON than maxJsonBytes', async () => {
    const { server, url } = await startServer({ maxSamples: 2, maxJsonBytes: 100_000 })
    try {
      const instances = Array.from({ length: 3 }, () => ({ b64: 'aGk=' }))
      assert.equal((await post(url + PREDICT, { instances })).status, 413)
      assert.equal((await post(url + PREDICT, { instances: [{ b64: 'a'.repeat(100_000) }] })).status, 413)
    } finally {
      await server.close()
    }
  })
})
