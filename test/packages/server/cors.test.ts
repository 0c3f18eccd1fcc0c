import assert from 'node:assert/strict'

import { MODEL, startServer, useServer } from '../../support/server.js'

const APP = 'https://app.example.org'
const OTHER = 'https://other.example.org'

function preflight(url: string, origin: string): Promise<Response> {
  return fetch(`${url}/v1/classify/${MODEL}`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
  })
}

describe('corsOrigins', () => {
  const running = useServer({ corsOrigins: `${APP}, http://localhost:3000`, token: 'secret' })

  it('answers the question of a browser without a token, for the origins of the settings alone', async () => {
    const [allowed, other] = await Promise.all([preflight(running().url, APP), preflight(running().url, OTHER)])

    assert.equal(allowed.status, 204)
    assert.equal(allowed.headers.get('access-control-allow-origin'), APP)
    assert.equal(allowed.headers.get('access-control-allow-methods'), 'GET, HEAD, POST')
    assert.equal(allowed.headers.get('access-control-allow-headers'), 'authorization,content-type')
    assert.equal(allowed.headers.get('access-control-max-age'), '600')
    assert.equal(other.headers.get('access-control-allow-origin'), null)
  })

  it('lets scripts read responses, also refusals, and nothing without a token', async () => {
    const get = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${running().url}/v2/models/${MODEL}`, { headers: { origin: APP, ...headers } })
    const [refused, answered] = await Promise.all([get({}), get({ authorization: 'Bearer secret' })])

    assert.deepEqual([refused.status, answered.status], [401, 200])
    for (const { headers } of [refused, answered]) {
      assert.equal(headers.get('access-control-allow-origin'), APP)
      assert.equal(headers.get('access-control-allow-credentials'), null)
      assert.match(headers.get('vary') ?? '', /Origin/i)
      assert.match(headers.get('access-control-expose-headers') ?? '', /x-request-id/)
    }
  })

  it('allows all with *', async () => {
    const { server, url } = await startServer({ corsOrigins: '*' })
    try {
      assert.equal((await preflight(url, OTHER)).headers.get('access-control-allow-origin'), '*')
    } finally {
      await server.close()
    }
  })

  it('is off by default', async () => {
    const { server, url } = await startServer()
    try {
      const { headers } = await fetch(`${url}/livez`, { headers: { origin: APP } })
      assert.equal(headers.get('access-control-allow-origin'), null)
      assert.equal((await preflight(url, APP)).status, 405)
    } finally {
      await server.close()
    }
  })

  for (const corsOrigins of ['app.example.org', `${APP}/`, `${APP},null`, 'file:///x']) {
    it(`refuses ${corsOrigins}`, async () => {
      await assert.rejects(startServer({ corsOrigins }), { code: 'TORCH_INVALID_ARGUMENT', message: /corsOrigins/ })
    })
  }
})
