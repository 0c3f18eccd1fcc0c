import type { FastifyInstance } from 'fastify'

import type { ServerContext } from '../context.js'

/** `/livez`, `/readyz` and `/metrics`: for whoever keeps the server alive. */
export function healthRoutes(app: FastifyInstance, context: ServerContext): void {
  app.get('/livez', (_request, reply) => reply.send({ live: true }))

  app.get('/readyz', (_request, reply) => {
    const { isReady, models } = context
    return reply.code(isReady ? 200 : 503).send({ ready: isReady, models: models.index() })
  })

  app.get('/metrics', async (_request, reply) => {
    return reply.header('content-type', context.metrics.contentType).send(await context.metrics.text())
  })
}
