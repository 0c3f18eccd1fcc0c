import type { FastifyInstance } from 'fastify'
import { Type, type Static } from 'typebox'

import { predictionsOf } from 'napi-torch/internal'
import type { ServerContext } from '../context.js'
import type { Inference } from '../inference.js'
import { filesOfForm } from '../multipart.js'
import { CLASSIFY_EXAMPLE, TINY_PNG } from '../openapi/examples.js'
import { BINARY, describeRoute, INFERENCE_ERRORS, MODEL_PARAMS } from '../openapi/route_schema.js'
import { badRequest } from '../status.js'
import { bodyOf, checkMediaType, compute, mediaTypeOf } from './call.js'

const MULTIPART = 'multipart/form-data'

const QUERY = {
  top: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 999_999, default: 5, description: 'Number of best classes for each image' }),
  ),
}

const SCHEMA = describeRoute({
  operationId: 'classify',
  summary: 'Classifies an image, or each image of a form',
  params: MODEL_PARAMS,
  query: QUERY,
  body: {
    'image/*': {
      ...BINARY,
      'x-examples': { png: { summary: 'A PNG image of 2 × 2 pixels, here in base64', value: TINY_PNG } },
    },
    [MULTIPART]: Type.Unsafe<object>({ type: 'object', additionalProperties: BINARY }),
  },
  success: { description: 'The best classes, best first', schema: 'Classification', example: CLASSIFY_EXAMPLE },
  errors: INFERENCE_ERRORS,
})

interface ClassifyRoute {
  readonly Params: { readonly model: string }
  /** With its defaults. */
  readonly Querystring: { readonly [K in keyof typeof QUERY]: Static<(typeof QUERY)[K]> }
}

/** `POST /v1/classify/{model}`: the classes of an image, or of each image of a form. */
export function classifyRoutes(app: FastifyInstance, context: ServerContext): void {
  const { models, settings } = context
  const onRequest = checkMediaType(['image/*', MULTIPART, 'application/octet-stream'])

  app.post<ClassifyRoute>('/v1/classify/:model', { schema: SCHEMA, onRequest }, async (request, reply) => {
    context.checkOpen()
    const model = models.find(request.params.model)
    const { top } = request.query
    const isForm = mediaTypeOf(request) === MULTIPART
    const body = bodyOf(request)
    const files = isForm
      ? filesOfForm(body, request.headers['content-type'] ?? '', settings.maxSamples)
      : [{ name: '', bytes: body }]
    if (files.length === 0) throw badRequest('Expected a form with at least one image, received none')
    const samples = { kind: 'encoded', files: files.map(({ bytes }) => bytes) } as const
    const { labels, activation } = model.classifier
    const encode = ({ logits, timing }: Inference): object => {
      const results = logits.map((row, index) => ({
        ...(isForm ? { name: files[index]?.name ?? '' } : {}),
        answers: predictionsOf(row, { topK: top, labels, activation }),
      }))
      const { queueMs, preprocessMs, inferMs, batchSize } = timing
      return {
        model: model.name,
        version: model.version,
        ...(isForm ? { images: results } : { answers: results[0]?.answers ?? [] }),
        timing: { queueMs, preprocessMs, inferMs, batchSize },
      }
    }
    return model.use(() => compute(context, { request, reply, model, input: samples, encode }))
  })
}
