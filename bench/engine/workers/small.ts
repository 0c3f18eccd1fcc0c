/**
 * A process for what a call costs besides the computation: its network takes no time. Speaks as workers/worker.ts does.
 *
 * node --import tsx bench/engine/workers/small.ts
 */
import { compile, Linear, Sequential } from 'napi-torch'

import { measure, type MeasureOptions } from './measure.js'
import { serve } from './serve.js'

const FEATURES = 4

const model = new Sequential(new Linear(FEATURES, FEATURES)).eval()
const engine = await compile(model, { input: [FEATURES], maxBatchSize: 1 })
const runner = { versions: {}, run: (sample: Float32Array) => engine.run(sample) }

await serve({
  measure: (options: MeasureOptions) => measure(runner, new Float32Array(FEATURES), FEATURES, options),
})
