import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

import type { OpenOptions, Runner } from './runner.js'

// Its types are not there before the benchmark has installed it; this is what we use of them.
interface OnnxRuntime {
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => OnnxTensor
  readonly InferenceSession: {
    create(file: string, options: Readonly<Record<string, unknown>>): Promise<OnnxSession>
  }
}
interface OnnxTensor {
  readonly data: Float32Array
}
interface OnnxSession {
  run(feeds: Readonly<Record<string, OnnxTensor>>): Promise<Readonly<Record<string, OnnxTensor>>>
}

const PACKAGE = new URL('../onnxruntime/package.json', import.meta.url)

/** Opens the exported network in onnxruntime-node, with all its optimizations. */
export async function openOnnxRuntime({ files, shape, threads }: OpenOptions): Promise<Runner> {
  const require = createRequire(PACKAGE)
  const { Tensor, InferenceSession } = require('onnxruntime-node') as OnnxRuntime
  const session = await InferenceSession.create(files.onnx, {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  })
  const length = shape.reduce((product, size) => product * size, 1)
  return {
    versions: { 'onnxruntime-node': versionOf(require.resolve('onnxruntime-node/package.json')) },
    async run(batch) {
      const { logits } = await session.run({ input: new Tensor('float32', batch, [batch.length / length, ...shape]) })
      if (logits === undefined) throw new Error('The network has no output "logits"')
      return logits.data
    },
  }
}

function versionOf(file: string): string {
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
