/**
 * A process that serves the ImageNet ResNet-18 over HTTP: `ours` is createServer(), `rival` a plain Fastify route around
 * onnxruntime-node. Told what to do as the workers of bench/engine are.
 */
import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks'

import { serve } from '../engine/workers/serve.js'
import { openOurs } from './ours.js'
import { openRival } from './rival.js'

/** What is served, and how. */
export interface ServeOptions {
  readonly files: { readonly weights: string; readonly onnx: string }
  readonly threads: number
  /** Settings of createServer(). */
  readonly settings?: object
}

/** A server that listens. */
export interface Opened {
  readonly url: string
  /** Where an image is posted. */
  readonly path: string
  /** Images per second of the engine alone, in batches of 8; of ours alone. */
  bare?(seconds: number): Promise<number>
}

const RESOLUTION_MS = 1

let opened: Opened | undefined
let gaps: IntervalHistogram | undefined

await serve({
  async open(options: ServeOptions): Promise<Opened> {
    opened = await (process.argv[2] === 'ours' ? openOurs(options) : openRival(options))
    return opened
  },
  watch(): void {
    gaps?.disable()
    gaps = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
    gaps.enable()
  },
  /** Longest time, in ms, for which the event loop stood still since `watch`; resident memory in MiB. */
  look(): { readonly gap: number; readonly rss: number } {
    const gap = Math.max(0, (gaps?.max ?? 0) / 1e6 - RESOLUTION_MS)
    return { gap, rss: process.memoryUsage.rss() / 2 ** 20 }
  },
  bare: ({ seconds }: { readonly seconds: number }) => opened?.bare?.(seconds),
})
