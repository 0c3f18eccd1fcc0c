import type { FastifyInstance, FastifyRequest } from 'fastify'

import type { ServerContext } from '../context.js'
import { modelConfiguration } from '../oip/metadata.js'
import { parseJson } from '../oip/request.js'
import { describeRoute, MODEL_PARAMS, refTo } from '../openapi/route_schema.js'
import { checkControl, loadModel, repositoryIndex, statisticsOf, unloadModel } from '../repository.js'
import { badRequest, tooLarge } from '../status.js'
import { bodyOf, callerOf, checkMediaType, FORM, modelRoutes } from './call.js'

interface ModelRoute {
  readonly Params: { readonly model: string; readonly version?: string }
}

const CONFIG = {
  operationId: 'modelConfig',
  summary: 'Describes a model in the form of Triton’s configuration',
  success: { description: 'The configuration of the model', schema: 'Object' },
  errors: [404, 503],
} as const

const STATISTICS = {
  operationId: 'modelStats',
  summary: 'Gets the statistics of a model',
  success: { description: 'The statistics of the model', schema: 'Object' },
  errors: [404, 503],
} as const

const ALL_STATISTICS = describeRoute({
  operationId: 'stats',
  summary: 'Gets the statistics of all models',
  success: { description: 'The statistics of all models', schema: 'Object' },
})

const INDEX = describeRoute({
  operationId: 'repositoryIndex',
  summary: 'Lists the models and their states',
  body: { 'application/json': refTo('RepositoryIndexRequest') },
  examples: {
    all: { summary: 'All models', value: {} },
    ready: { summary: 'Models that are ready', value: { ready: true } },
  },
  isBodyOptional: true,
  success: { description: 'The models and their states', schema: 'RepositoryIndex' },
  errors: [400, 415],
})

function control(verb: 'load' | 'unload', summary: string): ReturnType<typeof describeRoute> {
  return describeRoute({
    operationId: `${verb}Model`,
    summary: `${summary}; needs the setting repositoryControl and the admin token`,
    params: MODEL_PARAMS,
    success: { description: `The model is ${verb}ed`, schema: 'Object' },
    errors: [400, 401, 404, 415, 422],
  })
}

/** The routes of Triton's extensions: configuration, statistics and the model repository. */
export function tritonRoutes(app: FastifyInstance, context: ServerContext): void {
  const { models } = context

  for (const { url, schema } of modelRoutes('/config', CONFIG)) {
    app.get<ModelRoute>(url, { schema }, ({ params: { model, version } }, reply) => {
      return reply.send(modelConfiguration(models.find(model, version)))
    })
  }

  app.get('/v2/models/stats', { schema: ALL_STATISTICS }, async (_request, reply) => {
    return reply.send(await statisticsOf(context))
  })
  for (const { url, schema } of modelRoutes('/stats', STATISTICS)) {
    app.get<ModelRoute>(url, { schema }, async ({ params: { model, version } }, reply) => {
      return reply.send(await statisticsOf(context, model, version))
    })
  }

  // Triton's clients send no type, or JSON, and curl -d that of a form.
  const onRequest = checkMediaType(['application/json', 'application/octet-stream', FORM, ''])
  app.post('/v2/repository/index', { schema: INDEX, onRequest }, async (request, reply) => {
    const { ready = false } = jsonOf(request)
    if (typeof ready !== 'boolean') throw badRequest('Expected a boolean for ready')
    return reply.send(await repositoryIndex(context, ready))
  })

  const checkAdmin = async (request: FastifyRequest): Promise<void> => {
    checkControl(context)
    context.access.enterAsAdmin(callerOf(request))
    await onRequest(request)
  }

  const load = { schema: control('load', 'Loads a model again'), onRequest: checkAdmin }
  app.post<ModelRoute>('/v2/repository/models/:model/load', load, async (request, reply) => {
    await loadModel(context, request.params.model, jsonOf(request)['parameters'])
    return reply.send({})
  })

  const unload = { schema: control('unload', 'Unloads a model'), onRequest: checkAdmin }
  app.post<ModelRoute>('/v2/repository/models/:model/unload', unload, async (request, reply) => {
    await unloadModel(context, request.params.model)
    return reply.send({})
  })
}

/** Bytes of a request about the repository: far more than names need, and too few to take long. */
const MAX_PLAIN_BYTES = 2 ** 16

/** The JSON object of a body; an empty one where there is no body. */
function jsonOf(request: FastifyRequest): Readonly<Record<string, unknown>> {
  const body = bodyOf(request)
  if (body.length > MAX_PLAIN_BYTES) {
    throw tooLarge(`Expected at most ${MAX_PLAIN_BYTES} bytes of JSON for the repository, received ${body.length}`)
  }
  const value = body.length === 0 ? {} : parseJson(body)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequest('Expected a JSON object')
  return value as Record<string, unknown>
}
