import { createRequire } from 'node:module'

import express from 'express'
import multer from 'multer'
import { Classifier, TorchError } from 'napi-torch'

const MAX_BYTES = 10_000_000
const MAX_IMAGES = 8

/** Status for the errors that a request can cause or meet; any other is a fault of this program. */
const STATUS = { TORCH_IMAGE: 400, TORCH_QUEUE_FULL: 429, TORCH_ENGINE_CLOSED: 503, TORCH_DEADLINE: 504 }

const checkpoint =
  process.argv[2] ?? createRequire(import.meta.url).resolve('@napi-torch/fashion-mnist/resnet18-fashion-mnist.pth')
const classifier = await Classifier.load(checkpoint)

const app = express()
const upload = multer({ storage: multer.memoryStorage(), limits: { fileSize: MAX_BYTES, files: MAX_IMAGES } })

// A form with <input type="file" name="images" multiple>.
app.post('/classify', upload.array('images', MAX_IMAGES), async (request, response) => {
  const leaves = new AbortController()
  response.once('close', () => leaves.abort())
  // Images of one request, and of others that come at the same time, are computed together.
  const results = await Promise.all(
    request.files.map(async ({ originalname, buffer }) => ({
      name: originalname,
      predictions: await classifier.classify(buffer, { topK: 3, signal: leaves.signal }),
    })),
  )
  response.json(results)
})

app.get('/healthz', (request, response) => response.json({ ready: true }))

// Express takes functions of four arguments for handlers of errors.
app.use((error, request, response, next) => {
  if (response.headersSent) return next(error)
  const tooLarge = error instanceof multer.MulterError && error.code === 'LIMIT_FILE_SIZE'
  const status = tooLarge ? 413 : error instanceof multer.MulterError ? 400 : (STATUS[error.code] ?? 500)
  if (status === 500) console.error(error)
  const isSafe = error instanceof TorchError || error instanceof multer.MulterError
  response.status(status).json({ error: isSafe ? error.message : 'The request failed' })
})

const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening at http://localhost:${server.address().port}`)
})

process.once('SIGTERM', () => {
  // Waits for requests under way, and closes connections that have none.
  server.close(() => void classifier.close())
  server.closeIdleConnections()
})
