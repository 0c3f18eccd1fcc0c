import { join } from 'node:path'

import { Classifier, TorchError } from 'napi-torch'

// libtorch runs in Node.js, and not in the runtime of edges.
export const runtime = 'nodejs'

const MAX_BYTES = 10_000_000
const SAMPLE = join('node_modules', '@napi-torch', 'fashion-mnist', 'resnet18-fashion-mnist.pth')

/** Status for the errors that a request can cause or meet; any other is a fault of this program. */
const STATUS = { TORCH_IMAGE: 400, TORCH_QUEUE_FULL: 429, TORCH_ENGINE_CLOSED: 503, TORCH_DEADLINE: 504 }

/** Loads the model at the first request. `next dev` makes this module anew after each change, but not `globalThis`. */
function openClassifier() {
  return (globalThis.classifier ??= Classifier.load(process.env.CHECKPOINT ?? SAMPLE))
}

export async function POST(request) {
  if (Number(request.headers.get('content-length')) > MAX_BYTES) {
    return Response.json({ error: `Expected at most ${MAX_BYTES} bytes` }, { status: 413 })
  }
  const form = await request.formData().catch(() => null)
  const image = form?.get('image')
  if (!(image instanceof File)) return Response.json({ error: "Expected a form with a file 'image'" }, { status: 400 })
  try {
    const classifier = await openClassifier()
    // A File is read by the classifier itself.
    return Response.json(await classifier.classify(image, { topK: 3, signal: request.signal }))
  } catch (error) {
    if (!(error instanceof TorchError)) throw error
    return Response.json({ error: error.message }, { status: STATUS[error.code] ?? 500 })
  }
}
