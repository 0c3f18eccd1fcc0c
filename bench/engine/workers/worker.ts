/**
 * A contender's process: opens one network and runs it when it is told to. bench/engine/worker.ts starts it and speaks to it
 * as workers/serve.ts says; workers/worker.py is the same for Python.
 *
 * node --import tsx bench/engine/workers/worker.ts engine
 */
import type { OpenResult } from '../open.js'
import { readInputs } from './inputs.js'
import { batchOf, measure, watchEventLoop, type MeasureOptions } from './measure.js'
import type { OpenOptions, Runner } from './runner.js'
import { serve } from './serve.js'

// Each by itself: onnxruntime's process has no libtorch in it.
const OPEN: Readonly<Record<string, (options: OpenOptions) => Promise<Runner>>> = {
  onnxruntime: async (options) => (await import('./onnxruntime.js')).openOnnxRuntime(options),
  eager: async (options) => (await import('./napi_torch.js')).openEager(options),
  engine: async (options) => (await import('./napi_torch.js')).openEngine(options),
}

const open = OPEN[process.argv[2] ?? '']
if (open === undefined) throw new Error(`Expected one of ${Object.keys(OPEN).join(', ')}`)

let runner: Runner | undefined
let inputs: Float32Array = new Float32Array(0)
let sampleLength = 0

function opened(): Runner {
  if (runner === undefined) throw new Error('Nothing is open')
  return runner
}

await serve({
  async open(options: OpenOptions): Promise<OpenResult> {
    inputs = readInputs(options.files.inputs)
    sampleLength = options.shape.reduce((product, size) => product * size, 1)
    const before = process.memoryUsage.rss()
    runner = await open(options)
    const { versions, compileMs = null } = runner
    return { versions, compileMs, resident: { before, after: process.memoryUsage.rss() } }
  },

  measure: (options: MeasureOptions) => measure(opened(), inputs, sampleLength, options),

  /** Runs a batch so often and gives the time of each run in ms. */
  async runs({ batch, count }: { readonly batch: number; readonly count: number }) {
    const images = batchOf(inputs, sampleLength, batch)
    const times: number[] = []
    for (let run = 0; run < count; run++) {
      const start = performance.now()
      await opened().run(images)
      times.push(performance.now() - start)
    }
    return times
  },

  /** Gives the logits of the first `count` images, in batches of `batch`. */
  async logits({ batch, count }: { readonly batch: number; readonly count: number }) {
    const parts: Float32Array[] = []
    for (let first = 0; first < count; first += batch) {
      const images = inputs.subarray(first * sampleLength, Math.min(first + batch, count) * sampleLength)
      parts.push(Float32Array.from(await opened().run(images)))
    }
    return Buffer.concat(parts.map((part) => new Uint8Array(part.buffer))).toString('base64')
  },

  /** Tells the steps of a batch; null for what cannot tell. */
  explain: ({ batch }: { readonly batch: number }) => opened().explain?.(batch) ?? null,

  /** Runs batches back to back and gives the longest time, in ms, for which the event loop did not come round. */
  async eventLoop(options: MeasureOptions) {
    const stop = watchEventLoop()
    const times = await measure(opened(), inputs, sampleLength, options)
    return { gap: stop(), times }
  },

  /** Has so many clients, each of which asks for one sample after the other; gives samples per second. */
  async clients({ clients, seconds }: { readonly clients: number; readonly seconds: number }) {
    const infer = opened().infer?.bind(runner)
    if (infer === undefined) throw new Error('This contender takes no single samples')
    const start = performance.now()
    const end = start + seconds * 1e3
    let done = 0
    const client = async (index: number): Promise<void> => {
      const sample = batchOf(inputs, sampleLength, 1, index)
      for (; performance.now() < end; done++) await infer(sample)
    }
    await Promise.all(Array.from({ length: clients }, (_, index) => client(index)))
    return (done / (performance.now() - start)) * 1e3
  },

  /** Runs one batch after the other and gives the resident bytes, at first and after every `every` runs. */
  async memory({ batch, runs, every }: { readonly batch: number; readonly runs: number; readonly every: number }) {
    const images = batchOf(inputs, sampleLength, batch)
    const resident: number[] = []
    for (let run = 0; run <= runs; run++) {
      if (run % every === 0) resident.push(process.memoryUsage.rss())
      await opened().run(images)
    }
    return resident
  },
})
