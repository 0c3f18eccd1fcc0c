import { types } from 'node:util'

import { rename } from '../../nn/error_path.js'
import type { Module } from '../../nn/module.js'
import { expected } from '../../util/check.js'
import { TorchError } from '../../util/errors.js'
import type { Graph } from '../graph.js'
import { trace } from './trace.js'

/**
 * Traces a model for a batch of `count` samples of the shape `input`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the model takes batches of `input` without its first size: it is that of a
 * batch then; and what {@link trace} throws. Errors of `forward` say with which batch it was called, as no caller has passed it.
 */
export function traceSamples(model: Module, count: number, input: readonly number[]): Graph {
  try {
    return trace(model, [count, ...input])
  } catch (error) {
    const sample = input.slice(1)
    if (sample.length === 0 || !canTrace(model, [count, ...sample])) {
      nameBatch(error, [count, ...input])
      throw error
    }
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

/** Says in an error of `forward` what it was called with. What the trace itself refuses, it would refuse of any batch. */
function nameBatch(error: unknown, shape: readonly number[]): void {
  const isOwn = error instanceof TorchError
  if (!(isOwn || types.isNativeError(error)) || Object.isFrozen(error)) return
  if (isOwn && error.code === 'TORCH_TRACE') return
  rename(error, `${error.message} (forward() was traced with a batch of ${shape[0]}, of shape (${shape.join(', ')}))`)
}
