import assert from 'node:assert/strict'

import * as grpcJs from '@grpc/grpc-js'

import { checkInternals, internalsOf } from '../../../../packages/server/lib/grpc/internals.js'
import { grpcJsVersion } from '../../../../packages/server/lib/grpc/library.js'

const ADVICE = 'run: npm install @grpc/grpc-js@~1.14.7'

/** What grpc-js exports, but with calls that lack a field, as those of another version may. */
function without(field: 'stream' | 'incomingEncoding', value?: unknown): typeof grpcJs {
  const hiding = (call: grpcJs.ServerInterceptingCallInterface): grpcJs.ServerInterceptingCallInterface =>
    new Proxy(call, { get: (target, name) => (name === field ? value : (Reflect.get(target, name) as unknown)) })
  class Server extends grpcJs.Server {
    constructor({ interceptors = [], ...options }: grpcJs.ServerOptions = {}) {
      const wrapped = interceptors.map((interceptor): grpcJs.ServerInterceptor => {
        return (method, call) => {
          interceptor(method, hiding(call))
          return new grpcJs.ServerInterceptingCall(call)
        }
      })
      super({ ...options, interceptors: wrapped })
    }
  }
  return { ...grpcJs, Server }
}

describe('checkInternals()', () => {
  it('finds what it looks for in the version that is installed', async () => {
    await checkInternals()
  })

  for (const field of ['stream', 'incomingEncoding'] as const) {
    it(`refuses a version whose calls lack ${field}, and says which to install`, async () => {
      await assert.rejects(checkInternals(without(field)), {
        code: 'TORCH_NOT_INSTALLED',
        message: `Expected a version of @grpc/grpc-js whose calls have ${field}, received ${grpcJsVersion()}; ${ADVICE}`,
      })
    })
  }

  it('refuses a version that has the field, but does not keep the encoding of the client in it', async () => {
    await assert.rejects(checkInternals(without('incomingEncoding', 'identity')), {
      code: 'TORCH_NOT_INSTALLED',
      message: `Expected a version of @grpc/grpc-js whose calls have incomingEncoding, received ${grpcJsVersion()}; ${ADVICE}`,
    })
  })
})

describe('internalsOf()', () => {
  it('refuses a call without a stream', () => {
    assert.throws(() => internalsOf({ incomingEncoding: 'identity' }), {
      code: 'TORCH_NOT_INSTALLED',
      message: `Expected a version of @grpc/grpc-js whose calls have stream, received ${grpcJsVersion()}; ${ADVICE}`,
    })
  })
})
