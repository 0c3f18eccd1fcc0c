import type { NativeBinding, TensorHandle } from '../../libtorch/binding.js'
import { isFloatingPoint } from '../../util/dtype.js'
import type { Pair } from '../../nn/checks.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Value } from '../graph.js'
import { infer } from './infer.js'
import { inChannelsLast, isChannelsLast, laidOutAs } from './layout.js'
import type { Recorder } from './recorder.js'
import { symbolicOf, type Facts, type SymbolicTensor } from './symbolic.js'
import type { Table } from './table.js'
import { convolvedSizes, pooledSizes, type Window } from './windows.js'

/**
 * The operators that have nodes of their own. Their results are computed from the shapes, as to run them would take long;
 * what does not fit is left to libtorch, which knows what to say about it.
 */
export const LAYERS: Table = {
  conv2d,
  batchNorm,
  linear,
  relu,
  add,
  maxPool2d: (recorder, input, kernelSize, stride, padding, dilation, ceilMode) => {
    const window = { kernelSize, stride, padding, dilation, ceilMode }
    return pool(recorder, input, window, 'maxPool2d', [kernelSize, stride, padding, dilation, ceilMode], {
      kind: 'maxPool2d',
      ...window,
    })
  },
  avgPool2d: (recorder, input, kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride) => {
    const window = { kernelSize, stride, padding, ceilMode }
    const rest = [kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride]
    const node = { kind: 'avgPool2d', ...window, countIncludePad, divisorOverride } as const
    return pool(recorder, input, { ...window, dilation: [1, 1] }, 'avgPool2d', rest, node)
  },
  adaptiveAvgPool2d,
}

type Arguments<N extends keyof NativeBinding> = Parameters<NativeBinding[N]>

function conv2d(recorder: Recorder, ...args: Arguments<'conv2d'>): TensorHandle {
  const [input, weight, bias, stride, padding, dilation, groups] = args
  if (symbolicOf(weight) !== null || symbolicOf(bias) !== null) return anyOperator(recorder, 'conv2d', args)
  const { constants } = recorder
  const kernel = constants.of(weight)
  const symbolic = recorder.symbolic(input)
  const [outputs = 0, , height = 0, width = 0] = kernel.shape
  const { before, after } = sides(padding, [height, width], dilation)
  const total: Pair = [before[0] + after[0], before[1] + after[1]]
  const sizes = convolvedSizes(symbolic.facts.shape, { kernelSize: [height, width], stride, total, dilation })
  const facts = sizes && layerFacts(symbolic, [...symbolic.facts.shape.slice(0, -3), outputs, ...sizes], kernel)
  const result = facts ?? factsOf(recorder, 'conv2d', args)

  const isEven = before[0] === after[0] && before[1] === after[1]
  let images = asBatch(recorder, symbolic)
  if (!isEven) images = padded(recorder, images, before, after)
  const node = {
    kind: 'conv2d',
    input: images,
    weight: kernel,
    bias: bias === null ? null : constants.of(bias),
    stride,
    padding: isEven ? before : ([0, 0] as const),
    dilation,
    groups,
    residual: null,
    activation: 'none',
  } as const
  return fromBatch(recorder, recorder.emit(node, batched(result.shape), result.dtype), result)
}

/** Zeros before and after rows and columns; `same` puts the odd one behind, as PyTorch does. */
function sides(padding: Pair | 'same' | 'valid', kernel: Pair, dilation: Pair): { before: Pair; after: Pair } {
  if (padding === 'valid') return { before: [0, 0], after: [0, 0] }
  if (padding !== 'same') return { before: padding, after: padding }
  const total = [dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1)] as const
  const before: Pair = [Math.floor(total[0] / 2), Math.floor(total[1] / 2)]
  return { before, after: [total[0] - before[0], total[1] - before[1]] }
}

function padded(recorder: Recorder, images: Value, [top, left]: Pair, [bottom, right]: Pair): Value {
  const [n = 0, c = 0, h = 0, w = 0] = images.shape
  const args = [{ value: images }, { literal: [left, right, top, bottom] }, { literal: 'constant' }, { literal: 0 }]
  return recorder.emitAten('aten::pad', args, {
    shape: [n, c, h + top + bottom, w + left + right],
    dtype: images.dtype,
  })
}

function batchNorm(recorder: Recorder, ...args: Arguments<'batchNorm'>): TensorHandle {
  const [input, runningMean, runningVar, scale, shift, training, , eps] = args
  const hasStatistics = runningMean !== null && runningVar !== null
  if (training && hasStatistics) throw recorder.calls.failure('batchNorm() changes running statistics')
  const vectors = [runningMean, runningVar, scale, shift]
  if (!hasStatistics || symbolicOf(input) === null || vectors.some((vector) => symbolicOf(vector) !== null)) {
    return anyOperator(recorder, 'batchNorm', args)
  }
  const symbolic = recorder.symbolic(input)
  const result = layerFacts(symbolic, symbolic.facts.shape) ?? factsOf(recorder, 'batchNorm', args)
  const constantOf = (handle: TensorHandle): Tensor => recorder.constants.of(handle)
  const node = {
    kind: 'batchNorm',
    input: symbolic.value,
    mean: constantOf(runningMean),
    variance: constantOf(runningVar),
    weight: scale && constantOf(scale),
    bias: shift && constantOf(shift),
    eps,
  } as const
  return recorder.tensor(recorder.emit(node, result.shape, result.dtype), result)
}

function linear(recorder: Recorder, ...args: Arguments<'linear'>): TensorHandle {
  const [input, weight, bias] = args
  if (symbolicOf(weight) !== null || symbolicOf(bias) !== null) return anyOperator(recorder, 'linear', args)
  const { constants } = recorder
  const matrix = constants.of(weight)
  const symbolic = recorder.symbolic(input)
  const [outputs = 0, inputs = 0] = matrix.shape
  const outer = symbolic.facts.shape.slice(0, -1)
  const rows = outer.reduce((product, size) => product * size, 1)
  // Rows with the channels side by side come out row by row.
  const facts = isChannelsLast(symbolic.facts) ? null : layerFacts(symbolic, [...outer, outputs])
  const result = facts ?? factsOf(recorder, 'linear', args)
  const node = {
    kind: 'linear',
    input: recorder.reshape(symbolic.value, [rows, inputs]),
    weight: matrix,
    bias: bias === null ? null : constants.of(bias),
    activation: 'none',
  } as const
  const output = recorder.emit(node, [rows, outputs], result.dtype)
  return recorder.tensor(recorder.reshape(output, result.shape), result)
}

function relu(recorder: Recorder, input: TensorHandle): TensorHandle {
  const symbolic = recorder.symbolic(input)
  const result = layerFacts(symbolic, symbolic.facts.shape) ?? factsOf(recorder, 'relu', [input])
  const output = recorder.emit({ kind: 'relu', input: symbolic.value }, result.shape, result.dtype)
  return recorder.tensor(output, result)
}

function add(recorder: Recorder, ...args: Arguments<'add'>): TensorHandle {
  const [tensor, other, alpha] = args
  const [left, right] = [symbolicOf(tensor), symbolicOf(other)]
  if (left === null || right === null || alpha !== 1 || !areAlike(left.facts, right.facts)) {
    return anyOperator(recorder, 'add', args)
  }
  const facts = laidOutAs(left.facts, left.facts.shape)
  const isLaidOutAlike = facts !== null && isChannelsLast(left.facts) === isChannelsLast(right.facts)
  const result = isLaidOutAlike && laidOutAs(right.facts, right.facts.shape) ? facts : factsOf(recorder, 'add', args)
  const node = {
    kind: 'add',
    left: recorder.valueOf(left.handle),
    right: recorder.valueOf(right.handle),
    activation: 'none',
  } as const
  return recorder.tensor(recorder.emit(node, result.shape, result.dtype), result)
}

function areAlike(one: Facts, other: Facts): boolean {
  const isSameShape =
    one.shape.length === other.shape.length && one.shape.every((size, dim) => size === other.shape[dim])
  return isSameShape && one.dtype === other.dtype && isFloatingPoint(one.dtype)
}

type PoolNode = Parameters<Recorder['emit']>[0] & { readonly kind: 'maxPool2d' | 'avgPool2d' }

function pool(
  recorder: Recorder,
  input: TensorHandle,
  window: Window,
  name: 'maxPool2d' | 'avgPool2d',
  rest: readonly unknown[],
  node: Omit<PoolNode, 'input'>,
): TensorHandle {
  const symbolic = recorder.symbolic(input)
  const sizes = pooledSizes(symbolic.facts.shape, window)
  const facts = sizes && layerFacts(symbolic, [...symbolic.facts.shape.slice(0, -2), ...sizes])
  const result = facts ?? factsOf(recorder, name, [input, ...rest])
  const output = recorder.emit(
    { ...node, input: asBatch(recorder, symbolic) } as PoolNode,
    batched(result.shape),
    result.dtype,
  )
  return fromBatch(recorder, output, result)
}

function adaptiveAvgPool2d(recorder: Recorder, input: TensorHandle, outputSize: Pair): TensorHandle {
  const symbolic = recorder.symbolic(input)
  const isEmpty = symbolic.facts.shape.includes(0) || outputSize.includes(0)
  const facts = isEmpty ? null : layerFacts(symbolic, [...symbolic.facts.shape.slice(0, -2), ...outputSize])
  const result = facts ?? factsOf(recorder, 'adaptiveAvgPool2d', [input, outputSize])
  const args = [{ value: asBatch(recorder, symbolic) }, { literal: outputSize }]
  const shape = batched(result.shape)
  return fromBatch(
    recorder,
    recorder.emitAten('aten::adaptive_avg_pool2d', args, { shape, dtype: result.dtype }),
    result,
  )
}

/** Records an operator as it is in libtorch's dispatcher. */
export function anyOperator(recorder: Recorder, name: keyof NativeBinding, args: readonly unknown[]): TensorHandle {
  const [output] = recorder.emitCall(name, args, [factsOf(recorder, name, args)])
  return output ?? recorder.unknown(name)
}

/** Finds out about a result by running the operator. */
function factsOf(recorder: Recorder, name: keyof NativeBinding, args: readonly unknown[]): Facts {
  const [inferred] = infer(recorder.addon, name, args)
  return inferred?.facts ?? recorder.unknown(name)
}

/** Facts of a layer's result, null where the rules of the layers do not hold. */
function layerFacts(
  { facts }: SymbolicTensor,
  shape: readonly number[],
  weight?: { readonly shape: readonly number[]; readonly strides: readonly number[] },
): Facts | null {
  if (!isFloatingPoint(facts.dtype) || facts.shape.includes(0)) return null
  if (weight === undefined || !isChannelsLast(weight)) return laidOutAs(facts, shape)
  // libtorch convolves with the channels side by side if either the images or the kernels lie so.
  return facts.shape.length === 4 ? laidOutAs(inChannelsLast(facts), shape) : null
}

/** The elements of images (N, C, H, W), or of one image (C, H, W) as a batch of one. */
function asBatch(recorder: Recorder, { value }: SymbolicTensor): Value {
  return recorder.reshape(value, batched(value.shape))
}

function fromBatch(recorder: Recorder, value: Value, facts: Facts): TensorHandle {
  return recorder.tensor(recorder.reshape(value, facts.shape), facts)
}

function batched(shape: readonly number[]): readonly number[] {
  return shape.length === 3 ? [1, ...shape] : shape
}
