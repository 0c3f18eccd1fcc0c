// Imports no model: `napi-torch inspect` detects without opening libtorch.
import { checkOptions, expected } from '../util/check.js'
import type { Architecture, TensorFacts } from './architecture.js'
import { recognize, type RecognizeOptions } from './recognize/recognize.js'

/** Options of {@link detectArchitecture}. */
export type DetectArchitectureOptions = RecognizeOptions

/**
 * Tells which model a state dict belongs to, from its keys and shapes alone.
 *
 * Takes a `StateDict`, or pairs of a key and a tensor or its shape. The network is found by its structure, whatever its modules
 * are called and whatever stands beside it. What keys and shapes do not show is taken as in the reference: strides, padding,
 * dilation, `eps`, activations.
 *
 * @throws {TorchError} `TORCH_ARCHITECTURE` if it is none of the known models, with the nearest reason, or if there are several;
 * `TORCH_INVALID_ARGUMENT` if `state` is no iterable, or for an unknown option.
 */
export function detectArchitecture(
  state: Iterable<readonly [string, TensorFacts | readonly number[]]>,
  options: DetectArchitectureOptions = {},
): Architecture {
  if (typeof state !== 'object' || state === null || !(Symbol.iterator in state)) {
    throw expected('a StateDict, or pairs of a key and a shape,', 'state', state)
  }
  checkOptions('detectArchitecture()', options, ['prefix', 'stem'])
  const facts = Array.from(state, (entry: unknown): [string, TensorFacts] => {
    const [key, value] = Array.isArray(entry) ? (entry as unknown[]) : []
    const shape: unknown = typeof value === 'object' && value !== null && 'shape' in value ? value.shape : value
    if (typeof key !== 'string' || !isShape(shape)) throw expected('pairs of a key and a shape', 'state', entry)
    return [key, shape === value ? { shape } : (value as TensorFacts)]
  })
  return recognize(facts, options).architecture
}

function isShape(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && Number(size) >= 0)
}
