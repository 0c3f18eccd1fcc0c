import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { packageFacts } from 'napi-torch/internal'
import type { ServerContext } from '../context.js'
import type { Inference } from '../inference.js'
import { modelMetadata } from '../oip/metadata.js'
import { HEADER_LENGTH, parseInferRequest } from '../oip/request.js'
import { checkOutputNames, encodeResponse, type Encoded } from '../oip/response.js'
import { sendBody } from '../reply.js'
import { bodyOf, checkMediaType, compute } from './call.js'

/** The extensions of the protocol that are spoken. */
const EXTENSIONS = [
  'classification',
  'binary_tensor_data',
  'parameters',
  'schedule_policy',
  'model_configuration',
  'statistics',
  'model_repository',
]

interface ModelRoute {
  readonly Params: { readonly model: string; readonly version?: string }
}

/** The REST protocol of the Open Inference Protocol v2. */
export function oipRoutes(app: FastifyInstance, context: ServerContext): void {
  const { models, settings } = context

  app.get('/v2/health/live', (_request, reply) => reply.send({ live: true }))

  app.get('/v2/health/ready', (_request, reply) => {
    return reply.code(context.isReady ? 200 : 503).send({ ready: context.isReady })
  })

  app.get('/v2', (_request, reply) => {
    return reply.send({ name: 'napi-torch', version: packageFacts().version, extensions: EXTENSIONS })
  })

  const both = (suffix: string): readonly string[] => [
    `/v2/models/:model${suffix}`,
    `/v2/models/:model/versions/:version${suffix}`,
  ]

  for (const url of both('')) {
    app.get<ModelRoute>(url, ({ params: { model, version } }, reply) => {
      return reply.send(modelMetadata(models.find(model, version), models.versions(model)))
    })
  }

  for (const url of both('/ready')) {
    app.get<ModelRoute>(url, ({ params: { model, version } }, reply) => {
      const { name } = models.find(model, version)
      context.checkOpen()
      return reply.send({ name, ready: true })
    })
  }

  // Without a type: what clients send that know nothing but bytes.
  const onRequest = checkMediaType(['application/json', 'application/octet-stream', ''])
  for (const url of both('/infer')) {
    app.post<ModelRoute>(url, { onRequest }, (request, reply) => inferRoute(request, reply))
  }

  async function inferRoute(request: FastifyRequest<ModelRoute>, reply: FastifyReply): Promise<FastifyReply> {
    context.checkOpen()
    const { model: name, version } = request.params
    const model = models.find(name, version)
    const length = request.headers[HEADER_LENGTH]
    const parsed = parseInferRequest(bodyOf(request), {
      headerLength: length === undefined ? undefined : String(length),
      maxJsonBytes: settings.maxJsonBytes,
    })
    checkOutputNames(parsed)
    const { classes } = model
    const { labels } = model.classifier
    const head = { model: model.name, version: model.version }
    const encode = ({ logits }: Inference): Encoded => encodeResponse(parsed, { logits, classes, labels }, head)
    const { timeoutMs, priority } = parsed
    const { body, headerLength } = await compute(context, {
      request,
      reply,
      model,
      input: parsed,
      timeoutMs,
      priority,
      encode,
    })
    if (headerLength === null) return sendBody(request, reply, body, 'application/json; charset=utf-8')
    reply.header(HEADER_LENGTH, String(headerLength))
    return sendBody(request, reply, body, 'application/octet-stream')
  }
}
