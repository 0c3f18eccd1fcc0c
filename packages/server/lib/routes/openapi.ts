import type { FastifyInstance } from 'fastify'

import { HIDDEN } from '../openapi/route_schema.js'

/** `/openapi.json`: a description of all routes, for tools. */
export function openApiRoutes(app: FastifyInstance): void {
  app.get('/openapi.json', { schema: HIDDEN }, (_request, reply) => reply.send(app.swagger()))
}
