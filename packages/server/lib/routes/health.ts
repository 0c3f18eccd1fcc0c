import type { FastifyInstance } from 'fastify'

import type { ServerContext } from '../context.js'
import { describeRoute, HIDDEN } from '../openapi/route_schema.js'

const LIVE = { description: 'The process is alive', schema: 'Live' } as const
const READY = { description: 'All models are ready', schema: 'Ready' } as const

const schemas = {
  livez: describeRoute({
    operationId: 'livez',
    summary: 'Checks whether the process is alive',
    success: LIVE,
    isOpen: true,
  }),
  readyz: describeRoute({
    operationId: 'readyz',
    summary: 'Checks whether all models are ready, and lists their states',
    success: READY,
    errors: [503],
    isOpen: true,
  }),
}

/** `/livez`, `/readyz` and `/metrics`: for orchestrators and Prometheus. */
export function healthRoutes(app: FastifyInstance, context: ServerContext): void {
  app.get('/livez', { schema: schemas.livez }, (_request, reply) => reply.send({ live: true }))

  app.get('/readyz', { schema: schemas.readyz }, (_request, reply) => {
    const { isReady, models } = context
    return reply.code(isReady ? 200 : 503).send({ ready: isReady, models: models.index() })
  })

  app.get('/metrics', { schema: HIDDEN }, async (_request, reply) => {
    return reply
      .header('content-type', context.metrics.contentType)
      .send(await (context.peers?.metrics() ?? context.metrics.text()))
  })
}
