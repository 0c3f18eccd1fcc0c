import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import type { ServerContext } from '../context.js'
import type { Inference } from '../inference.js'
import { PREDICT_EXAMPLES } from '../openapi/examples.js'
import { describeRoute, INFERENCE_ERRORS, MODEL_PARAMS, refTo, VERSION_PARAMS } from '../openapi/route_schema.js'
import { sendBody } from '../reply.js'
import type { ServedModel } from '../served_model.js'
import { encodePredictions } from '../v1/predict.js'
import { checkMediaType, compute, FORM, parse } from './call.js'

interface ModelRoute {
  readonly Params: { readonly model: string; readonly version?: string }
}

const LIST = describeRoute({
  operationId: 'listModelsV1',
  summary: 'Lists the names of the models',
  success: { description: 'The names of the models', schema: 'ModelList' },
})

const MODEL = describeRoute({
  operationId: 'modelReadyV1',
  summary: 'Checks whether a model is ready',
  params: MODEL_PARAMS,
  success: { description: 'The model is ready', schema: 'ModelReady' },
  errors: [404, 503],
})

function predict(operationId: string, params: typeof MODEL_PARAMS): ReturnType<typeof describeRoute> {
  return describeRoute({
    operationId,
    summary: 'Computes the outputs for one or more instances',
    params,
    body: { 'application/json': refTo('PredictRequest') },
    examples: PREDICT_EXAMPLES,
    success: { description: 'The outputs for each instance', schema: 'PredictResponse' },
    errors: INFERENCE_ERRORS,
  })
}

/** `/v1/models`: version 1 of KServe's protocol. */
export function v1Routes(app: FastifyInstance, context: ServerContext): void {
  const { models } = context

  app.get('/v1/models', { schema: LIST }, (_request, reply) => reply.send({ models: models.names }))

  app.get<ModelRoute>('/v1/models/:model([^:]+)', { schema: MODEL }, ({ params: { model } }, reply) => {
    const { name } = models.find(model)
    context.checkOpen()
    return reply.send({ name, ready: true })
  })

  const onRequest = checkMediaType(['application/json', FORM, ''])
  const routes = [
    ['/v1/models/:model([^:]+)::predict', predict('predict', MODEL_PARAMS)],
    ['/v1/models/:model/versions/:version([^:]+)::predict', predict('predictVersion', VERSION_PARAMS)],
  ] as const
  for (const [url, schema] of routes) {
    app.post<ModelRoute>(url, { schema, onRequest }, (request, reply) => predictRoute(request, reply))
  }

  async function predictRoute(request: FastifyRequest<ModelRoute>, reply: FastifyReply): Promise<FastifyReply> {
    context.checkOpen()
    return models.find(request.params.model, request.params.version).use((model) => predictWith(model, request, reply))
  }

  async function predictWith(model: ServedModel, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const input = await parse(context, request, { protocol: 'v1', model })
    const { outputs } = model
    const { activation } = model.classifier
    const encode = ({ logits }: Inference): Promise<readonly Buffer[]> =>
      encodePredictions({ logits, activation, outputs })
    const pieces = await compute(context, { request, reply, model, input, encode })
    return sendBody(request, reply, pieces, 'application/json; charset=utf-8')
  }
}
