import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { checkSha256, download, downloadResumable } from '../../lib/install/download.js'
import type { InstallProgress } from '../../lib/install/progress.js'
import { useEnvironment, useTemporaryFolder, writeFiles } from '../support/folder.js'

const CONTENT = Buffer.alloc(300_000, 'napi-torch')

describe('download()', () => {
  const temporary = useTemporaryFolder()
  let server: Server

  async function serve(listener: RequestListener): Promise<string> {
    server = createServer(listener).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/file.whl`
  }

  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  it('writes the file and tells how far it is', async () => {
    const url = await serve((_, response) => response.setHeader('content-length', CONTENT.length).end(CONTENT))
    const path = join(temporary(), 'file.whl')
    const reports: InstallProgress[] = []

    await download(url, path, { onProgress: (report) => reports.push(report) })

    assert.deepEqual(readFileSync(path), CONTENT)
    assert.deepEqual(reports.at(-1), { action: 'download', done: CONTENT.length, total: CONTENT.length })
  })

  it('refuses a status other than success', async () => {
    const url = await serve((_, response) => response.writeHead(403).end('no'))

    await assert.rejects(download(url, join(temporary(), 'file.whl'), {}), {
      code: 'TORCH_LIBTORCH_INSTALL',
      message: `${url}: HTTP status 403`,
    })
  })

  it('gives up on a server that does not answer', async () => {
    const url = await serve(() => undefined)

    await assert.rejects(download(url, join(temporary(), 'file.whl'), {}, { connectMs: 50, idleMs: 1000 }), {
      code: 'TORCH_LIBTORCH_INSTALL',
      message: `${url}: no answer in 0.05 s`,
    })
  })

  it('gives up on a server that stops in the middle', async () => {
    const url = await serve((_, response) => response.setHeader('content-length', 1000).write('begin'))

    await assert.rejects(download(url, join(temporary(), 'file.whl'), {}, { connectMs: 1000, idleMs: 50 }), {
      code: 'TORCH_LIBTORCH_INSTALL',
      message: `${url}: no data for 0.05 s`,
    })
  })

  it('refuses a file that ends early', async () => {
    const url = await serve((_, response) => {
      response.setHeader('content-length', 1000).write('begin', () => response.destroy())
    })

    await assert.rejects(download(url, join(temporary(), 'file.whl'), {}), { code: 'TORCH_LIBTORCH_INSTALL' })
  })

  it('names the reason where there is no server', async () => {
    const url = await serve(() => undefined)
    server.close()
    await once(server, 'close')

    await assert.rejects(download(url, join(temporary(), 'file.whl'), {}), {
      code: 'TORCH_LIBTORCH_INSTALL',
      message: /^http:.*: connect ECONNREFUSED/,
    })
  })

  it('stops when it is told to', async () => {
    const url = await serve((_, response) => response.setHeader('content-length', 1000).write('begin'))
    const reason = new Error('enough')
    const controller = new AbortController()

    const downloading = download(url, join(temporary(), 'file.whl'), { signal: controller.signal })
    setTimeout(() => controller.abort(reason), 50)

    await assert.rejects(downloading, reason)
  })
})

describe('download() through a proxy', () => {
  const temporary = useTemporaryFolder()
  const asked: string[] = []
  let server: Server
  let proxy: Server
  const addressOf = (listening: Server): string => `127.0.0.1:${(listening.address() as AddressInfo).port}`

  before(async () => {
    server = createServer((_, response) => response.end(CONTENT)).listen(0, '127.0.0.1')
    // It is asked for a tunnel, and it alone knows where the mirror is.
    proxy = createServer().on('connect', ({ url }, socket) => {
      asked.push(url ?? '')
      const tunnel = connect((server.address() as AddressInfo).port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
        tunnel.pipe(socket).pipe(tunnel)
      })
      tunnel.on('error', () => socket.destroy())
      socket.on('error', () => tunnel.destroy())
    })
    proxy.listen(0, '127.0.0.1')
    await Promise.all([once(server, 'listening'), once(proxy, 'listening')])
  })
  after(() => {
    for (const each of [server, proxy]) each.close().closeAllConnections()
  })
  useEnvironment(() => ({
    http_proxy: `http://${addressOf(proxy)}`,
    HTTP_PROXY: undefined,
    no_proxy: undefined,
    NO_PROXY: undefined,
  }))

  it('goes through the one that http_proxy names', async () => {
    const path = join(temporary(), 'file.whl')

    await download('http://mirror.invalid/file.whl', path, {})

    assert.deepEqual(asked, ['mirror.invalid:80'])
    assert.deepEqual(readFileSync(path), CONTENT)
  })
})

describe('downloadResumable()', () => {
  const temporary = useTemporaryFolder()
  const cache = (): string => join(temporary(), 'cache')
  const part = (): string => join(cache(), 'partial', 'file.whl')
  useEnvironment(() => ({ NAPI_TORCH_CACHE: cache() }))
  let server: Server
  const ranges: (string | undefined)[] = []

  /** Waits until so many bytes are in the unfinished file. */
  async function hasArrived(bytes: number): Promise<void> {
    while (!existsSync(part()) || statSync(part()).size < bytes) await delay(5)
  }

  /** Sends all from the byte that is asked for, and breaks off after `breakAfter` bytes. */
  async function serve({ breakAfter = Infinity, ranged = true } = {}): Promise<string> {
    ranges.length = 0
    server = createServer((request, response) => {
      const { range } = request.headers
      ranges.push(range)
      const begin = ranged ? Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0) : 0
      if (begin > CONTENT.length) return void response.writeHead(416).end()
      const headers = { 'content-length': CONTENT.length - begin }
      if (begin > 0) {
        const contentRange = `bytes ${begin}-${CONTENT.length - 1}/${CONTENT.length}`
        response.writeHead(206, { ...headers, 'content-range': contentRange })
      } else response.writeHead(200, headers)
      if (CONTENT.length - begin <= breakAfter) response.end(CONTENT.subarray(begin))
      else {
        response.write(CONTENT.subarray(begin, begin + breakAfter))
        void hasArrived(begin + breakAfter).then(() => response.destroy())
      }
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/file.whl`
  }

  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  it('goes on where the one before was broken off', async () => {
    const path = join(temporary(), 'file.whl')
    const broken = await serve({ breakAfter: 100_000 })
    await assert.rejects(downloadResumable(broken, path, {}), { code: 'TORCH_LIBTORCH_INSTALL' })
    assert.deepEqual([readFileSync(part()).length, existsSync(path)], [100_000, false])
    server.close()
    const url = await serve()
    const reports: InstallProgress[] = []

    const { resumed } = await downloadResumable(url, path, { onProgress: (report) => reports.push(report) })

    assert.equal(resumed, true)
    assert.deepEqual(ranges, ['bytes=100000-'])
    assert.deepEqual(readFileSync(path), CONTENT)
    assert.deepEqual(reports.at(-1), { action: 'download', done: CONTENT.length, total: CONTENT.length })
    assert.equal(existsSync(join(cache(), 'partial')), false)
  })

  it('begins anew where the server knows no ranges', async () => {
    const path = join(temporary(), 'file.whl')
    writeFiles(cache(), { 'partial/file.whl': 'old' })

    const { resumed } = await downloadResumable(await serve({ ranged: false }), path, {})

    assert.equal(resumed, false)
    assert.deepEqual(readFileSync(path), CONTENT)
  })

  it('begins anew where more is here than the server has', async () => {
    const path = join(temporary(), 'file.whl')
    writeFiles(cache(), { 'partial/file.whl': Buffer.alloc(CONTENT.length + 1) })

    await downloadResumable(await serve(), path, {})

    assert.deepEqual(ranges, [`bytes=${CONTENT.length + 1}-`, undefined])
    assert.deepEqual(readFileSync(path), CONTENT)
  })
})

describe('checkSha256()', () => {
  const temporary = useTemporaryFolder()
  const SHA256_OF_ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'

  it('accepts the file of that checksum', async () => {
    writeFiles(temporary(), { file: 'abc' })

    await checkSha256(join(temporary(), 'file'), SHA256_OF_ABC)
  })

  it('refuses any other', async () => {
    const path = join(writeFiles(temporary(), { file: 'abd' }), 'file')

    await assert.rejects(checkSha256(path, SHA256_OF_ABC), {
      code: 'TORCH_LIBTORCH_INSTALL',
      message:
        `${path}: the SHA-256 is a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9, ` +
        `and not ${SHA256_OF_ABC} as published`,
    })
  })
})
