import { createRequire } from 'node:module'

import Fastify from 'fastify'
import { Classifier, TorchError } from 'napi-torch'

const MAX_BYTES = 10_000_000

/** Status for the errors that a request can cause or meet; any other is a fault of this program. */
const STATUS = { TORCH_IMAGE: 400, TORCH_QUEUE_FULL: 429, TORCH_ENGINE_CLOSED: 503, TORCH_DEADLINE: 504 }

const checkpoint =
  process.argv[2] ?? createRequire(import.meta.url).resolve('@napi-torch/fashion-mnist/resnet18-fashion-mnist.pth')
const classifier = await Classifier.load(checkpoint)

const app = Fastify({ bodyLimit: MAX_BYTES })

// The body of the request is the image, as a browser sends a File with fetch(url, { method: 'POST', body: file }).
app.addContentTypeParser(/^image\//, { parseAs: 'buffer' }, (request, body, done) => done(null, body))

app.post('/classify', async (request, reply) => {
  // Images of requests that come at the same time are computed together; one that is given up is not computed.
  const leaves = new AbortController()
  reply.raw.once('close', () => leaves.abort())
  try {
    return await classifier.classify(request.body, { topK: 3, signal: leaves.signal })
  } catch (error) {
    if (!(error instanceof TorchError)) throw error
    return reply.code(STATUS[error.code] ?? 500).send({ error: error.message })
  }
})

app.get('/healthz', () => ({ ready: true }))

process.once('SIGTERM', async () => {
  await app.close() // waits for requests under way
  await classifier.close()
})

console.log(`Listening at ${await app.listen({ port: Number(process.env.PORT ?? 3000) })}`)
