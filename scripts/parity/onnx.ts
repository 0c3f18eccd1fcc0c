import { cat, functional as F, type Tensor } from 'napi-torch'

import { isTensor } from '../../lib/nn/checks.js'
import { NotOffered } from './compare.js'

type Attributes = Readonly<Record<string, unknown>>
type Run = (inputs: readonly Tensor[], attributes: Attributes, opset: number) => Tensor

export interface OnnxNode {
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Attributes
}

const numbers = (value: unknown): number[] => {
  if (isTensor(value)) return Array.from(value.contiguous().double().toArray())
  if (Array.isArray(value) && value.every((item) => typeof item === 'number')) return value
  throw new NotOffered('an attribute in another form')
}

/** The one that surely is there. */
function at(inputs: readonly Tensor[], index: number): Tensor {
  const tensor = inputs[index]
  if (tensor === undefined) throw new NotOffered('an input that is left out')
  return tensor
}

const unary =
  (name: 'relu' | 'sigmoid' | 'tanh' | 'neg' | 'abs' | 'sqrt' | 'exp' | 'log' | 'isnan' | 'clone'): Run =>
  (inputs) =>
    at(inputs, 0)[name]()
const binary =
  (name: 'add' | 'sub' | 'mul' | 'pow' | 'matmul' | 'eq' | 'gt' | 'ge' | 'lt' | 'le'): Run =>
  (inputs) =>
    at(inputs, 0)[name](at(inputs, 1))

/** Zeros on both sides, which this package has; ONNX has them for each side. */
function padding({ pads, auto_pad: auto = 'NOTSET' }: Attributes): [number, number] {
  if (auto !== 'NOTSET' && auto !== 'VALID') throw new NotOffered('auto_pad')
  const [top = 0, left = 0, bottom = 0, right = 0] = pads === undefined ? [0, 0, 0, 0] : numbers(pads)
  if (top !== bottom || left !== right) throw new NotOffered('padding of one side')
  return [top, left]
}

function pair(value: unknown, standard: number): [number, number] {
  const list = value === undefined ? [standard, standard] : numbers(value)
  if (list.length !== 2) throw new NotOffered(`${list.length} dimensions`)
  return [list[0] ?? standard, list[1] ?? standard]
}

const reduce =
  (name: 'sum' | 'mean' | 'max' | 'min'): Run =>
  (inputs, { axes, keepdims = 1, noop_with_empty_axes: noop = 0 }) => {
    const given = inputs[1] ?? axes
    const dims = given === undefined ? [] : numbers(given)
    const x = at(inputs, 0)
    if (dims.length === 0 && noop === 1) return x.clone()
    const keepdim = keepdims === 1
    const all = dims.length === 0 ? x.shape.map((_, dim) => dim) : dims
    if (name === 'sum' || name === 'mean') return x[name]({ dim: all, keepdim })
    return [...all.map((dim) => (dim < 0 ? dim + x.ndim : dim))]
      .sort((one, other) => other - one)
      .reduce((result, dim) => result[name]({ dim, keepdim }), x)
  }

function softmax(name: 'softmax' | 'logSoftmax'): Run {
  return (inputs, { axis }, opset) => {
    const x = at(inputs, 0)
    if (opset >= 13) return x[name]((axis ?? -1) as number)
    const from = (axis ?? 1) as number
    const outer = x.shape.slice(0, from).reduce((product, size) => product * size, 1)
    return x.reshape([outer, -1])[name](1).reshape(x.shape)
  }
}

function pool(inputs: readonly Tensor[], attributes: Attributes) {
  const x = at(inputs, 0)
  if (x.ndim !== 4) throw new NotOffered(`${x.ndim - 2} dimensions`)
  const kernel = pair(attributes['kernel_shape'], 1)
  const options = {
    stride: pair(attributes['strides'], 1),
    padding: padding(attributes),
    ceilMode: attributes['ceil_mode'] === 1,
  }
  return { x, kernel, options, dilation: pair(attributes['dilations'], 1) }
}

/** The operators of this package, or short compositions of them, by the names of ONNX. */
export const ONNX_OPERATORS: Readonly<Record<string, Run>> = {
  Relu: unary('relu'),
  Sigmoid: unary('sigmoid'),
  Tanh: unary('tanh'),
  Neg: unary('neg'),
  Abs: unary('abs'),
  Sqrt: unary('sqrt'),
  Exp: unary('exp'),
  Log: unary('log'),
  IsNaN: unary('isnan'),
  Identity: unary('clone'),
  Add: binary('add'),
  Sub: binary('sub'),
  Mul: binary('mul'),
  Pow: (inputs) => at(inputs, 0).pow(at(inputs, 1)).to(at(inputs, 0).dtype),
  MatMul: binary('matmul'),
  Equal: binary('eq'),
  Greater: binary('gt'),
  GreaterOrEqual: binary('ge'),
  Less: binary('lt'),
  LessOrEqual: binary('le'),
  Div: (inputs) => {
    const x = at(inputs, 0)
    return x.isFloatingPoint() ? x.div(at(inputs, 1)) : x.div(at(inputs, 1), { roundingMode: 'trunc' })
  },
  Softmax: softmax('softmax'),
  LogSoftmax: softmax('logSoftmax'),
  ReduceSum: reduce('sum'),
  ReduceMean: reduce('mean'),
  ReduceMax: reduce('max'),
  ReduceMin: reduce('min'),
  Flatten: (inputs, { axis = 1 }) => {
    const x = at(inputs, 0)
    const from = (axis as number) < 0 ? (axis as number) + x.ndim : (axis as number)
    return x.reshape([x.shape.slice(0, from).reduce((product, size) => product * size, 1), -1])
  },
  Reshape: (inputs, { shape, allowzero = 0 }) => {
    const x = at(inputs, 0)
    const sizes = numbers(inputs[1] ?? shape)
    return x.reshape(sizes.map((size, dim) => (size === 0 && allowzero === 0 ? (x.shape[dim] ?? 0) : size)))
  },
  Transpose: (inputs, { perm }) => {
    const x = at(inputs, 0)
    return x.permute(perm === undefined ? x.shape.map((_, dim) => x.ndim - 1 - dim) : numbers(perm))
  },
  Squeeze: (inputs, { axes }) => {
    const x = at(inputs, 0)
    const given = inputs[1] ?? axes
    if (given === undefined) return x.squeeze()
    const dims = numbers(given).map((dim) => (dim < 0 ? dim + x.ndim : dim))
    return dims.sort((one, other) => other - one).reduce((result, dim) => result.squeeze(dim), x)
  },
  Unsqueeze: (inputs, { axes }) => {
    const x = at(inputs, 0)
    const given = numbers(inputs[1] ?? axes)
    const rank = x.ndim + given.length
    return given
      .map((dim) => (dim < 0 ? dim + rank : dim))
      .sort((one, other) => one - other)
      .reduce((result, dim) => result.unsqueeze(dim), x)
  },
  Concat: (inputs, { axis }) => cat(inputs, { dim: axis as number }),
  Expand: (inputs) => {
    const [x, sizes] = [at(inputs, 0), numbers(at(inputs, 1))]
    const rank = Math.max(x.ndim, sizes.length)
    const padded = [x.shape, sizes].map((shape) => [...Array<number>(rank - shape.length).fill(1), ...shape])
    return x.expand((padded[0] ?? []).map((size, dim) => (size === 1 ? (padded[1]?.[dim] ?? 1) : size)))
  },
  Clip: (inputs, { min, max }) => {
    const [low, high] = [inputs[1] ?? min, inputs[2] ?? max].map((bound) =>
      isTensor(bound) ? Number(bound.item()) : bound,
    )
    if (low === undefined && high === undefined) return at(inputs, 0).clone()
    const bounds = {
      ...(low !== undefined && { min: low as number }),
      ...(high !== undefined && { max: high as number }),
    }
    return at(inputs, 0).clamp(bounds)
  },
  Gemm: (inputs, { alpha = 1, beta = 1, transA = 0, transB = 0 }) => {
    const [one, other] = [at(inputs, 0), at(inputs, 1)]
    const [a, b] = [transA === 1 ? one.transpose(0, 1) : one, transB === 1 ? other.transpose(0, 1) : other]
    const product = a.matmul(b).mul(alpha as number)
    return inputs[2] === undefined ? product : product.add(inputs[2].mul(beta as number))
  },
  Conv: (inputs, attributes) => {
    const [x, weight] = [at(inputs, 0), at(inputs, 1)]
    if (x.ndim !== 4) throw new NotOffered(`${x.ndim - 2} dimensions`)
    const [stride, dilation] = [pair(attributes['strides'], 1), pair(attributes['dilations'], 1)]
    const groups = (attributes['group'] ?? 1) as number
    return F.conv2d(x, weight, { bias: inputs[2] ?? null, stride, dilation, groups, padding: padding(attributes) })
  },
  MaxPool: (inputs, attributes) => {
    const { x, kernel, options, dilation } = pool(inputs, attributes)
    return F.maxPool2d(x, kernel, { ...options, dilation })
  },
  AveragePool: (inputs, attributes) => {
    const { x, kernel, options, dilation } = pool(inputs, attributes)
    if (dilation.some((size) => size !== 1)) throw new NotOffered('dilations')
    return F.avgPool2d(x, kernel, { ...options, countIncludePad: attributes['count_include_pad'] === 1 })
  },
  GlobalAveragePool: (inputs) => {
    const x = at(inputs, 0)
    if (x.ndim !== 4) throw new NotOffered(`${x.ndim - 2} dimensions`)
    return F.adaptiveAvgPool2d(x, 1)
  },
  BatchNormalization: (inputs, { epsilon = 1e-5, training_mode: training = 0 }) => {
    if (training === 1) throw new NotOffered('training_mode')
    const [x, weight, bias, mean, variance] = [0, 1, 2, 3, 4].map((index) => at(inputs, index))
    if (!x || !weight || !bias || !mean || !variance) throw new NotOffered('an input that is left out')
    return F.batchNorm(x, mean, variance, { weight, bias, eps: epsilon as number })
  },
  Dropout: (inputs) => {
    if (inputs.length > 1) throw new NotOffered('ratio and training_mode')
    return at(inputs, 0).clone()
  },
  Constant: (_inputs, { value }) => {
    if (isTensor(value)) return value
    throw new NotOffered('a constant in another form')
  },
}

/** Runs a graph of ONNX. */
export function runOnnx(
  nodes: readonly OnnxNode[],
  values: ReadonlyMap<string, Tensor>,
  opset: number,
): Map<string, Tensor> {
  const made = new Map(values)
  for (const { op, inputs, outputs, attributes } of nodes) {
    const run = ONNX_OPERATORS[op]
    if (run === undefined) throw new NotOffered('no such operator')
    if (outputs.length > 1 && outputs.slice(1).some((name) => name !== '')) throw new NotOffered('several results')
    // Those at the end may be left out, and those in the middle have no name then.
    const given = inputs.map((name) => made.get(name))
    made.set(outputs[0] ?? '', run(given as Tensor[], attributes, opset))
  }
  return made
}
