import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, symlink } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

import { TorchError } from 'napi-torch'

import { fetchImage } from '../../../packages/jobs/lib/fetch_image.js'
import { ImageOpener } from '../../../packages/jobs/lib/open_image.js'
import { AllowList } from '../../../packages/jobs/lib/sources/allow_list.js'
import { useTemporaryFolder, writeFiles } from '../../support/folder.js'

const MAX_BYTES = 1000

describe('ImageOpener', () => {
  const folder = useTemporaryFolder()

  async function open(image: string): Promise<unknown> {
    await mkdir(join(folder(), 'images'), { recursive: true })
    const allowed = await AllowList.open([join(folder(), 'images')], [])
    return new ImageOpener(allowed, MAX_BYTES).use(image, (source) => Promise.resolve(source))
  }

  it('gives the file behind a link that stays inside', async () => {
    writeFiles(folder(), { 'images/1.jpg': '' })
    await symlink('1.jpg', join(folder(), 'images/link.jpg'))

    assert.equal(await open(join(folder(), 'images/link.jpg')), join(folder(), 'images/1.jpg'))
  })

  it('refuses a link that leaves the allowed folders, also where it was made after the submit', async () => {
    writeFiles(folder(), { 'secret.jpg': '', 'images/1.jpg': '' })
    const link = join(folder(), 'images/link.jpg')
    await symlink('../secret.jpg', link)

    await assert.rejects(open(link), {
      code: 'TORCH_SOURCE_REFUSED',
      message: `${link}: Lies in no allowed folder: it is ${join(folder(), 'secret.jpg')}`,
    })
  })

  it('refuses a file that is too large', async () => {
    writeFiles(folder(), { 'images/1.jpg': 'x'.repeat(MAX_BYTES + 1) })
    const image = join(folder(), 'images/1.jpg')

    await assert.rejects(open(image), {
      code: 'TORCH_SOURCE_REFUSED',
      message: `${image}: Has 1001 bytes, more than 1000`,
    })
  })

  it('refuses a pipe, which would be waited for', async () => {
    writeFiles(folder(), { 'images/1.jpg': '' })
    const pipe = join(folder(), 'images/pipe.jpg')
    execFileSync('mkfifo', [pipe])

    await assert.rejects(open(pipe), { code: 'TORCH_SOURCE_REFUSED', message: `${pipe}: Is no file` })
  })

  it('tells of a file that has vanished', async () => {
    const image = join(folder(), 'images/gone.jpg')

    await assert.rejects(open(image), { code: 'TORCH_FILE', message: `${image}: No such file` })
  })

  it('tells a fault that may pass from one of the file, whoever meets it', async () => {
    writeFiles(folder(), { 'images/1.jpg': '' })
    const image = join(folder(), 'images/1.jpg')
    const allowed = await AllowList.open([join(folder(), 'images')], [])
    const cause = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })
    const read = (): Promise<never> => Promise.reject(new TorchError('TORCH_FILE', 'unreadable', { cause }))

    await assert.rejects(new ImageOpener(allowed, MAX_BYTES).use(image, read), {
      code: 'TORCH_SOURCE_UNAVAILABLE',
      message: `${image}: EIO: i/o error, read`,
    })
  })
})

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

  it('gives the bytes of an answer', async () => {
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

  it('refuses a redirect to elsewhere, without asking there', async () => {
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

  it('gives up a server that does not end its answer', async () => {
    handle = (_request, response) => void response.write('pix')

    await assert.rejects(get('/images/1.jpg', 100), { code: 'TORCH_SOURCE_UNAVAILABLE' })
  })

  it('takes a broken connection for a fault that may pass', async () => {
    handle = (_request, response) => void response.socket?.destroy()

    await assert.rejects(get('/images/1.jpg'), { code: 'TORCH_SOURCE_UNAVAILABLE' })
  })
})
