import assert from 'node:assert/strict'
import { once } from 'node:events'

import { status as Status, type ClientReadableStream } from '@grpc/grpc-js'

import { GrpcClient, HEALTH, INFERENCE } from '../../../support/grpc.js'
import { startServer, useServer } from '../../../support/server.js'

type Watch = ClientReadableStream<unknown>

/** The next state that a stream of Watch gives. */
async function next(watch: Watch): Promise<unknown> {
  const [message] = (await once(watch, 'data')) as [{ readonly status: unknown }]
  return message.status
}

/** Cancels a stream, whose error is that. */
async function cancel(watch: Watch): Promise<unknown> {
  const ended = once(watch, 'error')
  watch.cancel()
  const [error] = (await ended) as [{ readonly code: unknown }]
  return error.code
}

describe('grpc.health.v1.Health', function () {
  this.timeout(60_000)
  const running = useServer({ grpc: true, grpcPort: 0, token: 'secret' })
  let client: GrpcClient
  before(() => (client = new GrpcClient(running().server.grpcAddress ?? '')))
  after(() => client[Symbol.dispose]())

  for (const [name, service] of [
    ['the server', ''],
    ['the service of the protocol', INFERENCE],
  ] as const) {
    it(`answers Check and Watch of ${name} without a token`, async () => {
      const { response } = await client.call('Check', { service }, { service: HEALTH })
      const watch = client.watch(service)

      assert.equal(response['status'], 'SERVING')
      assert.equal(await next(watch), 'SERVING')
      assert.equal(await cancel(watch), Status.CANCELLED)
    })
  }

  it('answers Check of an unknown service with NOT_FOUND, and Watch with SERVICE_UNKNOWN', async () => {
    const { code, details } = await client.call('Check', { service: 'none' }, { service: HEALTH })
    const watch = client.watch('none')

    assert.deepEqual([code, details], [Status.NOT_FOUND, 'There is no service none'])
    assert.equal(await next(watch), 'SERVICE_UNKNOWN')
    await cancel(watch)
  })

  it('tells a watcher of each change once: of models that are ready, and of the shutdown', async () => {
    const { server } = await startServer({ grpc: true, grpcPort: 0, drainDelayMs: 1000 })
    using other = new GrpcClient(server.grpcAddress ?? '')
    const states: unknown[] = []
    const watch = other.watch('')
    watch.on('data', ({ status }: { readonly status: unknown }) => states.push(status))
    const ended = once(watch, 'error')
    await once(watch, 'data')
    await new Promise((resolve) => setTimeout(resolve, 600))

    await server.close({ graceMs: 5000 })

    await ended
    assert.deepEqual(states, ['SERVING', 'NOT_SERVING'])
  })
})
