import type { FastifyInstance } from 'fastify'

import type { ServerContext } from '../context.js'
import { openApiDocument } from '../openapi/document.js'

/** `/openapi.json`: what the server speaks, for tools. */
export function openApiRoutes(app: FastifyInstance, { settings }: ServerContext): void {
  const document = openApiDocument({ isTokenRequired: settings.token !== '' || settings.tokenFile !== '' })
  app.get('/openapi.json', (_request, reply) => reply.send(document))
}
