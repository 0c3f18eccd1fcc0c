import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

import { checkSha256, download } from '../../lib/install/download.js'
import type { InstallProgress } from '../../lib/install/progress.js'
import { useTemporaryFolder, writeFiles } from '../support/folder.js'

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
