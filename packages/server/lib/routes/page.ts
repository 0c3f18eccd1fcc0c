import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

import type { FastifyInstance } from 'fastify'

import { HIDDEN } from '../openapi/route_schema.js'

const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page/style.css': ['style.css', 'text/css; charset=utf-8'],
  '/page/script.js': ['script.js', 'text/javascript; charset=utf-8'],
  '/page/charts.js': ['charts.js', 'text/javascript; charset=utf-8'],
  '/page/invert.js': ['invert.js', 'text/javascript; charset=utf-8'],
  '/page/samples.png': ['samples.png', 'image/png'],
}

/** Addresses of the page. They are open, as they contain nothing of the models and the page asks for the token itself. */
export const PAGE_ADDRESSES: readonly string[] = Object.keys(FILES)

/** Nothing but the page's own files, and not within another page. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/**
 * `/`: a page on which models can be tried and the load of the server be watched.
 *
 * Not @fastify/static: it makes ETags of size and modification time, so that replicas that were installed at different times
 * give one file different ones. Its current version also needs Node.js 22, and it brings about 15 packages for five files.
 */
export function pageRoutes(app: FastifyInstance): void {
  for (const [url, [file, type]] of Object.entries(FILES)) {
    const content = readFileSync(new URL(`../../page/${file}`, import.meta.url))
    const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`
    app.get(url, { schema: HIDDEN }, (request, reply) => {
      reply.headers({
        etag,
        'cache-control': 'no-cache',
        'content-security-policy': POLICY,
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
      })
      if (request.headers['if-none-match'] === etag) return reply.code(304).send()
      return reply.type(type).send(content)
    })
  }
}
