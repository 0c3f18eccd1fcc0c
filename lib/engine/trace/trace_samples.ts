import type { Module } from '../../nn/module.js'
import { expected } from '../../util/check.js'
import type { Graph } from '../graph.js'
import { trace } from './trace.js'

/**
 * Traces a model for a batch of `count` samples of the shape `input`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the model takes batches of `input` without its first size: it is that of a
 * batch then; and what {@link trace} throws.
 */
export function traceSamples(model: Module, count: number, input: readonly number[]): Graph {
  try {
    return trace(model, [count, ...input])
  } catch (error) {
    const sample = input.slice(1)
    if (sample.length === 0 || !canTrace(model, [count, ...sample])) throw error
    const sizes = sample.length === 3 ? ' (C, H, W)' : ''
    const form = `{ input: [${sample.join(', ')}] }`
    throw expected(`the shape of one sample${sizes}, without the size of a batch,`, 'input', input, form)
  }
}

function canTrace(model: Module, shape: readonly number[]): boolean {
  try {
    trace(model, shape).dispose()
    return true
  } catch {
    return false // The first error says more.
  }
}
