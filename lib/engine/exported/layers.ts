import { native } from '../../libtorch/binding.js'
import type { Pair } from '../../nn/checks.js'
import { adaptiveAvgPool2d, avgPool2d, batchNorm, conv2d, linear, maxPool2d, relu, relu_ } from '../../nn/functional.js'
import { zeros } from '../../tensor/creation.js'
import { handleOf } from '../../tensor/handle.js'
import { Tensor } from '../../tensor/tensor.js'
import type { DType } from '../../util/dtype.js'

/** The arguments of a schema in its order: undefined where the default holds. They have been checked against the schema. */
export type Arguments = readonly unknown[]

/** Computes an operator by the function that a layer of this package would call; undefined for arguments that no layer has. */
export type LayerCall = (args: Arguments, isRead: (output: number) => boolean) => readonly Tensor[] | undefined

/**
 * Operators that this package has functions of its own for. They compute the same, and a trace records them as what layers
 * are recorded as: so passes and kernels find them.
 */
const LAYERS: Readonly<Record<string, LayerCall>> = {
  'aten::conv2d': convolved,
  'aten::conv2d.padding': convolved,
  'aten::convolution': ([input, weight, bias, stride, padding, dilation, transposed, , groups]) => {
    const isPlain = transposed === false && (weight as Tensor).ndim === 4
    return isPlain ? convolved([input, weight, bias, stride, padding, dilation, groups]) : undefined
  },
  'aten::batch_norm': ([input, weight, bias, mean, variance, training, , eps]) =>
    training === false ? normalized(input, mean, variance, { weight, bias, eps }) : undefined,
  'aten::_native_batch_norm_legit_no_training': ([input, weight, bias, mean, variance, , eps], isRead) =>
    withEmpty(isRead, 2, () => normalized(input, mean, variance, { weight, bias, eps })),
  'aten::linear': ([input, weight, bias]) => [linear(input as Tensor, weight as Tensor, { bias: bias as Vector })],
  'aten::addmm': addmm,
  'aten::relu': ([input]) => [relu(input as Tensor)],
  'aten::relu_': ([input]) => [relu_(input as Tensor)],
  'aten::add.Tensor': (args) => sum(args, (one, other, alpha) => new Tensor(native.add(one, other, alpha))),
  'aten::add_.Tensor': (args) =>
    sum(args, (one, other, alpha) => {
      native.add_(one, other, alpha)
      return args[0] as Tensor
    }),
  'aten::max_pool2d': pooled,
  'aten::max_pool2d_with_indices': (args, isRead) => withEmpty(isRead, 1, () => pooled(args)),
  'aten::avg_pool2d': averaged,
  'aten::adaptive_avg_pool2d': adaptive,
  'aten::_adaptive_avg_pool2d': adaptive,
  'aten::view': reshaped,
  'aten::reshape': reshaped,
  'aten::_unsafe_view': reshaped,
  'aten::flatten.using_ints': ([input, start = 0, end = -1]) =>
    view(input, (it) => native.flatten(it, num(start), num(end))),
  'aten::squeeze': ([input]) => view(input, (it) => native.squeeze(it, null)),
  'aten::squeeze.dim': ([input, dim]) => view(input, (it) => native.squeeze(it, [num(dim)])),
  'aten::unsqueeze': ([input, dim]) => view(input, (it) => native.unsqueeze(it, num(dim))),
  'aten::permute': ([input, dims]) => view(input, (it) => native.permute(it, dims as number[])),
  'aten::transpose.int': ([input, one, other]) => view(input, (it) => native.transpose(it, num(one), num(other))),
  'aten::expand': ([input, shape]) => view(input, (it) => native.expand(it, shape as number[])),
  'aten::select.int': ([input, dim, index]) => view(input, (it) => native.select(it, num(dim), num(index))),
  'aten::slice.Tensor': sliced,
  'aten::cat': ([inputs, dim = 0]) => [
    new Tensor(
      native.cat(
        (inputs as Tensor[]).map((it) => handleOf(it)),
        num(dim),
      ),
    ),
  ],
  'aten::mean.dim': ([input, dims, keepdim = false, dtype = null]) =>
    view(input, (it) => native.mean(it, dims as number[] | null, keepdim as boolean, dtype as DType | null)),
  'aten::softmax.int': ([input, dim, dtype = null]) =>
    view(input, (it) => native.softmax(it, num(dim), dtype as DType | null)),
  'aten::_softmax': ([input, dim, half]) =>
    half === false ? view(input, (it) => native.softmax(it, num(dim), null)) : undefined,
  'aten::contiguous': ([input, format]) => view(input, (it) => native.contiguous(it, format === 'channels_last')),
  'aten::clone': ([input, format]) =>
    format === undefined || format === null ? view(input, (it) => native.clone(it)) : undefined,
  'aten::dropout': unchanged,
  'aten::feature_dropout': unchanged,
  'aten::alpha_dropout': unchanged,
  'aten::dropout_': unchanged,
  'aten::detach': unchanged,
  'aten::detach_': unchanged,
  'aten::alias': unchanged,
  'aten::lift_fresh_copy': ([input]) => view(input, (it) => native.clone(it)),
  'aten::to.dtype': ([input, dtype, , copy = false]) => converted(input, dtype, copy),
  'aten::_to_copy': ([input, dtype = null]) => converted(input, dtype, true),
}

/** Gives the layer that computes an operator, null where there is none. */
export function layerOf(schema: string): LayerCall | null {
  return (Object.hasOwn(LAYERS, schema) ? LAYERS[schema] : undefined) ?? null
}

type Vector = Tensor | null | undefined
type Handle = ReturnType<typeof handleOf>

const num = (value: unknown): number => Number(value)

function view(input: unknown, call: (handle: Handle) => Handle): Tensor[] {
  return [new Tensor(call(handleOf(input as Tensor)))]
}

/** Another handle: the tensors of a program are disposed one by one. */
function unchanged([input]: Arguments): Tensor[] {
  return view(input, (it) => native.alias(it))
}

/** One size stands for two, and so does a list of one. */
function pair(sizes: unknown, otherwise: number): Pair {
  const list = Array.isArray(sizes) ? (sizes as number[]) : [num(sizes ?? otherwise)]
  const [one = otherwise, other = one] = list
  return [one, other]
}

function convolved([input, weight, bias, stride, padding, dilation, groups = 1]: Arguments): Tensor[] | undefined {
  if ((weight as Tensor).ndim !== 4) return undefined
  const sides = typeof padding === 'string' ? (padding as 'same' | 'valid') : pair(padding, 0)
  const options = { bias: bias as Vector, stride: pair(stride, 1), padding: sides, dilation: pair(dilation, 1) }
  return [conv2d(input as Tensor, weight as Tensor, { ...options, groups: num(groups) })]
}

function normalized(
  input: unknown,
  mean: unknown,
  variance: unknown,
  { weight, bias, eps }: { readonly weight: unknown; readonly bias: unknown; readonly eps: unknown },
): Tensor[] | undefined {
  if (mean === null || variance === null) return undefined
  const options = { weight: weight as Vector, bias: bias as Vector, eps: num(eps) }
  return [batchNorm(input as Tensor, mean as Tensor, variance as Tensor, options)]
}

/** Results that only a gradient would read are left empty. */
function withEmpty(
  isRead: (output: number) => boolean,
  count: number,
  compute: () => readonly Tensor[] | undefined,
): readonly Tensor[] | undefined {
  const others = Array.from({ length: count }, (_, index) => index + 1)
  if (others.some(isRead)) return undefined
  const made = compute()
  return made && [...made, ...others.map(() => zeros([0]))]
}

/** A linear layer, as its decomposition writes it: bias + input · weightᵀ. */
function addmm([bias, input, matrix, beta = 1, alpha = 1]: Arguments): Tensor[] | undefined {
  const [vector, columns] = [bias as Tensor, (matrix as Tensor).shape[1]]
  const isLayer = num(beta) === 1 && num(alpha) === 1 && vector.ndim === 1 && vector.shape[0] === columns
  if (!isLayer) return undefined
  return [linear(input as Tensor, (matrix as Tensor).transpose(0, 1), { bias: vector })]
}

function sum(
  [one, other, alpha = 1]: Arguments,
  add: (one: Handle, other: Handle | number, alpha: number) => Tensor,
): Tensor[] | undefined {
  if (typeof alpha !== 'number' || typeof other === 'boolean' || typeof other === 'bigint') return undefined
  return [add(handleOf(one as Tensor), typeof other === 'number' ? other : handleOf(other as Tensor), alpha)]
}

function pooled([input, kernel, stride, padding, dilation, ceilMode = false]: Arguments): Tensor[] {
  const options = { stride: strideOf(stride, kernel), padding: pair(padding, 0), dilation: pair(dilation, 1) }
  return [maxPool2d(input as Tensor, pair(kernel, 1), { ...options, ceilMode: ceilMode as boolean })]
}

function averaged([
  input,
  kernel,
  stride,
  padding,
  ceilMode = false,
  counts = true,
  divisor = null,
]: Arguments): Tensor[] {
  const options = { stride: strideOf(stride, kernel), padding: pair(padding, 0), ceilMode: ceilMode as boolean }
  const divisorOverride = divisor === null ? null : num(divisor)
  return [
    avgPool2d(input as Tensor, pair(kernel, 1), { ...options, countIncludePad: counts as boolean, divisorOverride }),
  ]
}

/** An empty list stands for the size of the window. */
function strideOf(stride: unknown, kernel: unknown): Pair {
  const isGiven = stride !== undefined && !(Array.isArray(stride) && stride.length === 0)
  return pair(isGiven ? stride : kernel, 1)
}

function adaptive([input, size]: Arguments): Tensor[] {
  return [adaptiveAvgPool2d(input as Tensor, pair(size, 1))]
}

function reshaped([input, shape]: Arguments): Tensor[] {
  return view(input, (it) => native.reshape(it, shape as number[]))
}

function sliced([input, dim = 0, start = null, end = null, step = 1]: Arguments): Tensor[] {
  // PyTorch writes the largest integer for the end.
  const last = end === null || num(end) >= Number.MAX_SAFE_INTEGER ? null : num(end)
  return view(input, (it) => native.slice(it, num(dim), num(start ?? 0), last, num(step)))
}

function converted(input: unknown, dtype: unknown, copy: unknown): Tensor[] {
  return view(input, (it) => native.to(it, dtype as DType | null, null, copy as boolean, null))
}
