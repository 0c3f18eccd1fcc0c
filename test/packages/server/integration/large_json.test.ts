import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'

import { CHECKPOINT } from '../../../support/fashion_mnist.js'
import { ask, MODEL, post, startServer, useServer } from '../../../support/server.js'

const INFER = `/v2/models/${MODEL}/infer`
const SAMPLE = 3 * 28 * 28

/** A tensor of so many samples; the JSON of 64 takes 3 MB. */
function request(samples: number): object {
  const data = Array.from({ length: samples * SAMPLE }, (_, index) => Math.sin(index))
  return { inputs: [{ name: 'input', datatype: 'FP32', shape: [samples, 3, 28, 28], data }] }
}

interface Outputs {
  readonly outputs: readonly { readonly shape: readonly number[]; readonly data: readonly number[] }[]
}

/** Waits until a request holds more memory than its body takes: it is being parsed. */
async function parsing(url: string, bodyBytes: number): Promise<void> {
  for (let held = 0; held <= bodyBytes;) {
    await delay(1)
    const metrics = await (await fetch(`${url}/metrics`)).text()
    held = Number(/^napi_torch_body_bytes (\d+)$/m.exec(metrics)?.[1])
  }
}

describe('a server that is sent much JSON', function () {
  this.timeout(60_000)

  describe('and goes on', () => {
    const running = useServer()

    it('gives each sample the numbers that it has alone', async () => {
      const { url } = running()
      const large = request(20)
      const [{ status, body }, alone] = [await post(url + INFER, large), await post(url + INFER, request(1))]

      const [many, one] = [body, alone.body].map((each) => (each as Outputs).outputs[0])
      assert.deepEqual([status, many?.shape, one?.shape], [200, [20, 10], [1, 10]])
      // The kernels may differ by the size of the batch.
      const difference = Math.max(...(one?.data ?? []).map((value, at) => Math.abs(value - (many?.data[at] ?? NaN))))
      assert.ok(difference < 1e-4, `they differ by ${difference}`)
    })

    it('answers a short request while a long one is parsed', async () => {
      const { url } = running()
      const text = JSON.stringify(request(64))
      const order: string[] = []

      const long = post(url + INFER, text).then(() => order.push('long'))
      await parsing(url, text.length)
      await ask(`${url}/v2/models/${MODEL}`).then(() => order.push('short'))
      await long

      assert.deepEqual(order, ['short', 'long'])
    })

    it('holds no memory when the client leaves meanwhile', async () => {
      const { url } = running()
      const text = JSON.stringify(request(64))
      const leaving = new AbortController()
      const headers = { 'content-type': 'application/json' }

      const answer = fetch(url + INFER, { method: 'POST', headers, body: text, signal: leaving.signal })
      await Promise.all([assert.rejects(answer), parsing(url, text.length).then(() => leaving.abort())])

      let metrics = ''
      while (!/^napi_torch_body_bytes 0$/m.test(metrics)) {
        await delay(10)
        metrics = await (await fetch(`${url}/metrics`)).text()
      }
      assert.equal((await post(url + INFER, request(1))).status, 200)
    })
  })

  it('answers with the model that the request had found, though it is unloaded while the JSON is parsed', async () => {
    const { server, url } = await startServer({
      models: [
        { name: MODEL, checkpoint: CHECKPOINT },
        { name: 'other', checkpoint: CHECKPOINT },
      ],
    })
    const text = JSON.stringify(request(64))

    const answer = post(`${url}/v2/models/other/infer`, text)
    await parsing(url, text.length)
    await server.reload([{ name: MODEL, checkpoint: CHECKPOINT }])

    assert.equal((await answer).status, 200)
    assert.equal((await ask(`${url}/v2/models/other`)).status, 404)
    await server.close({ graceMs: 1000 })
  })

  it('answers a request that is parsed when it is shut down', async () => {
    const { server, url } = await startServer()
    const text = JSON.stringify(request(64))

    const answer = post(url + INFER, text)
    await parsing(url, text.length)
    await server.close({ graceMs: 20_000 })

    assert.equal((await answer).status, 200)
  })
})
