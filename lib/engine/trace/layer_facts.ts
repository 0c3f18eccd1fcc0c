import type { NativeBinding } from '../../libtorch/binding.js'
import type { TensorHandle } from '../../libtorch/handles.js'
import { isFloatingPoint } from '../../util/dtype.js'
import type { Value } from '../graph.js'
import type { AvgPool2dNode } from '../ops/avg_pool2d.js'
import type { MaxPool2dNode } from '../ops/max_pool2d.js'
import { pooledSizes, type Window } from '../ops/shapes.js'
import { infer } from './infer.js'
import { inChannelsLast, isChannelsLast, laidOutAs } from './layout.js'
import type { Recorder } from './recorder.js'
import type { Facts, SymbolicTensor } from './symbolic.js'

// What the ops in lib/engine/ops record layers with: results are computed from the shapes, as running the layers would take
// long; what does not fit is left to libtorch, which knows what to say about it.

type PoolNode = Omit<MaxPool2dNode, 'path' | 'output'> | Omit<AvgPool2dNode, 'path' | 'output'>

/** Records a pooling of images (N, C, H, W) or (C, H, W); `rest` are the arguments after the input. */
export function recordPool(
  recorder: Recorder,
  input: TensorHandle,
  window: Window,
  name: 'maxPool2d' | 'avgPool2d',
  rest: readonly unknown[],
  nodeOf: (images: Value) => PoolNode,
): TensorHandle {
  const symbolic = recorder.symbolic(input)
  const sizes = pooledSizes(symbolic.facts.shape, window)
  const facts = sizes && layerFacts(symbolic, [...symbolic.facts.shape.slice(0, -2), ...sizes])
  const result = facts ?? factsOf(recorder, name, [input, ...rest])
  const output = recorder.emit(nodeOf(asBatch(recorder, symbolic)), batched(result.shape), result.dtype)
  return fromBatch(recorder, output, result)
}

/** Records an operator as it is in libtorch's dispatcher. */
export function anyOperator(recorder: Recorder, name: keyof NativeBinding, args: readonly unknown[]): TensorHandle {
  const [output] = recorder.emitCall(name, args, [factsOf(recorder, name, args)])
  return output ?? recorder.unknown(name)
}

/** Finds out about a result by running the operator. */
export function factsOf(recorder: Recorder, name: keyof NativeBinding, args: readonly unknown[]): Facts {
  const [inferred] = infer(recorder.addon, name, args)
  return inferred?.facts ?? recorder.unknown(name)
}

/** Facts of a layer's result, null where the rules of the layers do not hold. */
export function layerFacts(
  { facts }: SymbolicTensor,
  shape: readonly number[],
  weight?: { readonly shape: readonly number[]; readonly strides: readonly number[] },
): Facts | null {
  if (!isFloatingPoint(facts.dtype) || facts.shape.includes(0)) return null
  if (weight === undefined || !isChannelsLast(weight)) return laidOutAs(facts, shape)
  // libtorch convolves channels-last if either the images or the kernels are.
  return facts.shape.length === 4 ? laidOutAs(inChannelsLast(facts), shape) : null
}

/** Gives images (N, C, H, W) as they are, and one image (C, H, W) as a batch of one. */
export function asBatch(recorder: Recorder, { value }: SymbolicTensor): Value {
  return recorder.reshape(value, batched(value.shape))
}

/** Makes the tensor of a result for images in the shape that the caller sees. */
export function fromBatch(recorder: Recorder, value: Value, facts: Facts): TensorHandle {
  return recorder.tensor(recorder.reshape(value, facts.shape), facts)
}

/** The shape of images as a batch. */
export function batched(shape: readonly number[]): readonly number[] {
  return shape.length === 3 ? [1, ...shape] : shape
}
