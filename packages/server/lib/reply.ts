import { pipeline, Readable } from 'node:stream'
import { promisify } from 'node:util'
import { createDeflate, createGzip, deflate, gzip } from 'node:zlib'

import type { FastifyReply, FastifyRequest } from 'fastify'

import type { Timing } from './inference.js'

const PACK = { gzip: promisify(gzip), deflate: promisify(deflate) } as const
const PACK_STREAM = { gzip: createGzip, deflate: createDeflate } as const
const LEVEL = { level: 1 } as const

/** Shorter bodies fit into one or two packets anyway. */
const MIN_COMPRESSED_BYTES = 4096

/** Joining the pieces of longer bodies, and handing them to the system at once, would take longer than a few milliseconds. */
const MAX_JOINED_BYTES = 2 ** 20

/** Sends a body in pieces, compressed if it is long and the client accepts that. */
export async function sendBody(
  request: FastifyRequest,
  reply: FastifyReply,
  pieces: readonly Buffer[],
  contentType: string,
): Promise<FastifyReply> {
  reply.header('content-type', contentType)
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
  const isShort = length <= MAX_JOINED_BYTES
  const encoding = length < MIN_COMPRESSED_BYTES ? null : acceptedEncoding(request.headers['accept-encoding'])
  if (encoding === null) {
    return isShort ? reply.send(joined(pieces)) : reply.header('content-length', length).send(Readable.from(pieces))
  }
  reply.header('content-encoding', encoding).header('vary', 'accept-encoding')
  if (isShort) return reply.send(await PACK[encoding](joined(pieces), LEVEL))
  // A client that leaves ends both; Fastify logs what fails otherwise.
  return reply.send(pipeline(Readable.from(pieces), PACK_STREAM[encoding](LEVEL), () => undefined))
}

function joined(pieces: readonly Buffer[]): Buffer {
  const [only] = pieces
  return only !== undefined && pieces.length === 1 ? only : Buffer.concat(pieces)
}

/** Without an expression for blanks: a client may send 16 kB of them, which it would try from each one on. */
function acceptedEncoding(header: string | string[] | undefined): keyof typeof PACK | null {
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
