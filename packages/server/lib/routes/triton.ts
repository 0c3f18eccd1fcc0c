import type { FastifyInstance, FastifyRequest } from 'fastify'

import { TorchError } from 'napi-torch'
import type { ServerContext } from '../context.js'
import { modelConfiguration } from '../oip/metadata.js'
import { parseJson } from '../oip/request.js'
import { Tokens } from '../security.js'
import { badRequest } from '../status.js'
import { bodyOf, checkMediaType } from './call.js'

interface ModelRoute {
  readonly Params: { readonly model: string; readonly version?: string }
}

/** What Triton's clients call beside the protocol: configuration, statistics and the repository of models. */
export function tritonRoutes(app: FastifyInstance, context: ServerContext): void {
  const { models, settings } = context

  for (const url of ['/v2/models/:model/config', '/v2/models/:model/versions/:version/config']) {
    app.get<ModelRoute>(url, ({ params: { model, version } }, reply) => {
      return reply.send(modelConfiguration(models.find(model, version)))
    })
  }

  for (const url of ['/v2/models/stats', '/v2/models/:model/stats', '/v2/models/:model/versions/:version/stats']) {
    app.get<{ Params: { model?: string; version?: string } }>(url, ({ params: { model, version } }, reply) => {
      if (model !== undefined) models.find(model, version)
      const entries = models.index().filter((entry) => {
        return (model === undefined || entry.name === model) && (version === undefined || entry.version === version)
      })
      return reply.send({
        model_stats: entries.map((entry) =>
          context.statistics(entry.name, entry.version).toJSON(entry.name, entry.version),
        ),
      })
    })
  }

  // As Triton's clients send it: without a type, or as JSON.
  const onRequest = checkMediaType(['application/json', 'application/octet-stream', ''])
  app.post('/v2/repository/index', { onRequest }, (request, reply) => {
    const { ready = false } = jsonOf(request)
    if (typeof ready !== 'boolean') throw badRequest('Expected a boolean for ready')
    return reply.send(models.index().filter(({ state }) => !ready || state === 'READY'))
  })

  const admin = new Tokens([settings.adminToken])
  const checkAdmin = (request: FastifyRequest): Promise<void> => {
    if (!settings.repositoryControl) {
      const message = 'Models cannot be loaded and unloaded here (repositoryControl is off)'
      return Promise.reject(new TorchError('TORCH_NOT_FOUND', message))
    }
    admin.check(request.headers.authorization)
    return onRequest(request)
  }

  app.post<ModelRoute>('/v2/repository/models/:model/load', { onRequest: checkAdmin }, async (request, reply) => {
    const { parameters } = jsonOf(request)
    if (typeof parameters === 'object' && parameters !== null && Object.keys(parameters).length > 0) {
      throw badRequest('Models are loaded as the settings of the server say: parameters are not taken')
    }
    await change(context, () => models.load(request.params.model))
    return reply.send({})
  })

  app.post<ModelRoute>('/v2/repository/models/:model/unload', { onRequest: checkAdmin }, async (request, reply) => {
    await change(context, () => models.unload(request.params.model))
    return reply.send({})
  })
}

async function change({ metrics }: ServerContext, body: () => Promise<void>): Promise<void> {
  try {
    await body()
    metrics.reload('ok')
  } catch (error) {
    metrics.reload('failed')
    throw error
  }
}

/** The JSON object of a body that may be missing. */
function jsonOf(request: FastifyRequest): Readonly<Record<string, unknown>> {
  const body = bodyOf(request)
  const value = body.length === 0 ? {} : parseJson(body)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequest('Expected a JSON object')
  return value as Record<string, unknown>
}
