import type { Tensor } from '../tensor/tensor.js'
import { checkBoolean, checkInteger, checkNumber, checkOneOf, checkProbability } from '../util/check.js'
import { Signature, type Passing } from '../util/signature.js'
import {
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  cosineEmbeddingLoss,
  crossEntropy,
  huberLoss,
  KL_DIV_REDUCTIONS,
  klDiv,
  l1Loss,
  mseLoss,
  nllLoss,
  REDUCTIONS,
  smoothL1Loss,
  tripletMarginLoss,
  type BinaryCrossEntropyOptions,
  type BinaryCrossEntropyWithLogitsOptions,
  type CosineEmbeddingLossOptions,
  type CrossEntropyOptions,
  type HuberLossOptions,
  type KlDivOptions,
  type KlDivReduction,
  type LossOptions,
  type NllLossOptions,
  type Reduction,
  type SmoothL1LossOptions,
  type TripletMarginLossOptions,
} from './functional_loss.js'
import { Module } from './module.js'

/** What the losses with a {@link Reduction} have in common. */
abstract class Loss extends Module {
  readonly reduction: Reduction

  protected constructor({ reduction = 'mean' }: LossOptions) {
    super()
    this.reduction = checkOneOf('reduction', reduction, REDUCTIONS)
  }

  /** The buffer of that name, null where it was left out. */
  protected factors(name: string): Tensor | null {
    return this.namedBuffers({ recurse: false }).find(([key]) => key === name)?.[1] ?? null
  }
}

/**
 * The loss of {@link crossEntropy}. State key, if given: `weight` (C,). **It takes the tensor over.** Follows
 * `torch.nn.CrossEntropyLoss`.
 */
export class CrossEntropyLoss extends Loss {
  readonly ignoreIndex: number
  readonly labelSmoothing: number

  constructor(options?: CrossEntropyOptions)
  constructor(...given: readonly unknown[]) {
    const options = read<CrossEntropyOptions>('CrossEntropyLoss', given, {
      ...{ weight: 'name', ignoreIndex: 'keyword', reduction: 'keyword', labelSmoothing: 'keyword' },
    })
    super(options)
    const { weight = null, ignoreIndex = -100, labelSmoothing = 0 } = options
    this.ignoreIndex = checkInteger('ignoreIndex', ignoreIndex)
    this.labelSmoothing = checkProbability('labelSmoothing', labelSmoothing)
    this.registerBuffer('weight', weight)
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    const { ignoreIndex, labelSmoothing, reduction } = this
    return crossEntropy(input, target, { weight: this.factors('weight'), ignoreIndex, labelSmoothing, reduction })
  }
}

/** The loss of {@link nllLoss}. State key, if given: `weight` (C,). **It takes the tensor over.** Follows `torch.nn.NLLLoss`. */
export class NLLLoss extends Loss {
  readonly ignoreIndex: number

  constructor(options?: NllLossOptions)
  constructor(...given: readonly unknown[]) {
    const options = read<NllLossOptions>('NLLLoss', given, {
      ...{ weight: 'name', ignoreIndex: 'keyword', reduction: 'keyword' },
    })
    super(options)
    const { weight = null, ignoreIndex = -100 } = options
    this.ignoreIndex = checkInteger('ignoreIndex', ignoreIndex)
    this.registerBuffer('weight', weight)
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    const { ignoreIndex, reduction } = this
    return nllLoss(input, target, { weight: this.factors('weight'), ignoreIndex, reduction })
  }
}

/** The loss of {@link binaryCrossEntropy}. State key, if given: `weight`. **It takes the tensor over.** Follows `torch.nn.BCELoss`. */
export class BCELoss extends Loss {
  constructor(options?: BinaryCrossEntropyOptions)
  constructor(...given: readonly unknown[]) {
    const options = read<BinaryCrossEntropyOptions>('BCELoss', given, { weight: 'name', reduction: 'keyword' })
    super(options)
    this.registerBuffer('weight', options.weight ?? null)
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return binaryCrossEntropy(input, target, { weight: this.factors('weight'), reduction: this.reduction })
  }
}

/**
 * The loss of {@link binaryCrossEntropyWithLogits}. State keys, if given: `weight`, `pos_weight`. **It takes the tensors over.**
 * Follows `torch.nn.BCEWithLogitsLoss`.
 */
export class BCEWithLogitsLoss extends Loss {
  constructor(options?: BinaryCrossEntropyWithLogitsOptions)
  constructor(...given: readonly unknown[]) {
    const options = read<BinaryCrossEntropyWithLogitsOptions>('BCEWithLogitsLoss', given, {
      ...{ weight: 'name', reduction: 'keyword', posWeight: 'keyword' },
    })
    super(options)
    this.registerBuffer('weight', options.weight ?? null)
    this.registerBuffer('pos_weight', options.posWeight ?? null)
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    const { reduction } = this
    const factors = { weight: this.factors('weight'), posWeight: this.factors('pos_weight') }
    return binaryCrossEntropyWithLogits(input, target, { ...factors, reduction })
  }
}

/** The loss of {@link mseLoss}. Follows `torch.nn.MSELoss`. */
export class MSELoss extends Loss {
  constructor(options?: LossOptions)
  constructor(...given: readonly unknown[]) {
    super(read<LossOptions>('MSELoss', given, { reduction: 'keyword' }))
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return mseLoss(input, target, { reduction: this.reduction })
  }
}

/** The loss of {@link l1Loss}. Follows `torch.nn.L1Loss`. */
export class L1Loss extends Loss {
  constructor(options?: LossOptions)
  constructor(...given: readonly unknown[]) {
    super(read<LossOptions>('L1Loss', given, { reduction: 'keyword' }))
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return l1Loss(input, target, { reduction: this.reduction })
  }
}

/** The loss of {@link smoothL1Loss}. Follows `torch.nn.SmoothL1Loss`. */
export class SmoothL1Loss extends Loss {
  readonly beta: number

  constructor(options?: SmoothL1LossOptions)
  constructor(...given: readonly unknown[]) {
    const options = read<SmoothL1LossOptions>('SmoothL1Loss', given, { reduction: 'keyword', beta: 'keyword' })
    super(options)
    this.beta = checkNumber('beta', options.beta ?? 1)
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    const { beta, reduction } = this
    return smoothL1Loss(input, target, { beta, reduction })
  }
}

/** The loss of {@link huberLoss}. Follows `torch.nn.HuberLoss`. */
export class HuberLoss extends Loss {
  readonly delta: number

  constructor(options?: HuberLossOptions)
  constructor(...given: readonly unknown[]) {
    const options = read<HuberLossOptions>('HuberLoss', given, { reduction: 'name', delta: 'name' })
    super(options)
    this.delta = checkNumber('delta', options.delta ?? 1)
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    const { delta, reduction } = this
    return huberLoss(input, target, { delta, reduction })
  }
}

/** The loss of {@link klDiv}. Follows `torch.nn.KLDivLoss`. */
export class KLDivLoss extends Module {
  readonly reduction: KlDivReduction
  readonly logTarget: boolean

  constructor(options?: KlDivOptions)
  constructor(...given: readonly unknown[]) {
    super()
    const { reduction = 'mean', logTarget = false } = read<KlDivOptions>('KLDivLoss', given, {
      ...{ reduction: 'keyword', logTarget: 'keyword' },
    })
    this.reduction = checkOneOf('reduction', reduction, KL_DIV_REDUCTIONS)
    this.logTarget = checkBoolean('logTarget', logTarget)
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    const { logTarget, reduction } = this
    return klDiv(input, target, { logTarget, reduction })
  }
}

/** The loss of {@link cosineEmbeddingLoss}. Follows `torch.nn.CosineEmbeddingLoss`. */
export class CosineEmbeddingLoss extends Loss {
  readonly margin: number

  constructor(options?: CosineEmbeddingLossOptions)
  constructor(...given: readonly unknown[]) {
    const options = read<CosineEmbeddingLossOptions>('CosineEmbeddingLoss', given, {
      ...{ margin: 'name', reduction: 'keyword' },
    })
    super(options)
    this.margin = checkNumber('margin', options.margin ?? 0)
  }

  override forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    const { margin, reduction } = this
    return cosineEmbeddingLoss(input1, input2, target, { margin, reduction })
  }
}

/** The loss of {@link tripletMarginLoss}. Follows `torch.nn.TripletMarginLoss`. */
export class TripletMarginLoss extends Loss {
  readonly margin: number
  readonly p: number
  readonly eps: number
  readonly swap: boolean

  constructor(options?: TripletMarginLossOptions)
  constructor(...given: readonly unknown[]) {
    const options = read<TripletMarginLossOptions>('TripletMarginLoss', given, {
      ...{ margin: 'name', p: 'name', eps: 'name', swap: 'name', reduction: 'keyword' },
    })
    super(options)
    const { margin = 1, p = 2, eps = 1e-6, swap = false } = options
    this.margin = checkNumber('margin', margin)
    this.p = checkNumber('p', p)
    this.eps = checkNumber('eps', eps)
    this.swap = checkBoolean('swap', swap)
  }

  override forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    const { margin, p, eps, swap, reduction } = this
    return tripletMarginLoss(anchor, positive, negative, { margin, p, eps, swap, reduction })
  }
}

function read<T extends object>(
  name: string,
  given: readonly unknown[],
  optional: Readonly<Record<keyof T & string, Passing>>,
): T {
  return new Signature<T>(`new ${name}`, [], optional).read([], given)
}
