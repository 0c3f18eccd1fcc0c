import { fastify } from 'fastify'
import { loadLabels } from 'napi-torch'
import sharp from 'sharp'

import { openOnnxRuntime } from '../engine/workers/onnxruntime.js'
import type { Opened, ServeOptions } from './server.js'

const SIZE = 224
const [MEAN, STD] = [
  [0.485, 0.456, 0.406],
  [0.229, 0.224, 0.225],
]
const MIB = 2 ** 20

/** What one writes who has a model in ONNX and half a day: a route that decodes, runs the session, and answers. */
export async function openRival({ files, threads }: ServeOptions): Promise<Opened> {
  const session = await openOnnxRuntime({
    files: { ...files, inputs: '' },
    model: 'imagenet',
    shape: [3, SIZE, SIZE],
    threads,
  })
  const labels = await loadLabels('imagenet')
  const app = fastify({ bodyLimit: 64 * MIB })
  app.addContentTypeParser(['image/jpeg'], { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.post('/classify', async ({ body }) => ({
    answers: top(await session.run(await prepare(body as Buffer)), labels),
  }))
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, path: '/classify' }
}

/** The short side to 256 and the middle of it, by the resampling of sharp; then (3, H, W). */
async function prepare(file: Buffer): Promise<Float32Array> {
  const image = sharp(file)
  const { width, height } = await image.metadata()
  const scale = 256 / Math.min(width, height)
  const [across, down] = [Math.round(width * scale), Math.round(height * scale)]
  const [left, top] = [Math.round((across - SIZE) / 2), Math.round((down - SIZE) / 2)]
  const pixels = await image
    .resize(across, down)
    .extract({ left, top, width: SIZE, height: SIZE })
    .removeAlpha()
    .raw()
    .toBuffer()
  const planes = new Float32Array(3 * SIZE * SIZE)
  for (let pixel = 0; pixel < SIZE * SIZE; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const level = (pixels[3 * pixel + channel] ?? 0) / 255
      planes[channel * SIZE * SIZE + pixel] = (level - (MEAN?.[channel] ?? 0)) / (STD?.[channel] ?? 1)
    }
  }
  return planes
}

function top(logits: Float32Array, labels: readonly string[]): object[] {
  const most = Math.max(...logits)
  const powers = Array.from(logits, (logit) => Math.exp(logit - most))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers
    .map((power, index) => ({ index, label: labels[index], probability: power / sum }))
    .sort((one, other) => other.probability - one.probability)
    .slice(0, 5)
}
