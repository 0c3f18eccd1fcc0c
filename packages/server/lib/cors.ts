import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'

import { HEADER_LENGTH } from './oip/request.js'
import { ANY_ORIGIN, originsOf } from './origins.js'
import type { Settings } from './settings.js'

/** How long a browser need not ask again. */
const MAX_AGE_S = 600
/** Headers of responses that scripts may read. */
const EXPOSED = ['x-request-id', 'server-timing', 'retry-after', HEADER_LENGTH]

/** Lets scripts of other origins use the server, where the settings name some. Cookies are not used: tokens are sent by the script. */
export function allowOrigins(app: FastifyInstance, { corsOrigins }: Settings): void {
  const origins = originsOf(corsOrigins)
  if (origins.length === 0) return
  app.register(cors, {
    origin: origins.includes(ANY_ORIGIN) ? ANY_ORIGIN : [...origins],
    methods: ['GET', 'HEAD', 'POST'],
    exposedHeaders: EXPOSED,
    maxAge: MAX_AGE_S,
    strictPreflight: false,
  })
}
