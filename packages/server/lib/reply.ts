import { promisify } from 'node:util'
import { deflate, gzip } from 'node:zlib'

import type { FastifyReply, FastifyRequest } from 'fastify'

import type { Timing } from './inference.js'

const COMPRESS = { gzip: promisify(gzip), deflate: promisify(deflate) } as const

/** Shorter bodies fit into one or two packets anyway. */
const MIN_COMPRESSED_BYTES = 4096

/** Sends a body, compressed if it is long and the client accepts that. */
export async function sendBody(
  request: FastifyRequest,
  reply: FastifyReply,
  body: Buffer,
  contentType: string,
): Promise<FastifyReply> {
  reply.header('content-type', contentType)
  const encoding = body.length < MIN_COMPRESSED_BYTES ? null : acceptedEncoding(request.headers['accept-encoding'])
  if (encoding === null) return reply.send(body)
  const packed = await COMPRESS[encoding](body, { level: 1 })
  return reply.header('content-encoding', encoding).header('vary', 'accept-encoding').send(packed)
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
