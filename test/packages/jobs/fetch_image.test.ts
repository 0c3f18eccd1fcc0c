import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

import { fetchImage } from '../../../packages/jobs/lib/fetch_image.js'
import { AllowList } from '../../../packages/jobs/lib/sources/allow_list.js'

const MAX_BYTES = 1000

describe('fetchImage()', () => {
  let server: Server
  let handle: RequestListener
  let origin = ''
  beforeEach(async () => {
    server = createServer((request, response) => handle(request, response)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterEach(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })

  async function get(path: string, timeoutMs?: number): Promise<string> {
    const allowed = await AllowList.open([], [`${origin}/images/`])
    const bytes = await fetchImage(`${origin}${path}`, allowed, { maxBytes: MAX_BYTES, timeoutMs })
    return Buffer.from(bytes).toString()
  }

  it('returns the body of the response', async () => {
    handle = (_request, response) => response.end('pixels')

    assert.equal(await get('/images/1.jpg'), 'pixels')
  })

  it('follows a redirect to an allowed address', async () => {
    handle = ({ url }, response) => {
      if (url === '/images/1.jpg') response.writeHead(302, { location: '/images/2.jpg' }).end()
      else response.end(url)
    }

    assert.equal(await get('/images/1.jpg'), '/images/2.jpg')
  })

  it('refuses a redirect to another address, without a request to it', async () => {
    const asked: (string | undefined)[] = []
    handle = ({ url }, response) => {
      asked.push(url)
      response.writeHead(302, { location: '/private/2.jpg' }).end()
    }

    await assert.rejects(get('/images/1.jpg'), {
      code: 'TORCH_SOURCE_REFUSED',
      message: `${origin}/images/1.jpg: ${origin}/private/2.jpg is in no allowed address`,
    })
    assert.deepEqual(asked, ['/images/1.jpg'])
  })

  it('refuses redirects without end', async () => {
    handle = (_request, response) => response.writeHead(302, { location: '/images/1.jpg' }).end()

    await assert.rejects(get('/images/1.jpg'), {
      code: 'TORCH_SOURCE_REFUSED',
      message: `${origin}/images/1.jpg: Is redirected more than 3 times`,
    })
  })

  for (const [name, answer] of [
    ['says so', (response) => response.end('x'.repeat(MAX_BYTES + 1))],
    [
      'does not say so',
      (response) => {
        response.write('x'.repeat(MAX_BYTES))
        response.write('x')
      },
    ],
  ] as readonly (readonly [string, (response: Parameters<RequestListener>[1]) => void])[]) {
    it(`refuses an image that is too large, where the server ${name}`, async () => {
      handle = (_request, response) => answer(response)

      await assert.rejects(get('/images/1.jpg'), {
        code: 'TORCH_SOURCE_REFUSED',
        message: `${origin}/images/1.jpg: Has more than 1000 bytes`,
      })
    })
  }

  for (const [status, code] of [
    [404, 'TORCH_FILE'],
    [403, 'TORCH_FILE'],
    [503, 'TORCH_SOURCE_UNAVAILABLE'],
    [429, 'TORCH_SOURCE_UNAVAILABLE'],
  ] as const) {
    it(`takes ${status} for ${code}`, async () => {
      handle = (_request, response) => response.writeHead(status).end('sorry')

      await assert.rejects(get('/images/1.jpg'), {
        code,
        message: `${origin}/images/1.jpg: The server answers ${status}`,
      })
    })
  }

  it('gives up a server that does not end its response', async () => {
    handle = (_request, response) => void response.write('pix')

    await assert.rejects(get('/images/1.jpg', 100), { code: 'TORCH_SOURCE_UNAVAILABLE' })
  })

  it('takes a broken connection for an error that may pass', async () => {
    handle = (_request, response) => void response.socket?.destroy()

    await assert.rejects(get('/images/1.jpg'), { code: 'TORCH_SOURCE_UNAVAILABLE' })
  })
})
