import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'

import type { ServerContext } from '../context.js'
import type { Inference } from '../inference.js'
import { modelMetadata, serverMetadata } from '../oip/metadata.js'
import { HEADER_LENGTH } from '../oip/request.js'
import { checkOutputNames, encodeResponse, type Encoded } from '../oip/response.js'
import { EXAMPLES } from '../openapi/examples.js'
import { BINARY, describeRoute, INFERENCE_ERRORS, refTo } from '../openapi/route_schema.js'
import { sendBody } from '../reply.js'
import type { ServedModel } from '../served_model.js'
import { checkMediaType, compute, DEADLINE_HEADER, FORM, modelRoutes, parse } from './call.js'

interface ModelRoute {
  readonly Params: { readonly model: string; readonly version?: string }
}

const HEALTH = {
  live: describeRoute({
    operationId: 'live',
    summary: 'Checks whether the server is alive',
    success: { description: 'The server is alive', schema: 'Live' },
    isOpen: true,
  }),
  ready: describeRoute({
    operationId: 'ready',
    summary: 'Checks whether all models are ready',
    success: { description: 'All models are ready', schema: 'Ready' },
    errors: [503],
    isOpen: true,
  }),
}

const INFER = {
  operationId: 'infer',
  summary: 'Computes the outputs for one or more samples',
  headers: {
    [HEADER_LENGTH]: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Bytes of JSON at the start of the body; binary tensors follow' }),
    ),
    [DEADLINE_HEADER]: Type.Optional(
      Type.Number({ minimum: 0, description: 'Milliseconds that the request may wait' }),
    ),
  },
  body: { 'application/json': refTo('InferRequest'), 'application/octet-stream': BINARY },
  examples: EXAMPLES,
  success: { description: 'The outputs', schema: 'InferResponse', isBinary: true },
  errors: INFERENCE_ERRORS,
} as const

/** The routes of the Open Inference Protocol v2 over REST. */
export function oipRoutes(app: FastifyInstance, context: ServerContext): void {
  const { models } = context

  app.get('/v2/health/live', { schema: HEALTH.live }, (_request, reply) => reply.send({ live: true }))

  app.get('/v2/health/ready', { schema: HEALTH.ready }, (_request, reply) => {
    return reply.code(context.isReady ? 200 : 503).send({ ready: context.isReady })
  })

  const schema = describeRoute({
    operationId: 'serverMetadata',
    summary: 'Describes the server',
    success: { description: 'Name, version and extensions of the server', schema: 'ServerMetadata' },
  })
  app.get('/v2', { schema }, (_request, reply) => {
    return reply.send(serverMetadata())
  })

  const list = describeRoute({
    operationId: 'listModels',
    summary: 'Lists the names of the models',
    success: { description: 'The names of the models', schema: 'ModelList' },
  })
  app.get('/v2/models', { schema: list }, (_request, reply) => reply.send({ models: models.names }))

  const metadata = {
    operationId: 'modelMetadata',
    summary: 'Describes the inputs and outputs of a model',
    success: { description: 'Inputs, outputs and versions of the model', schema: 'ModelMetadata' },
    errors: [404, 503],
  } as const
  for (const { url, schema } of modelRoutes('', metadata)) {
    app.get<ModelRoute>(url, { schema }, ({ params: { model, version } }, reply) => {
      return reply.send(modelMetadata(models.find(model, version), models.versions(model)))
    })
  }

  const ready = {
    operationId: 'modelReady',
    summary: 'Checks whether a model is ready',
    success: { description: 'The model is ready', schema: 'ModelReady' },
    errors: [404, 503],
  } as const
  for (const { url, schema } of modelRoutes('/ready', ready)) {
    app.get<ModelRoute>(url, { schema }, ({ params: { model, version } }, reply) => {
      const { name } = models.find(model, version)
      context.checkOpen()
      return reply.send({ name, ready: true })
    })
  }

  // Some clients send no type, and curl -d that of a form.
  const onRequest = checkMediaType(['application/json', 'application/octet-stream', FORM, ''])
  for (const { url, schema } of modelRoutes('/infer', INFER)) {
    app.post<ModelRoute>(url, { schema, onRequest }, (request, reply) => inferRoute(request, reply))
  }

  async function inferRoute(request: FastifyRequest<ModelRoute>, reply: FastifyReply): Promise<FastifyReply> {
    context.checkOpen()
    const { model: name, version } = request.params
    return models.find(name, version).use((model) => inferWith(model, request, reply))
  }

  async function inferWith(model: ServedModel, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const length = request.headers[HEADER_LENGTH]
    const headerLength = length === undefined ? undefined : String(length)
    const parsed = await parse(context, request, { protocol: 'v2', model, headerLength })
    checkOutputNames(parsed, model.outputs)
    const { classes, outputs } = model
    const { labels, activation } = model.classifier
    const head = { model: model.name, version: model.version }
    const encode = ({ logits }: Inference): Promise<Encoded> =>
      encodeResponse(parsed, { logits, classes, labels, activation, outputs }, head)
    const { timeoutMs, priority } = parsed
    const call = { request, reply, model, input: parsed, timeoutMs, priority, encode }
    const { pieces, headerLength: jsonLength } = await compute(context, call)
    if (jsonLength === null) return sendBody(request, reply, pieces, 'application/json; charset=utf-8')
    reply.header(HEADER_LENGTH, String(jsonLength))
    return sendBody(request, reply, pieces, 'application/octet-stream')
  }
}
