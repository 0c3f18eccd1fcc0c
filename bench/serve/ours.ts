import { compile, loadCheckpoint, resnet18 } from 'napi-torch'
import { createServer } from '@napi-torch/server'

import type { Opened, ServeOptions } from './server.js'

const SAMPLE = 3 * 224 * 224
const BATCH = 8

/** Serves the checkpoint with the server of this package. */
export async function openOurs({ files, threads, settings = {} }: ServeOptions): Promise<Opened> {
  const models = [{ name: 'resnet18', checkpoint: files.weights, preset: 'imagenet' as const }]
  const server = await createServer({ models, port: 0, threads, ...settings })
  const url = await server.listen()
  await server.ready()
  return { url, path: '/v1/classify/resnet18', bare: (seconds) => bareRate(files.weights, threads, seconds) }
}

async function bareRate(weights: string, threads: number, seconds: number): Promise<number> {
  const state = await loadCheckpoint(weights)
  const model = resnet18().eval()
  model.loadStateDict(state)
  state.dispose()
  await using engine = await compile(model, { input: [3, 224, 224], threads, maxBatchSize: BATCH })
  model.dispose()
  const batch = new Float32Array(BATCH * SAMPLE).fill(0.5)
  await engine.run(batch)
  const started = performance.now()
  let images = 0
  for (; performance.now() < started + 1000 * seconds; images += BATCH) await engine.run(batch)
  return (1000 * images) / (performance.now() - started)
}
