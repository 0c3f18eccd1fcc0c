/**
 * A process that writes random weights, serves them, and measures the longest turn of its event loop. Told what to do as the
 * workers of bench/engine are.
 */
import { utimesSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { manualSeed, resnet152, resnet18, saveCheckpoint } from 'napi-torch'
import { createServer, type InferenceServer, type ModelSettings } from '@napi-torch/server'

import { serve } from '../engine/workers/serve.js'
import { TurnWatch, type Turn } from './turn_watch.js'

/** Where the process listens. */
export interface Addresses {
  readonly url: string
  readonly grpc: string
}

/** The models of the benchmark, by the names under which they are served. */
export type ModelName = 'resnet18' | 'resnet152' | 'wide'

/** Classes of `wide`, whose responses are large. */
const WIDE_CLASSES = 100_000

const NETWORKS = {
  resnet18: () => resnet18(),
  resnet152: () => resnet152(),
  wide: () => resnet18({ numClasses: WIDE_CLASSES }),
} as const

let server: InferenceServer | undefined
const watch = new TurnWatch()

function running(): InferenceServer {
  if (server === undefined) throw new Error('Ask for open first')
  return server
}

function modelsOf(folder: string, names: readonly ModelName[]): ModelSettings[] {
  return names.map((name) => ({ name, checkpoint: join(folder, `${name}.pth`), preset: 'imagenet' }))
}

await serve({
  /** Writes the weights of a model, as they are at the start of a training. */
  async write({ folder, name }: { readonly folder: string; readonly name: ModelName }): Promise<void> {
    manualSeed(0)
    const network = NETWORKS[name]()
    const state = network.stateDict()
    await saveCheckpoint(join(folder, `${name}.pth`), state)
    network.dispose()
  },
  /** Listens, loads and compiles. */
  async open({ folder, names }: { readonly folder: string; readonly names: readonly ModelName[] }): Promise<Addresses> {
    const models = modelsOf(folder, names)
    server = await createServer({ models, port: 0, grpc: true, grpcPort: 0, deadlineMs: 120_000 })
    const url = await server.listen()
    await server.ready()
    return { url, grpc: server.grpcAddress ?? '' }
  },
  /** Serves these models from now on: loads those that are new, and closes the others. */
  async serve({ folder, names }: { readonly folder: string; readonly names: readonly ModelName[] }): Promise<void> {
    await running().reload(modelsOf(folder, names))
  },
  /** Loads a model again whose file has changed. */
  async reload({ folder, name }: { readonly folder: string; readonly name: ModelName }): Promise<void> {
    const now = new Date()
    utimesSync(join(folder, `${name}.pth`), now, now)
    await running().reload()
  },
  close: () => running().close(),
  async watch(): Promise<void> {
    globalThis.gc?.()
    // What the command before has left behind belongs to no measurement.
    await delay(100)
    watch.start()
  },
  look: (): Turn => watch.stop(),
})
