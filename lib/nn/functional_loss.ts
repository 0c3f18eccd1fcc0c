import { apply } from '../tensor/apply.js'
import { handleOf } from '../tensor/handle.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkBoolean, checkInteger, checkNumber, checkOneOf, checkProbability } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { Signature } from '../util/signature.js'
import { checkFloats } from './checks.js'

/** What a loss gives: one for each element, or their mean or sum. The places are libtorch's numbers for them. */
export const REDUCTIONS = ['none', 'mean', 'sum'] as const

/** A reduction of {@link REDUCTIONS}. */
export type Reduction = (typeof REDUCTIONS)[number]

/** The reductions of {@link klDiv}. */
export const KL_DIV_REDUCTIONS = ['none', 'batchmean', 'sum', 'mean'] as const

/** A reduction of {@link KL_DIV_REDUCTIONS}. */
export type KlDivReduction = (typeof KL_DIV_REDUCTIONS)[number]

/** Options of losses that have no others. */
export interface LossOptions {
  /** Default: `mean`. */
  readonly reduction?: Reduction | undefined
}

/** Options of {@link nllLoss}. */
export interface NllLossOptions extends LossOptions {
  /** Factor of each class (C,). Default: none. */
  readonly weight?: Tensor | null | undefined
  /** Class of targets that have no part in loss and gradient. Default: `-100`. */
  readonly ignoreIndex?: number | undefined
}

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions extends NllLossOptions {
  /** Share of the target that all classes have alike, 0 to 1. Default: `0`. */
  readonly labelSmoothing?: number | undefined
}

/** Options of {@link binaryCrossEntropy}. */
export interface BinaryCrossEntropyOptions extends LossOptions {
  /** Factor of each element, which broadcasts to the input. Default: none. */
  readonly weight?: Tensor | null | undefined
}

/** Options of {@link binaryCrossEntropyWithLogits}. */
export interface BinaryCrossEntropyWithLogitsOptions extends BinaryCrossEntropyOptions {
  /** Factor of what is positive, which broadcasts to the input: above 1 raises recall, below 1 precision. Default: none. */
  readonly posWeight?: Tensor | null | undefined
}

/** Options of {@link smoothL1Loss}. */
export interface SmoothL1LossOptions extends LossOptions {
  /** Difference from which on the loss is linear, at least 0. Default: `1`. */
  readonly beta?: number | undefined
}

/** Options of {@link huberLoss}. */
export interface HuberLossOptions extends LossOptions {
  /** Difference from which on the loss is linear, above 0. Default: `1`. */
  readonly delta?: number | undefined
}

/** Options of {@link klDiv}. */
export interface KlDivOptions {
  /** `batchmean` is the divergence in mathematics: the sum divided by N. Default: `mean`. */
  readonly reduction?: KlDivReduction | undefined
  /** Whether the target is a logarithm too. Default: `false`. */
  readonly logTarget?: boolean | undefined
}

/** Options of {@link cosineEmbeddingLoss}. */
export interface CosineEmbeddingLossOptions extends LossOptions {
  /** Similarity from which on unlike pairs cost, -1 to 1. Default: `0`. */
  readonly margin?: number | undefined
}

/** Options of {@link tripletMarginLoss}. */
export interface TripletMarginLossOptions extends LossOptions {
  /** How much farther the negative is to be than the positive, above 0. Default: `1`. */
  readonly margin?: number | undefined
  /** Degree of the norm by which distances are measured. Default: `2`. */
  readonly p?: number | undefined
  /** Added to differences, against division by 0. Default: `1e-6`. */
  readonly eps?: number | undefined
  /** Use the distance from the positive to the negative where it is smaller than that from the anchor. Default: `false`. */
  readonly swap?: boolean | undefined
}

const PAIR = ['input', 'target']
const CROSS_ENTROPY = new Signature<CrossEntropyOptions>('crossEntropy', PAIR, {
  ...{ weight: 'name', ignoreIndex: 'keyword', reduction: 'keyword', labelSmoothing: 'keyword' },
})
const NLL = new Signature<NllLossOptions>('nllLoss', PAIR, {
  ...{ weight: 'name', ignoreIndex: 'keyword', reduction: 'keyword' },
})
const BCE = new Signature<BinaryCrossEntropyOptions>('binaryCrossEntropy', PAIR, {
  ...{ weight: 'name', reduction: 'keyword' },
})
const BCE_WITH_LOGITS = new Signature<BinaryCrossEntropyWithLogitsOptions>('binaryCrossEntropyWithLogits', PAIR, {
  ...{ weight: 'name', reduction: 'keyword', posWeight: 'keyword' },
})
const MSE = new Signature<LossOptions>('mseLoss', PAIR, { reduction: 'keyword' })
const L1 = new Signature<LossOptions>('l1Loss', PAIR, { reduction: 'keyword' })
const SMOOTH_L1 = new Signature<SmoothL1LossOptions>('smoothL1Loss', PAIR, { reduction: 'keyword', beta: 'keyword' })
const HUBER = new Signature<HuberLossOptions>('huberLoss', PAIR, { reduction: 'name', delta: 'name' })
const KL_DIV = new Signature<KlDivOptions>('klDiv', PAIR, { reduction: 'keyword', logTarget: 'keyword' })
const COSINE = new Signature<CosineEmbeddingLossOptions>('cosineEmbeddingLoss', ['input1', 'input2', 'target'], {
  ...{ margin: 'name', reduction: 'keyword' },
})
const TRIPLET = new Signature<TripletMarginLossOptions>('tripletMarginLoss', ['anchor', 'positive', 'negative'], {
  ...{ margin: 'name', p: 'name', eps: 'name', swap: 'name', reduction: 'keyword' },
})

/**
 * Gives the cross entropy of logits (N, C, ...) or (C,) and targets: classes (N, ...), int64, or probabilities of the shape of the
 * logits. Follows `torch.nn.functional.cross_entropy`.
 *
 * @throws {TorchError} `TORCH_OPERATOR` with libtorch's words if the shapes do not fit or a class is out of bounds.
 */
export function crossEntropy(input: Tensor, target: Tensor, options?: CrossEntropyOptions): Tensor
export function crossEntropy(input: Tensor, target: Tensor, ...given: readonly unknown[]): Tensor {
  const options = CROSS_ENTROPY.read([input, target], given)
  const { weight = null, ignoreIndex = -100, labelSmoothing = 0, reduction } = options
  checkPair(input, target)
  checkProbability('labelSmoothing', labelSmoothing)
  const index = checkInteger('ignoreIndex', ignoreIndex)
  return apply(
    'aten::cross_entropy_loss',
    ...[input, target, checkWeight('weight', weight), reductionOf(reduction), index, labelSmoothing],
  )
}

/**
 * Gives the negative log likelihood of classes (N, ...), int64, under log-probabilities (N, C, ...) or (C,). Follows
 * `torch.nn.functional.nll_loss`.
 */
export function nllLoss(input: Tensor, target: Tensor, options?: NllLossOptions): Tensor
export function nllLoss(input: Tensor, target: Tensor, ...given: readonly unknown[]): Tensor {
  const { weight = null, ignoreIndex = -100, reduction } = NLL.read([input, target], given)
  checkPair(input, target)
  const index = checkInteger('ignoreIndex', ignoreIndex)
  return apply('aten::nll_loss_nd', input, target, checkWeight('weight', weight), reductionOf(reduction), index)
}

/**
 * Gives the binary cross entropy of probabilities and targets of one shape, both from 0 to 1. Follows
 * `torch.nn.functional.binary_cross_entropy`.
 */
export function binaryCrossEntropy(input: Tensor, target: Tensor, options?: BinaryCrossEntropyOptions): Tensor
export function binaryCrossEntropy(input: Tensor, target: Tensor, ...given: readonly unknown[]): Tensor {
  const { weight = null, reduction } = BCE.read([input, target], given)
  checkPair(input, target)
  if (!isSameShape(input, target)) {
    throw new TorchError(
      'TORCH_INVALID_ARGUMENT',
      `Using a target size (${size(target)}) that is different to the input size (${size(input)}) is deprecated. ` +
        'Please ensure they have the same size.',
    )
  }
  return apply('aten::binary_cross_entropy', input, target, checkWeight('weight', weight), reductionOf(reduction))
}

/**
 * Gives the binary cross entropy of logits and targets from 0 to 1 of one shape, more exactly than `sigmoid` and
 * {@link binaryCrossEntropy} do. Follows `torch.nn.functional.binary_cross_entropy_with_logits`.
 */
export function binaryCrossEntropyWithLogits(
  input: Tensor,
  target: Tensor,
  options?: BinaryCrossEntropyWithLogitsOptions,
): Tensor
export function binaryCrossEntropyWithLogits(input: Tensor, target: Tensor, ...given: readonly unknown[]): Tensor {
  const { weight = null, posWeight = null, reduction } = BCE_WITH_LOGITS.read([input, target], given)
  checkPair(input, target)
  if (!isSameShape(input, target)) {
    const text = `Target size (${size(target)}) must be the same as input size (${size(input)})`
    throw new TorchError('TORCH_INVALID_ARGUMENT', text)
  }
  const weights = [checkWeight('weight', weight), checkWeight('posWeight', posWeight)]
  return apply('aten::binary_cross_entropy_with_logits', input, target, ...weights, reductionOf(reduction))
}

/** Gives the squared differences. Follows `torch.nn.functional.mse_loss`, **without `weight`**. */
export function mseLoss(input: Tensor, target: Tensor, options?: LossOptions): Tensor
export function mseLoss(input: Tensor, target: Tensor, ...given: readonly unknown[]): Tensor {
  const { reduction } = MSE.read([input, target], given)
  checkPair(input, target)
  warnOfBroadcast(input, target)
  return apply('aten::mse_loss', input, target, reductionOf(reduction))
}

/** Gives the absolute differences. Follows `torch.nn.functional.l1_loss`, **without `weight`**. */
export function l1Loss(input: Tensor, target: Tensor, options?: LossOptions): Tensor
export function l1Loss(input: Tensor, target: Tensor, ...given: readonly unknown[]): Tensor {
  const { reduction } = L1.read([input, target], given)
  checkPair(input, target)
  warnOfBroadcast(input, target)
  return apply('aten::l1_loss', input, target, reductionOf(reduction))
}

/**
 * Gives half the squared differences, divided by `beta`, where they are below it, and else the absolute ones less half of it.
 * Follows `torch.nn.functional.smooth_l1_loss`.
 */
export function smoothL1Loss(input: Tensor, target: Tensor, options?: SmoothL1LossOptions): Tensor
export function smoothL1Loss(input: Tensor, target: Tensor, ...given: readonly unknown[]): Tensor {
  const { beta = 1, reduction } = SMOOTH_L1.read([input, target], given)
  checkPair(input, target)
  warnOfBroadcast(input, target)
  return apply('aten::smooth_l1_loss', input, target, reductionOf(reduction), checkNumber('beta', beta))
}

/**
 * Gives half the squared differences where they are below `delta`, and else the absolute ones less half of it, times `delta`.
 * Follows `torch.nn.functional.huber_loss`, **without `weight`**.
 */
export function huberLoss(input: Tensor, target: Tensor, options?: HuberLossOptions): Tensor
export function huberLoss(input: Tensor, target: Tensor, ...given: readonly unknown[]): Tensor {
  const { delta = 1, reduction } = HUBER.read([input, target], given)
  checkPair(input, target)
  warnOfBroadcast(input, target)
  return apply('aten::huber_loss', input, target, reductionOf(reduction), checkNumber('delta', delta))
}

/**
 * Gives the Kullback-Leibler divergence of log-probabilities `input` from the distribution `target`, element by element. Follows
 * `torch.nn.functional.kl_div`.
 */
export function klDiv(input: Tensor, target: Tensor, options?: KlDivOptions): Tensor
export function klDiv(input: Tensor, target: Tensor, ...given: readonly unknown[]): Tensor {
  const { reduction = 'mean', logTarget = false } = KL_DIV.read([input, target], given)
  checkPair(input, target)
  checkOneOf('reduction', reduction, KL_DIV_REDUCTIONS)
  checkBoolean('logTarget', logTarget)
  const isBatchMean = reduction === 'batchmean' && input.ndim !== 0
  const sum = apply(
    'aten::kl_div',
    ...[input, target, reductionOf(reduction === 'batchmean' ? 'sum' : reduction), logTarget],
  )
  if (!isBatchMean) return sum
  const result = sum.div(input.size(0))
  sum.dispose()
  return result
}

/**
 * Gives 1 less the cosine of the angle between `input1` and `input2`, (N, D) or (D,), where `target` (N,) or () is 1, and the
 * cosine less `margin`, at least 0, where it is -1. Follows `torch.nn.functional.cosine_embedding_loss`.
 */
export function cosineEmbeddingLoss(
  input1: Tensor,
  input2: Tensor,
  target: Tensor,
  options?: CosineEmbeddingLossOptions,
): Tensor
export function cosineEmbeddingLoss(
  input1: Tensor,
  input2: Tensor,
  target: Tensor,
  ...given: readonly unknown[]
): Tensor {
  const { margin = 0, reduction } = COSINE.read([input1, input2, target], given)
  checkFloats('input1', input1)
  checkFloats('input2', input2)
  handleOf(target, 'target')
  const marginal = checkNumber('margin', margin)
  return apply('aten::cosine_embedding_loss', input1, input2, target, marginal, reductionOf(reduction))
}

/**
 * Gives how much the distance from `anchor` to `positive`, plus `margin`, exceeds that from `anchor` to `negative`, each (N, D) or
 * (D,). Follows `torch.nn.functional.triplet_margin_loss`.
 */
export function tripletMarginLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options?: TripletMarginLossOptions,
): Tensor
export function tripletMarginLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  ...given: readonly unknown[]
): Tensor {
  const options = TRIPLET.read([anchor, positive, negative], given)
  const { margin = 1, p = 2, eps = 1e-6, swap = false, reduction } = options
  for (const [name, tensor] of Object.entries({ anchor, positive, negative })) checkFloats(name, tensor)
  for (const [name, number] of Object.entries({ margin, p, eps })) checkNumber(name, number)
  if (margin <= 0) {
    throw new TorchError('TORCH_INVALID_ARGUMENT', `margin must be greater than 0, got ${margin}`)
  }
  const settings = [margin, p, eps, checkBoolean('swap', swap), reductionOf(reduction)]
  return apply('aten::triplet_margin_loss', anchor, positive, negative, ...settings)
}

function reductionOf(reduction: Reduction = 'mean'): number {
  return REDUCTIONS.indexOf(checkOneOf('reduction', reduction, REDUCTIONS))
}

function checkPair(input: Tensor, target: Tensor): void {
  checkFloats('input', input)
  handleOf(target, 'target')
}

function checkWeight(name: string, weight: Tensor | null): Tensor | null {
  if (weight !== null) checkFloats(name, weight)
  return weight
}

function isSameShape(one: Tensor, other: Tensor): boolean {
  return one.ndim === other.ndim && one.shape.every((length, dim) => length === other.shape[dim])
}

/** Says what PyTorch says: the usual reason is a lost or an extra dimension, and the loss a mean over all pairs. */
function warnOfBroadcast(input: Tensor, target: Tensor): void {
  if (isSameShape(input, target)) return
  process.emitWarning(
    `Using a target size (${size(target)}) that is different to the input size (${size(input)}). ` +
      'This will likely lead to incorrect results due to broadcasting. Please ensure they have the same size.',
    'TorchWarning',
  )
}

function size({ shape }: Tensor): string {
  return `torch.Size([${shape.join(', ')}])`
}
