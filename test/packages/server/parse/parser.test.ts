import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'

import { BodyBudget } from '../../../../packages/server/lib/body_budget.js'
import type { PackedInput } from '../../../../packages/server/lib/oip/elements.js'
import { MAX_INLINE_BYTES, RequestParser, type UnparsedRequest } from '../../../../packages/server/lib/parse/parser.js'
import { failureOf } from '../../../../packages/server/lib/status.js'

const MODEL = { inputName: 'input', inputShape: [1, 2, 2], inputLength: 4 }
const SETTINGS = { maxJsonBytes: 2 ** 23, maxSamples: 1e6, maxPixels: 1e6 }
const MEMORY = 2 ** 28

function newBudget(maxBytesInFlight = MEMORY): BodyBudget {
  return new BodyBudget({ maxBytesInFlight, maxClientShare: 1, minBodyBytesPerSecond: 0, busyBodyBytesPerSecond: 0 })
}

/** A request whose body holds its memory. */
function requestOf(budget: BodyBudget, body: Buffer, parts: Partial<UnparsedRequest> = {}): UnparsedRequest {
  const share = budget.open()
  share.take(body.length)
  const signal = new AbortController().signal
  return { protocol: 'v2', body, model: MODEL, share, signal, deadline: Infinity, ...parts }
}

function inputs(input: object): string {
  return JSON.stringify({ inputs: [{ name: 'input', datatype: 'FP32', shape: [1, 1, 2, 2], ...input }] })
}

/** Blanks behind JSON change nothing, but are long enough for the other thread. */
function long(text: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from(text), Buffer.alloc(MAX_INLINE_BYTES, ' ')])
}

/** A flat tensor of so many samples. */
function tensor(samples: number): Buffer {
  return Buffer.from(
    inputs({ shape: [samples, 1, 2, 2], data: Array.from({ length: 4 * samples }, (_, at) => at / 4) }),
  )
}

type Outcome =
  { readonly fields: object; readonly input: PackedInput } | { readonly code: string; readonly message: string }

async function outcomeOf(parser: RequestParser, request: UnparsedRequest): Promise<Outcome> {
  try {
    const { pack, parsedBytes, ...fields } = await parser.parse(request)
    assert.ok(parsedBytes >= 0)
    const input = pack()
    // Buffers arrive as plain arrays of bytes.
    if (input.kind !== 'encoded') return { fields, input }
    return { fields, input: { ...input, files: input.files.map((file) => new Uint8Array(file)) } }
  } catch (error) {
    // As the client sees it.
    const { code, message } = failureOf(error)
    return { code, message }
  }
}

const NUMBERS = [0.1, -2, 3e38, 4]
const PNG = Buffer.from('a file').toString('base64')

/** Bodies, by what is special about them. */
const BODIES: readonly (readonly [name: string, body: string | Buffer, protocol?: 'v1'])[] = [
  ['flat numbers', inputs({ data: NUMBERS })],
  ['nested numbers', inputs({ data: [[[NUMBERS.slice(0, 2), NUMBERS.slice(2)]]] })],
  ['pixels', inputs({ datatype: 'UINT8', shape: [1, 1, 2, 3], data: [0, 1, 2, 253, 254, 255] })],
  ['gray pixels, nested', inputs({ datatype: 'UINT8', shape: [1, 1, 2, 1], data: [[[[7], [8]]]] })],
  ['images in base64', inputs({ datatype: 'BYTES', shape: [2, 1], data: [[PNG], ['AAAA']] })],
  [
    'an id, parameters and outputs',
    JSON.stringify({
      id: 'né',
      parameters: { timeout: 5000, priority: 2, binary_data_output: true, classification: 3, other: [1] },
      inputs: [{ name: 'input', datatype: 'FP32', shape: [1, 1, 2, 2], data: NUMBERS }],
      outputs: [{ name: 'logits', parameters: { binary_data: false } }],
    }),
  ],
  ['a key twice, of which the last counts', inputs({ data: NUMBERS }).replace('{"inputs"', '{"inputs":1,"inputs"')],
  ['a key __proto__', inputs({ data: NUMBERS }).replace('{"inputs"', '{"__proto__":{"id":5},"inputs"')],
  ['bytes that are no UTF-8', Buffer.concat([Buffer.from('{"id":"'), Buffer.from([0xff]), Buffer.from('"}')])],
  ['an array', '[1]'],
  ['no inputs', '{}'],
  ['an input that is no object', '{"inputs":[7]}'],
  ['a tensor without data', inputs({})],
  ['text among numbers', inputs({ data: [1, 2, 'three', 4] })],
  ['null among numbers', inputs({ data: [1, 2, null, 4] })],
  ['a number that is infinite in float32', inputs({ data: [1, 2, 1e39, 4] })],
  ['too few numbers', inputs({ data: [1, 2, 3] })],
  ['a row that is too short', inputs({ data: [[[[1, 2], [3]]]] })],
  ['a number in place of a row', inputs({ data: [[[[1, 2], 3]]] })],
  [
    'rows that are nested too deep',
    inputs({
      data: [
        [
          [
            [1, [2]],
            [3, 4],
          ],
        ],
      ],
    }),
  ],
  ['another shape', inputs({ shape: [1, 4], data: NUMBERS })],
  ['a shape of many dimensions', inputs({ shape: Array<number>(5000).fill(1), data: NUMBERS })],
  ['another datatype', inputs({ datatype: 'INT64', data: NUMBERS })],
  ['numbers for FP16', inputs({ datatype: 'FP16', data: NUMBERS })],
  ['a pixel of 256', inputs({ datatype: 'UINT8', shape: [1, 1, 1, 3], data: [1, 2, 256] })],
  ['text that is no base64', inputs({ datatype: 'BYTES', shape: [1], data: ['?'] })],
  ['another name', inputs({ name: 'other', data: NUMBERS })],
  ['too many inputs', JSON.stringify({ inputs: Array(17).fill({}) })],
  ['arrays within arrays', `{"inputs":${'['.repeat(20_000)}${']'.repeat(20_000)}}`],
  ['instances', JSON.stringify({ instances: [[[NUMBERS.slice(0, 2), NUMBERS.slice(2)]]] }), 'v1'],
  ['instances with images', JSON.stringify({ instances: [{ b64: PNG }, { input: 'AAAA' }] }), 'v1'],
  ['no instances', '{"instances":[]}', 'v1'],
  ['instances with a short row', '{"instances":[[[[1,2],[3]]]]}', 'v1'],
]

describe('RequestParser', function () {
  this.timeout(60_000)

  describe('parse()', () => {
    const budget = newBudget()
    const parser = new RequestParser(SETTINGS, budget)
    after(() => parser.close())

    for (const [name, body, protocol = 'v2'] of BODIES) {
      it(`reads ${name} on its thread as it does at once`, async () => {
        const atOnce = await outcomeOf(parser, requestOf(budget, Buffer.from(body), { protocol }))
        const onThread = await outcomeOf(parser, requestOf(budget, long(body), { protocol }))

        assert.deepEqual(onThread, atOnce)
      })
    }

    it('refuses text that is not JSON', async () => {
      const outcome = await outcomeOf(parser, requestOf(budget, long('{"inputs":?}')))

      assert.ok('code' in outcome)
      assert.equal(outcome.code, 'TORCH_REQUEST')
      assert.match(outcome.message, /^The body is not valid JSON: Unexpected token /)
    })

    it('refuses more JSON than maxJsonBytes', async () => {
      const outcome = await outcomeOf(parser, requestOf(budget, Buffer.alloc(2 ** 23 + 1, ' ')))

      assert.deepEqual(outcome, {
        code: 'TORCH_TOO_LARGE',
        message: 'Expected at most 8388608 bytes of JSON (maxJsonBytes), received 8388609',
      })
    })

    for (const offset of [0, 1]) {
      it(`gives tensors behind the JSON back, of a body that begins at byte ${offset} of its memory`, async () => {
        const json = long(inputs({ parameters: { binary_data_size: 16 } }))
        const numbers = Buffer.from(Float32Array.of(...NUMBERS).buffer)
        const whole = Buffer.concat([Buffer.alloc(offset), json, numbers])
        const parts = { headerLength: String(json.length) }

        const outcome = await outcomeOf(parser, requestOf(budget, whole.subarray(offset), parts))

        assert.ok('input' in outcome && outcome.input.kind === 'tensors')
        assert.deepEqual(Buffer.from(outcome.input.bytes), numbers)
      })
    }

    it('gives each of several requests its own input, also those that are read at once', async () => {
      const sizes = [20_000, 1, 30_000, 2, 10_000]

      const outcomes = await Promise.all(sizes.map((size) => outcomeOf(parser, requestOf(budget, tensor(size)))))

      assert.deepEqual(
        outcomes.map((outcome) =>
          'input' in outcome && outcome.input.kind === 'tensors' ? outcome.input.count : outcome,
        ),
        sizes,
      )
    })
  })

  it('holds the memory of what it parses, then that of the input alone, and in the end none', async () => {
    const budget = newBudget()
    const parser = new RequestParser(SETTINGS, budget)
    const body = tensor(20_000)
    const { length } = body
    const request = requestOf(budget, body)

    const parsed = parser.parse(request)
    const during = budget.used
    await parsed
    const after = budget.used
    request.share.release()

    assert.deepEqual([during, after, budget.used], [19 * length, 20_000 * 16, 0])
    await parser.close()
  })

  it('refuses a request for which there is no memory, and gives back what it held', async () => {
    const body = tensor(20_000)
    const { length } = body
    const budget = newBudget(10 * length)
    const parser = new RequestParser(SETTINGS, budget)
    const request = requestOf(budget, body)

    await assert.rejects(parser.parse(request), {
      code: 'TORCH_QUEUE_FULL',
      message: `All requests hold ${length} of at most ${10 * length} bytes (maxBytesInFlight)`,
    })

    request.share.release()
    assert.equal(budget.used, 0)
    await parser.close()
  })

  it('gives up a request whose client leaves, holds its memory until the thread is done, and goes on', async () => {
    const budget = newBudget()
    const parser = new RequestParser(SETTINGS, budget)
    const [leaving, waiting] = [new AbortController(), new AbortController()]
    const first = requestOf(budget, tensor(100_000), { signal: leaving.signal })
    const second = requestOf(budget, tensor(20_000), { signal: waiting.signal })
    const third = requestOf(budget, tensor(20_000))
    const outcomes = Promise.allSettled([parser.parse(first), parser.parse(second), parser.parse(third)])

    leaving.abort(new Error('first left'))
    waiting.abort(new Error('second left'))
    first.share.release()
    second.share.release()
    const held = budget.used
    const [one, two, three] = await outcomes

    assert.ok(held > 18 * 1_000_000, `held ${held}`)
    assert.equal(one.status === 'rejected' && (one.reason as Error).message, 'first left')
    assert.equal(two.status === 'rejected' && (two.reason as Error).message, 'second left')
    assert.equal(three.status, 'fulfilled')
    third.share.release()
    assert.equal(budget.used, 0)
    await parser.close()
  })

  it('refuses a request whose client had left before', async () => {
    const budget = newBudget()
    const parser = new RequestParser(SETTINGS, budget)
    const request = requestOf(budget, tensor(20_000), { signal: AbortSignal.abort(new Error('left')) })

    await assert.rejects(parser.parse(request), { message: 'left' })

    request.share.release()
    assert.equal(budget.used, 0)
    await parser.close()
  })

  it('gives up a request at its deadline', async () => {
    const budget = newBudget()
    const parser = new RequestParser(SETTINGS, budget)
    const request = requestOf(budget, tensor(100_000), { deadline: performance.now() })

    await assert.rejects(parser.parse(request), {
      code: 'TORCH_DEADLINE',
      message: 'The deadline passed before the request was begun',
    })
    await parser.close()
  })

  it('refuses what it has not read when it is closed, and holds no memory then', async () => {
    const budget = newBudget()
    const parser = new RequestParser(SETTINGS, budget)
    const requests = [requestOf(budget, tensor(100_000)), requestOf(budget, tensor(20_000))]
    const outcomes = Promise.all(requests.map((request) => outcomeOf(parser, request)))

    await parser.close()

    const closed = { code: 'TORCH_NOT_READY', message: 'The server is shutting down' }
    assert.deepEqual(await outcomes, [closed, closed])
    for (const { share } of requests) share.release()
    // The thread has ended, and what it held is given back in the turn after.
    await delay(0)
    assert.equal(budget.used, 0)
  })

  it('fails the request for which the memory of its thread is not enough, and goes on with another thread', async () => {
    const budget = newBudget()
    const parser = new RequestParser(SETTINGS, budget, 24)
    const bomb = Buffer.from(inputs({ data: Array.from({ length: 2_000_000 }, () => []) }))
    const requests = [requestOf(budget, bomb), requestOf(budget, tensor(10_000))]

    const [failed, answered] = await Promise.all(requests.map((request) => outcomeOf(parser, request)))

    assert.deepEqual(failed, {
      code: 'TORCH_TOO_LARGE',
      message: 'The JSON of the request takes more memory than there is to parse it: send tensors as binary data',
    })
    assert.ok(answered !== undefined && 'input' in answered)
    for (const { share } of requests) share.release()
    assert.equal(budget.used, 0)
    await parser.close()
  })
})
