import type { DType } from '../util/dtype.js'
import { synchronousScope } from '../util/scope.js'
import { full } from '../tensor/creation.js'
import type { Generator } from '../tensor/random.js'
import type { Tensor } from '../tensor/tensor.js'

/** A normal distribution, and the bounds between which it is drawn. */
export interface TruncatedNormal {
  readonly mean: number
  readonly std: number
  readonly a: number
  readonly b: number
  readonly generator: Generator | undefined
}

/** Share of the distribution between the bounds above which draws outside them are few enough to repeat. */
const MIN_SHARE = 0.3

/** Fills a tensor from a truncated normal distribution, with the draws of `torch.nn.init.trunc_normal_` in their order. */
export function drawTruncated(tensor: Tensor, normal: TruncatedNormal): void {
  const { mean, std, a, b } = normal
  synchronousScope(() => {
    const share = shareBelow((b - mean) / std) - shareBelow((a - mean) / std)
    if (share > MIN_SHARE) drawAgain(tensor, normal)
    else acceptOrReject(tensor, normal)
  })
}

/** Draws from the whole distribution, and again in the places of what lies outside. */
function drawAgain(tensor: Tensor, { mean, std, a, b, generator }: TruncatedNormal): void {
  // As the tensor's dtype holds them.
  const [lo, hi] = [a, b].map((bound) => Number(full<DType>([], bound, { dtype: tensor.dtype }).item()))
  tensor.normal_(mean, std, { generator })
  for (;;) {
    const isOutside = tensor.lt(lo ?? a).logicalOr(tensor.gt(hi ?? b))
    if (isOutside.any().item() === false) return
    tensor.copy_(tensor.clone().normal_(mean, std, { generator }).where(isOutside, tensor))
  }
}

/** Draws evenly between the bounds, and accepts a draw as often as the density at it says. */
function acceptOrReject(tensor: Tensor, { mean, std, a, b, generator }: TruncatedNormal): void {
  const mode = Math.max(a, Math.min(mean, b))
  const peak = -0.5 * ((mode - mean) / std) ** 2
  const isRejected = (drawn: Tensor): Tensor => {
    const density = drawn.sub(mean).div(std).pow(2).mul(-0.5).sub(peak)
    return drawn.clone().uniform_(0, 1, { generator }).log().gt(density)
  }

  tensor.uniform_(a, b, { generator })
  let pending = isRejected(tensor)
  while (pending.any().item() === true) {
    const drawn = tensor.clone().uniform_(a, b, { generator })
    tensor.copy_(drawn.where(pending, tensor))
    pending = pending.logicalAnd(isRejected(drawn))
  }
}

/** Share of the standard normal distribution below `x`. */
function shareBelow(x: number): number {
  return (1 + erf(x / Math.SQRT2)) / 2
}

/** The error function within 1.5e-7: Abramowitz and Stegun, 7.1.26. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x))
  const tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
  return Math.sign(x) * (1 - tail * Math.exp(-x * x))
}
