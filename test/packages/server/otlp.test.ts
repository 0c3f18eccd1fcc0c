import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

import type { ServerOptions } from '@napi-torch/server'

import { MODEL, post, startServer, type RunningServer } from '../../support/server.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const REQUEST = {
  inputs: [{ name: 'input', datatype: 'UINT8', shape: [1, 1, 2, 3], data: [1, 2, 3, 4, 5, 6] }],
}

interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly { readonly key: string; readonly value: object }[]
  readonly status: { readonly code?: number; readonly message?: string }
}

interface Message {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly object[] }
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[]
  }[]
}

/** A collector of OTLP, and a server that sends to it; gives the spans once the server is closed. */
async function traced(
  options: Partial<ServerOptions>,
  body: (running: RunningServer) => Promise<void>,
  status = 200,
): Promise<readonly Span[]> {
  const messages: Message[] = []
  const collector: Server = createServer((request, response) => {
    void buffer(request).then((bytes) => {
      assert.equal(request.url, '/v1/traces')
      messages.push(JSON.parse(bytes.toString()) as Message)
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}')
    })
  })
  collector.listen(0, '127.0.0.1')
  await once(collector, 'listening')
  const { port } = collector.address() as AddressInfo
  const running = await startServer({ otlpEndpoint: `http://127.0.0.1:${port}/v1/traces`, ...options })
  try {
    await body(running)
  } finally {
    await running.server.close({ graceMs: 2000 })
    collector.closeAllConnections()
    collector.close()
  }
  for (const { resourceSpans } of messages) {
    assert.deepEqual(resourceSpans[0]?.resource.attributes[0], {
      key: 'service.name',
      value: { stringValue: 'napi-torch' },
    })
  }
  return messages.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap((one) => one.scopeSpans.flatMap((scope) => scope.spans)),
  )
}

function infer({ url }: RunningServer, headers: Record<string, string> = {}): Promise<{ readonly status: number }> {
  return post(`${url}/v2/models/${MODEL}/infer`, REQUEST, headers)
}

/** Ids of traces in the log, of the requests. */
function loggedTraces({ log }: RunningServer): readonly unknown[] {
  return log
    .map((line) => JSON.parse(line) as { readonly msg: string; readonly traceId?: string })
    .filter(({ msg }) => msg === 'request')
    .map(({ traceId }) => traceId)
}

describe('otlpEndpoint', () => {
  it('receives a span of each inference and of its parts, in the trace of the caller, whose id is logged', async () => {
    let traces: readonly unknown[] = []
    const spans = await traced({}, async (running) => {
      assert.equal((await infer(running, { traceparent: `00-${TRACE}-${PARENT}-01` })).status, 200)
      while (traces.length === 0) {
        await new Promise((resolve) => setTimeout(resolve, 10))
        traces = loggedTraces(running)
      }
    })

    assert.deepEqual(traces, [TRACE])
    const root = spans.find(({ kind }) => kind === 2)
    assert.ok(root)
    assert.deepEqual([root.traceId, root.parentSpanId, root.name, root.status], [TRACE, PARENT, `infer ${MODEL}`, {}])
    assert.deepEqual(root.attributes[0], { key: 'napi_torch.model', value: { stringValue: MODEL } })
    assert.deepEqual(
      spans.filter((span) => span !== root).map(({ name, traceId, parentSpanId }) => [name, traceId, parentSpanId]),
      [
        ['preprocess', TRACE, root.spanId],
        ['infer', TRACE, root.spanId],
      ],
    )
    for (const { startTimeUnixNano, endTimeUnixNano } of spans) {
      assert.ok(BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano))
      assert.ok(Math.abs(Number(BigInt(startTimeUnixNano) / 1_000_000n) - Date.now()) < 60_000)
    }
  })

  it('receives failures with their text', async () => {
    const spans = await traced({}, async ({ url }) => {
      const init = { method: 'POST', headers: { 'content-type': 'image/png' }, body: 'x' }
      await (await fetch(`${url}/v1/classify/${MODEL}`, init)).text()
    })

    const root = spans.find(({ kind }) => kind === 2)
    assert.equal(root?.status.code, 2)
    assert.match(root.status.message ?? '', /It is not a JPEG, PNG/)
  })

  it('receives what the caller samples, and of others the share traceRatio', async () => {
    const spans = await traced({ traceRatio: 0 }, async (running) => {
      await infer(running)
      await infer(running, { traceparent: `00-${TRACE}-${PARENT}-00` })
      await infer(running, { traceparent: `00-${TRACE}-${PARENT}-01` })
    })

    assert.deepEqual(
      spans.filter(({ kind }) => kind === 2).map(({ traceId }) => traceId),
      [TRACE],
    )
  })

  it('begins a trace where traceparent is malformed', async () => {
    const spans = await traced({}, async (running) => {
      for (const traceparent of ['00-x', `00-${'0'.repeat(32)}-${PARENT}-01`, `ff-${TRACE}-${PARENT}-01`]) {
        await infer(running, { traceparent })
      }
    })

    const roots = spans.filter(({ kind }) => kind === 2)
    assert.equal(roots.length, 3)
    for (const { traceId, parentSpanId } of roots) {
      assert.match(traceId, /^[0-9a-f]{32}$/)
      assert.notEqual(traceId, TRACE)
      assert.equal(parentSpanId, undefined)
    }
  })

  it('loses spans beyond maxTraceSpans, counts and logs them, and answers all the same', async () => {
    const spans = await traced({ maxTraceSpans: 4 }, async (running) => {
      for (let turn = 0; turn < 3; turn++) assert.equal((await infer(running)).status, 200)
      const metrics = await (await fetch(`${running.url}/metrics`)).text()

      assert.match(metrics, /^napi_torch_trace_spans_total\{result="dropped"\} 5$/m)
      assert.equal(running.log.filter((line) => line.includes('spans are dropped')).length, 1)
    })

    assert.equal(spans.length, 4)
  })

  it('may refuse, or not be there: requests are answered, and the log says why', async () => {
    let lines: readonly string[] = []
    await traced({}, async (running) => void (await infer(running), (lines = running.log)), 500)
    assert.ok(lines.some((line) => line.includes('the collector answers 500')))

    await traced({ otlpEndpoint: 'http://127.0.0.1:65535/v1/traces' }, async (running) => {
      assert.equal((await infer(running)).status, 200)
      lines = running.log
    })
    assert.ok(
      lines.some((line) => line.includes('ECONNREFUSED')),
      lines.join(''),
    )
  })

  it('is not needed for the id of the caller to be in the log', async () => {
    const running = await startServer()
    try {
      await infer(running, { traceparent: `00-${TRACE}-${PARENT}-01` })
      await infer(running)
      while (loggedTraces(running).length < 2) await new Promise((resolve) => setTimeout(resolve, 10))

      assert.deepEqual(loggedTraces(running), [TRACE, undefined])
    } finally {
      await running.server.close({ graceMs: 2000 })
    }
  })

  for (const otlpEndpoint of ['collector:4318', '/v1/traces', 'file:///x']) {
    it(`refuses ${otlpEndpoint}`, async () => {
      await assert.rejects(startServer({ otlpEndpoint }), { code: 'TORCH_INVALID_ARGUMENT', message: /otlpEndpoint/ })
    })
  }
})
