import { once } from 'node:events'
import { connect, type ServerHttp2Stream } from 'node:http2'
import { duplexPair } from 'node:stream'

import type { ServerInterceptor } from '@grpc/grpc-js'

import { TorchError } from 'napi-torch'
import { grpcJs, grpcJsVersion } from './library.js'

/** What grpc-js keeps of a call and does not show. */
export interface Internals {
  readonly stream: ServerHttp2Stream
  /** How the messages of the client are packed; `identity` means not at all. */
  readonly incomingEncoding: string
}

/** Reads what grpc-js keeps of a call. @throws {TorchError} `TORCH_NOT_INSTALLED` where its version does not keep it. */
export function internalsOf(call: object): Internals {
  const { stream, incomingEncoding } = call as Partial<Internals>
  if (stream !== undefined && typeof incomingEncoding === 'string') return { stream, incomingEncoding }
  const lacking = stream === undefined ? 'stream' : 'incomingEncoding'
  throw new TorchError(
    'TORCH_NOT_INSTALLED',
    `Expected a version of @grpc/grpc-js whose calls have ${lacking}, received ${grpcJsVersion()}; run: npm install @grpc/grpc-js@~1.14.7`,
  )
}

const ENCODING = 'gzip'

/**
 * Makes sure, by a call within the process, that grpc-js keeps what {@link internalsOf} reads: limits of memory depend on it.
 *
 * @throws {TorchError} `TORCH_NOT_INSTALLED`
 */
export async function checkInternals(
  {
    Server,
    ServerCredentials,
    ServerInterceptingCall,
  }: Pick<ReturnType<typeof grpcJs>, 'Server' | 'ServerCredentials' | 'ServerInterceptingCall'> = grpcJs(),
): Promise<void> {
  let fault: TorchError | null = null
  const interceptor: ServerInterceptor = (_method, next) => {
    try {
      const { stream, incomingEncoding } = internalsOf(next)
      if (incomingEncoding !== ENCODING) internalsOf({ stream })
    } catch (error) {
      if (!(error instanceof TorchError)) throw error
      fault = error
    }
    return new ServerInterceptingCall(next)
  }
  const server = new Server({ interceptors: [interceptor], 'grpc.enable_channelz': 0 })
  const serialize = (): Buffer => Buffer.alloc(0)
  const method = {
    path: '/napi_torch.Check/Call',
    requestStream: false,
    responseStream: false,
    requestSerialize: serialize,
    requestDeserialize: serialize,
    responseSerialize: serialize,
    responseDeserialize: serialize,
  } as const
  server.addService({ Call: method }, { Call: (_call: unknown, respond: (error: null) => void) => respond(null) })
  const [ours, theirs] = duplexPair()
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
  injector.injectConnection(theirs)
  const client = connect('http://localhost', { createConnection: () => ours })
  try {
    const headers = { ':method': 'POST', ':path': method.path, 'content-type': 'application/grpc', te: 'trailers' }
    const request = client.request({ ...headers, 'grpc-encoding': ENCODING })
    request.end()
    await once(request.resume(), 'close')
  } finally {
    client.destroy()
    injector.destroy()
    server.forceShutdown()
  }
  // The compiler does not see that it is set by the call.
  const found = fault as TorchError | null
  if (found !== null) throw found
}
