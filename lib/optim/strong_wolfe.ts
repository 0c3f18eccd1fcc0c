import type { Tensor } from '../tensor/tensor.js'

/** What was found a step along a direction. */
export interface LossAlong {
  readonly step: number
  readonly loss: number
  /** Of all parameters in one row. */
  readonly gradient: Tensor
  /** The gradient along the direction. */
  readonly slope: number
}

/** When to give up. */
interface Limits {
  readonly toleranceChange: number
  readonly maxEvaluations: number
}

// The conditions of Wolfe: the loss falls by a share of what its slope promises, and the slope by a share of itself.
const C1 = 1e-4
const C2 = 0.9

/**
 * Searches along a direction for a step after which the loss has fallen far enough and is about to rise: lswolfe.lua of Torch 7, as
 * `torch.optim.LBFGS` has it.
 *
 * @param size Largest element of the direction.
 */
export function strongWolfe(
  along: (step: number) => LossAlong,
  start: LossAlong,
  firstStep: number,
  size: number,
  { toleranceChange, maxEvaluations }: Limits,
): { readonly found: LossAlong; readonly evaluations: number } {
  const isTooHigh = ({ loss, step }: LossAlong): boolean => loss > start.loss + C1 * step * start.slope
  const isFlat = ({ slope }: LossAlong): boolean => Math.abs(slope) <= -C2 * start.slope
  let previous = start
  let current = along(firstStep)
  let evaluations = 1
  let iteration = 0
  let isDone = false
  let bracket: LossAlong[] | null = null
  while (iteration < maxEvaluations) {
    if (isTooHigh(current) || (iteration > 1 && current.loss >= previous.loss)) bracket = [previous, current]
    else if (isFlat(current)) {
      bracket = [current]
      isDone = true
    } else if (current.slope >= 0) bracket = [previous, current]
    if (bracket !== null) break
    const { step } = current
    const next = cubicMinimum(previous, current, [step + 0.01 * (step - previous.step), step * 10])
    previous = current
    current = along(next)
    evaluations++
    iteration++
  }
  bracket ??= [start, current]

  let [low, high] = lowest(bracket)
  let isStuck = false
  while (!isDone && iteration < maxEvaluations) {
    const ends = [low.step, high.step]
    const [least, most] = [Math.min(...ends), Math.max(...ends)]
    if ((most - least) * size < toleranceChange) break
    let step = cubicMinimum(bracket[0] ?? low, bracket[1] ?? high)
    const margin = 0.1 * (most - least)
    if (Math.min(most - step, step - least) < margin) {
      // Near an end of the bracket: stay away from it where that happens a second time.
      if (isStuck || step >= most || step <= least) {
        step = Math.abs(step - most) < Math.abs(step - least) ? most - margin : least + margin
        isStuck = false
      } else isStuck = true
    } else isStuck = false

    const found = along(step)
    evaluations++
    iteration++
    const highPlace = bracket.indexOf(high)
    const lowPlace = bracket.indexOf(low)
    if (isTooHigh(found) || found.loss >= low.loss) {
      bracket[highPlace] = found
      ;[low, high] = lowest(bracket)
    } else {
      if (isFlat(found)) isDone = true
      else if (found.slope * (high.step - low.step) >= 0) {
        bracket[highPlace] = low
        high = low
      }
      bracket[lowPlace] = found
      low = found
    }
  }
  return { found: low, evaluations }
}

/** Which end of a bracket has the lower loss; the first of two alike. */
function lowest(bracket: readonly LossAlong[]): [low: LossAlong, high: LossAlong] {
  const [first, last] = [bracket[0], bracket.at(-1)]
  if (first === undefined || last === undefined) throw new RangeError('A bracket has ends')
  return first.loss <= last.loss ? [first, last] : [last, first]
}

/** Where the cubic through two points with these slopes is least, within the bounds: polyinterp.lua of Torch 7. */
function cubicMinimum(a: LossAlong, b: LossAlong, bounds?: readonly [number, number]): number {
  const [least, most] = bounds ?? [Math.min(a.step, b.step), Math.max(a.step, b.step)]
  const d1 = a.slope + b.slope - (3 * (a.loss - b.loss)) / (a.step - b.step)
  const square = d1 ** 2 - a.slope * b.slope
  if (!(square >= 0)) return (least + most) / 2
  const d2 = Math.sqrt(square)
  const minimum =
    a.step <= b.step
      ? b.step - (b.step - a.step) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
      : a.step - (a.step - b.step) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2 * d2))
  return Math.min(Math.max(minimum, least), most)
}
