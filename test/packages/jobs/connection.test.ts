import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

import { TorchError } from 'napi-torch'
import { status } from '@napi-torch/jobs'

import { checkServer } from '../../../packages/jobs/lib/connection.js'
import { napiTorch } from '../../support/cli.js'
import { useTemporaryFolder } from '../../support/folder.js'
import { RedisServer, useRedis } from './support/redis.js'

const SECRET = 'open-sesame'

/** All that an error holds, its causes included. */
function everythingIn(error: unknown): string {
  const parts: string[] = []
  for (let each = error; each instanceof Error; each = each.cause) {
    parts.push(each.stack ?? '', JSON.stringify(each, Object.getOwnPropertyNames(each)))
  }
  return parts.join('\n')
}

describe('checkServer()', () => {
  const info = (version: string, policy: string, log: string): string =>
    `# Server\r\nredis_version:${version}\r\nmaxmemory_policy:${policy}\r\naof_enabled:${log}\r\n`

  it('has no warning for a Redis that is set up well', () => {
    assert.deepEqual(checkServer(info('7.0.15', 'noeviction', '1'), 'redis://host'), [])
  })

  it('warns of a Redis that keeps no log', () => {
    assert.deepEqual(checkServer(info('6.2.0', 'noeviction', '0'), 'redis://host'), [
      'Redis at redis://host keeps no log of changes: set appendonly to yes, or a crash of Redis loses chunks',
    ])
  })

  it('refuses a Redis that is too old', () => {
    assert.throws(() => checkServer(info('6.0.16', 'noeviction', '1'), 'redis://host'), {
      code: 'TORCH_REDIS',
      message: 'Expected Redis 6.2 or newer at redis://host, found 6.0.16',
    })
  })

  it('refuses a Redis that evicts keys', () => {
    assert.throws(() => checkServer(info('7.2.0', 'allkeys-lru', '1'), 'redis://host'), {
      code: 'TORCH_REDIS',
      message:
        'Redis at redis://host evicts keys when its memory is full (allkeys-lru): set maxmemory-policy to noeviction',
    })
  })
})

describe('connect()', () => {
  it('gives up after some attempts if Redis cannot be reached', async () => {
    await assert.rejects(status({ redis: 'redis://127.0.0.1:1' }), {
      code: 'TORCH_REDIS',
      message: 'Redis at redis://127.0.0.1:1/0 cannot be reached: connect ECONNREFUSED 127.0.0.1:1',
    })
  })

  describe('to a Redis with a password', () => {
    const redis = useRedis('--requirepass', SECRET)

    it('connects with the right password', async () => {
      const { runs } = await status({ redis: { url: redis().url, password: SECRET } })

      assert.deepEqual(runs, [])
    })

    it('is refused at once with a wrong password, which is in no part of the error', async () => {
      const error: unknown = await status({ redis: { url: redis().url, password: 'wrong-sesame' } }).catch(
        (reason: unknown) => reason,
      )

      assert.ok(error instanceof TorchError)
      assert.equal(error.code, 'TORCH_REDIS')
      assert.match(error.message, /cannot be reached: WRONGPASS invalid username-password pair/)
      assert.doesNotMatch(everythingIn(error), /wrong-sesame/)
    })

    it('is refused without a password', async () => {
      await assert.rejects(status({ redis: redis().url }), { code: 'TORCH_REDIS', message: /NOAUTH/ })
    })

    it('takes the password from the environment, and prints it nowhere', async () => {
      const env = { NAPI_TORCH_REDIS_URL: redis().url, NAPI_TORCH_REDIS_PASSWORD: SECRET }
      const wrong = { ...env, NAPI_TORCH_REDIS_PASSWORD: 'wrong-sesame' }

      const right = await napiTorch(['jobs', 'status'], { env })
      const refused = await napiTorch(['jobs', 'status', '--verbose'], { env: wrong })

      assert.equal(right.status, 0, right.stderr)
      assert.equal(refused.status, 1)
      assert.doesNotMatch(right.stdout + right.stderr + refused.stdout + refused.stderr, /wrong-sesame|open-sesame/)
    })
  })

  describe('to a Redis that evicts keys', () => {
    const redis = useRedis('--maxmemory-policy', 'allkeys-lru')

    it('is refused', async () => {
      await assert.rejects(status({ redis: redis().url }), { code: 'TORCH_REDIS', message: /allkeys-lru/ })
    })
  })

  describe('to a Redis that keeps no log', () => {
    const redis = useRedis('--appendonly', 'no')

    it('gives a warning', async () => {
      const { warnings } = await status({ redis: redis().url })

      assert.equal(warnings.length, 1)
    })
  })

  describe('with TLS', () => {
    const folder = useTemporaryFolder()
    useRedis()

    it('connects if the certificate is trusted, and is refused if not', async () => {
      const [key, certificate] = [join(folder(), 'key.pem'), join(folder(), 'certificate.pem')]
      const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
      execFileSync(
        'openssl',
        [
          ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1'],
          ...['-keyout', key, '-out', certificate, ...subject],
        ],
        { stdio: 'ignore' },
      )
      const server = await RedisServer.start(
        ...['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate],
        ...['--tls-auth-clients', 'no', '--tls-port', 'OWN', '--port', '0'],
      )
      try {
        const args = ['jobs', 'status', '--redis', `rediss://localhost:${server.port}`]

        const trusted = await napiTorch(args, { env: { NODE_EXTRA_CA_CERTS: certificate } })
        const strange = await napiTorch(args, { env: { NODE_EXTRA_CA_CERTS: undefined } })

        assert.equal(trusted.status, 0, trusted.stderr)
        assert.match(trusted.stdout, new RegExp(`queue images at rediss://localhost:${server.port}/0`))
        assert.equal(strange.status, 1)
        assert.match(strange.stderr, /cannot be reached: self-signed certificate \(TORCH_REDIS\)/)
      } finally {
        await server.remove()
      }
    })
  })
})
