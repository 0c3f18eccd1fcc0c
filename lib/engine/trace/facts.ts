import type { NativeBinding } from '../../libtorch/binding.js'
import { inferIsContiguous } from './infer.js'
import { symbolicOf } from './symbolic.js'
import type { Table } from './table.js'

/** What may be asked of a symbolic tensor. */
export const FACTS: Table = {
  // These two are asked of disposed tensors, too.
  dispose: (_recorder, tensor) => {
    const symbolic = symbolicOf(tensor)
    if (symbolic !== null) symbolic.isDisposed = true
  },
  isDisposed: (_recorder, tensor) => symbolicOf(tensor)?.isDisposed ?? false,
  shape: (recorder, tensor) => [...recorder.symbolic(tensor).facts.shape],
  strides: (recorder, tensor) => [...recorder.symbolic(tensor).facts.strides],
  storageOffset: (recorder, tensor) => recorder.symbolic(tensor).facts.storageOffset,
  dtype: (recorder, tensor) => recorder.symbolic(tensor).facts.dtype,
  device: (recorder, tensor) => recorder.symbolic(tensor).facts.device,
  isContiguous: (recorder, tensor, channelsLast) =>
    inferIsContiguous(recorder.addon, recorder.symbolic(tensor), channelsLast),
  // Nothing is recorded for gradients while a model is traced.
  requiresGrad: () => false,
  isLeaf: () => true,
  isInference: () => false,
  gradFn: () => null,
  grad: () => null,
  isGrad: (_recorder, _tensor, gradient) => gradient === null,
  retainsGrad: () => false,
}

/** What needs the elements, and how the methods are called by which a user asks for them. */
export const READS: Readonly<Partial<Record<keyof NativeBinding, string>>> = {
  item: 'item()',
  toBytes: 'toArray(), tolist() or printing a tensor',
  equal: 'equal()',
  allclose: 'allclose()',
}

/** What draws random numbers: each run would need others. */
export const DRAWS: ReadonlySet<keyof NativeBinding> = new Set([
  'rand',
  'randn',
  'randint',
  'uniform_',
  'normal_',
  'dropout',
  'dropout_',
])
