import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

import type { FastifyInstance } from 'fastify'

const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page/style.css': ['style.css', 'text/css; charset=utf-8'],
  '/page/script.js': ['script.js', 'text/javascript; charset=utf-8'],
  '/page/charts.js': ['charts.js', 'text/javascript; charset=utf-8'],
  '/page/samples.png': ['samples.png', 'image/png'],
}

/** Addresses of the page. They hold nothing of the models, and are open to whoever has no token yet. */
export const PAGE_ADDRESSES: readonly string[] = Object.keys(FILES)

/** Nothing but what the page brings along, and no other page around it. */
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

/** `/`: a page on which a model can be tried, and the load of the server be seen. */
export function pageRoutes(app: FastifyInstance): void {
  for (const [url, [file, type]] of Object.entries(FILES)) {
    const content = readFileSync(new URL(`../../page/${file}`, import.meta.url))
    const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`
    app.get(url, (request, reply) => {
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
