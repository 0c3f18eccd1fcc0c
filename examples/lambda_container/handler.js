import { createRequire } from 'node:module'

import { Classifier, TorchError } from 'napi-torch'

/** Time that is kept for the response, in ms. */
const MARGIN_MS = 500

const checkpoint =
  process.env.CHECKPOINT ??
  createRequire(import.meta.url).resolve('@napi-torch/fashion-mnist/resnet18-fashion-mnist.pth')

// Outside of the handler: once for each environment, which answers one request at a time, so that batches would only take memory.
const classifier = await Classifier.load(checkpoint, { maxBatchSize: 1 })

/** Answers events of a function URL or an HTTP API (payload format 2.0): the body is the image. */
export async function handler(event, context) {
  const image = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'latin1')
  try {
    const signal = AbortSignal.timeout(Math.max(0, context.getRemainingTimeInMillis() - MARGIN_MS))
    return respond(200, await classifier.classify(image, { topK: 3, signal }))
  } catch (error) {
    if (error instanceof TorchError && error.code === 'TORCH_IMAGE') return respond(400, { error: error.message })
    if (error.name === 'TimeoutError') return respond(504, { error: 'There was no time left' })
    // Lambda reports any other as a fault of this program.
    throw error
  }
}

function respond(statusCode, body) {
  return { statusCode, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}
