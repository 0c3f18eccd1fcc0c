import type { FastifyInstance } from 'fastify'

import { answersOf } from 'napi-torch/internal'
import type { ServerContext } from '../context.js'
import type { Inference } from '../inference.js'
import { filesOfForm } from '../multipart.js'
import { badRequest } from '../status.js'
import { bodyOf, checkMediaType, compute, mediaTypeOf } from './call.js'

const MULTIPART = 'multipart/form-data'
const DEFAULT_TOP = 5

interface ClassifyRoute {
  readonly Params: { readonly model: string }
  readonly Querystring: { readonly top?: string }
}

/** `POST /v1/classify/{model}`: an image, or several in a form, and what each shows. */
export function classifyRoutes(app: FastifyInstance, context: ServerContext): void {
  const { models, settings } = context
  const onRequest = checkMediaType(['image/*', MULTIPART, 'application/octet-stream'])

  app.post<ClassifyRoute>('/v1/classify/:model', { onRequest }, async (request, reply) => {
    context.checkOpen()
    const model = models.find(request.params.model)
    const top = topOf(request.query.top)
    const isForm = mediaTypeOf(request) === MULTIPART
    const body = bodyOf(request)
    const files = isForm
      ? filesOfForm(body, request.headers['content-type'] ?? '', settings.maxSamples)
      : [{ name: '', bytes: body }]
    if (files.length === 0) throw badRequest('Expected a form with an image, received one without files')
    const samples = { kind: 'encoded', files: files.map(({ bytes }) => bytes) } as const
    const { labels } = model.classifier
    const encode = ({ logits, timing }: Inference): object => {
      const results = logits.map((row, index) => ({
        ...(isForm ? { name: files[index]?.name ?? '' } : {}),
        answers: answersOf(row, top, labels),
      }))
      const { queueMs, preprocessMs, inferMs, batchSize } = timing
      return {
        model: model.name,
        version: model.version,
        ...(isForm ? { images: results } : { answers: results[0]?.answers ?? [] }),
        timing: { queueMs, preprocessMs, inferMs, batchSize },
      }
    }
    return compute(context, { request, reply, model, input: samples, encode })
  })
}

function topOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_TOP
  if (!/^[1-9]\d{0,5}$/.test(text)) throw badRequest(`Expected a positive integer for top, received '${text}'`)
  return Number(text)
}
