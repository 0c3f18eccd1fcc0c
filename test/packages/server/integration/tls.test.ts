import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { get } from 'node:https'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'

import { makeCertificate } from '../../../support/certificate.js'
import { inFolder } from '../../../support/checkpoints.js'
import { startServer } from '../../../support/server.js'
import { skip } from '../../../support/skip.js'

const HAS_OPENSSL = spawnSync('openssl', ['version']).status === 0

/** Asks over TLS, trusting one certificate, and gives the status and the name of the other side. */
function ask(url: string, ca: Buffer): Promise<{ status: number | undefined; name: string }> {
  return new Promise((resolve, reject) => {
    const request = get(`${url}/livez`, { ca, agent: false }, (response) => {
      const name = (response.socket as TLSSocket).getPeerCertificate().subject.CN
      response.resume().once('end', () => resolve({ status: response.statusCode, name: String(name) }))
    })
    request.once('error', reject)
  })
}

describe('a server with a certificate', () => {
  before(function () {
    if (!HAS_OPENSSL) skip(this, 'there is no openssl, which makes the certificate')
  })

  it('speaks HTTPS, and takes a new certificate when it is told to load anew', async () => {
    await inFolder(async (folder) => {
      const files = makeCertificate(folder, 'one')
      const first = await readFile(files.tlsCert)
      const { server, url } = await startServer(files)
      try {
        assert.match(url, /^https:/)
        assert.deepEqual(await ask(url, first), { status: 200, name: 'one' })
        await assert.rejects(fetch(url.replace('https:', 'http:')))

        makeCertificate(folder, 'two')
        await server.reload()

        assert.deepEqual(await ask(url, await readFile(files.tlsCert)), { status: 200, name: 'two' })
      } finally {
        await server.close()
      }
    })
  })

  it('is not made where a file is missing', async () => {
    await inFolder(async (folder) => {
      const { tlsCert } = makeCertificate(folder, 'one')

      await assert.rejects(startServer({ tlsCert, tlsKey: join(folder, 'none.pem') }), { code: 'TORCH_FILE' })
    })
  })

  it('is not made of files that are no certificate, in words', async () => {
    await inFolder(async (folder) => {
      const { tlsKey } = makeCertificate(folder, 'one')
      const tlsCert = join(folder, 'text.pem')
      await writeFile(tlsCert, 'no certificate')

      await assert.rejects(startServer({ tlsCert, tlsKey }), { code: 'TORCH_FILE', message: /cannot be used/ })
    })
  })
})
