import type { ServerWritableStream, UntypedServiceImplementation } from '@grpc/grpc-js'

import { TorchError } from 'napi-torch'
import type { ServerContext } from '../context.js'
import { HEALTH_SERVICE, INFERENCE_SERVICE, type Definition } from './definition.js'
import { grpcJs } from './library.js'
import type { Responder } from './unary.js'

/** How often the state is looked at for those who watch it. */
const WATCH_MS = 250

/** The services of which the health can be asked; the empty name means the server. */
const KNOWN: readonly string[] = ['', INFERENCE_SERVICE]

/** `Check` of the health service. */
export function checkHealth(context: ServerContext): Responder {
  return (request) => {
    const { service } = request as { readonly service: string }
    if (KNOWN.includes(service)) return { status: healthOf(context) }
    throw new TorchError('TORCH_NOT_FOUND', `There is no service ${service}`)
  }
}

/** `Watch` of the health service. */
export function watchHealth(context: ServerContext, definition: Definition): UntypedServiceImplementation[string] {
  return (stream: ServerWritableStream<Buffer, object>) => {
    let service: string
    try {
      service = (definition.decode(HEALTH_SERVICE, 'Watch', stream.request) as { readonly service: string }).service
    } catch {
      stream.emit('error', {
        code: grpcJs().status.INVALID_ARGUMENT,
        details: 'The message of Watch cannot be decoded',
      })
      return
    }
    let last = ''
    const send = (): void => {
      const status = KNOWN.includes(service) ? healthOf(context) : 'SERVICE_UNKNOWN'
      if (status !== last) stream.write({ status })
      last = status
    }
    const timer = setInterval(send, WATCH_MS).unref()
    stream.once('cancelled', () => clearInterval(timer))
    send()
  }
}

function healthOf({ isReady }: ServerContext): string {
  return isReady ? 'SERVING' : 'NOT_SERVING'
}
