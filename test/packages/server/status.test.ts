import assert from 'node:assert/strict'

import { ask, MODEL, useServer } from '../../support/server.js'

describe('the text of an error', () => {
  const running = useServer()

  for (const [header, status] of [
    ['content-type', 415],
    ['content-encoding', 415],
    ['x-request-timeout-ms', 400],
  ] as const) {
    it(`quotes no more than its start of a long ${header}`, async () => {
      const headers = { 'content-type': 'image/png', [header]: 'x'.repeat(10_000) }

      const answer = await ask(`${running().url}/v1/classify/${MODEL}`, { method: 'POST', headers, body: 'x' })

      const { error } = answer.body as { readonly error: string }
      assert.equal(answer.status, status)
      assert.match(error, /^Expected .*x{100,1000} …$/)
      assert.ok(error.length <= 1002, String(error.length))
    })
  }
})
