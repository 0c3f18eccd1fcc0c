import assert from 'node:assert/strict'

import { redisAddress } from '../../../packages/jobs/lib/redis_settings.js'
import { useEnvironment } from '../../support/folder.js'

const SECRET = 'open-sesame'

describe('redisAddress()', () => {
  useEnvironment(() => ({
    NAPI_TORCH_REDIS_URL: undefined,
    NAPI_TORCH_REDIS_USERNAME: undefined,
    NAPI_TORCH_REDIS_PASSWORD: undefined,
  }))

  it('is this machine by default', () => {
    const { name, isTls, username, password } = redisAddress()

    assert.deepEqual([name, isTls, username, password], ['redis://127.0.0.1:6379/0', false, undefined, undefined])
  })

  it('takes a URL apart, and has a name without its secrets', () => {
    const address = redisAddress('rediss://me:p%40ss@redis.example.com:6380/2')

    assert.deepEqual(address, {
      name: 'rediss://redis.example.com:6380/2',
      host: 'redis.example.com',
      port: 6380,
      database: 2,
      isTls: true,
      username: 'me',
      password: 'p@ss',
    })
  })

  it('takes the host of an IPv6 address out of its brackets', () => {
    assert.equal(redisAddress('redis://[::1]:7000').host, '::1')
  })

  describe('with an environment', () => {
    useEnvironment(() => ({ NAPI_TORCH_REDIS_URL: 'redis://other:1', NAPI_TORCH_REDIS_PASSWORD: SECRET }))

    it('takes what is not given from there', () => {
      const { host, password } = redisAddress()

      assert.deepEqual([host, password], ['other', SECRET])
    })

    it('prefers what is given', () => {
      const { host, password } = redisAddress({ url: 'redis://mine', password: 'own' })

      assert.deepEqual([host, password], ['mine', 'own'])
    })
  })

  for (const url of ['localhost:6379', 'http://localhost', 'redis://', 'redis://host/a', 'redis://u:%zz@host']) {
    it(`refuses ${url}, and does not repeat it: it may hold a password`, () => {
      assert.throws(() => redisAddress(url), {
        code: 'TORCH_INVALID_ARGUMENT',
        message:
          'Expected redis://HOST:PORT/DATABASE or rediss://HOST:PORT/DATABASE for redis.url, received another URL',
      })
    })
  }
})
