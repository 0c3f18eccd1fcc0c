import { pipeline, Readable } from 'node:stream'
import { createDeflate, createGzip } from 'node:zlib'

import type { FastifyReply, FastifyRequest } from 'fastify'

import type { Timing } from './inference.js'

const COMPRESS = { gzip: createGzip, deflate: createDeflate } as const

/** Shorter bodies fit into one or two packets anyway. */
const MIN_COMPRESSED_BYTES = 4096

/** Joining the pieces of longer bodies, and handing them to the system at once, would take longer than a few milliseconds. */
const MAX_JOINED_BYTES = 2 ** 20

/** Sends a body in pieces, compressed if it is long and the client accepts that. */
export function sendBody(
  request: FastifyRequest,
  reply: FastifyReply,
  pieces: readonly Buffer[],
  contentType: string,
): FastifyReply {
  reply.header('content-type', contentType)
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
  const encoding = length < MIN_COMPRESSED_BYTES ? null : acceptedEncoding(request.headers['accept-encoding'])
  if (encoding !== null) {
    reply.header('content-encoding', encoding).header('vary', 'accept-encoding')
    // A client that leaves ends both; Fastify logs what fails otherwise.
    return reply.send(pipeline(Readable.from(pieces), COMPRESS[encoding]({ level: 1 }), () => undefined))
  }
  if (length <= MAX_JOINED_BYTES) return reply.send(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces))
  return reply.header('content-length', length).send(Readable.from(pieces))
}

/** Without an expression for blanks: a client may send 16 kB of them, which it would try from each one on. */
function acceptedEncoding(header: string | string[] | undefined): keyof typeof COMPRESS | null {
  const accepted = String(header ?? '')
    .toLowerCase()
    .split(',')
    .map((part) => part.split(';').map((word) => word.trim()))
    .filter(([, weight = 'q=1']) => !weight.startsWith('q=') || Number(weight.slice(2)) > 0)
    .map(([name]) => name)
  return accepted.includes('gzip') ? 'gzip' : accepted.includes('deflate') ? 'deflate' : null
}

/** Formats the header Server-Timing: https://www.w3.org/TR/server-timing. */
export function serverTiming({ queueMs, preprocessMs, inferMs, batchSize }: Timing): string {
  const ms = (value: number): string => value.toFixed(2)
  return `queue;dur=${ms(queueMs)}, preprocess;dur=${ms(preprocessMs)}, infer;dur=${ms(inferMs)}, batch;desc="${batchSize}"`
}
