import type { OutputActivation } from '../vision/activations.js'

/** A class that an image may show. */
export interface Prediction {
  /** Name of the class; null where the classes have no names. */
  readonly label: string | null
  /** Index of the class among the outputs of the model. */
  readonly index: number
  /** 0 to 1; with `softmax` the probabilities of all classes sum to 1, with `sigmoid` each stands for itself. */
  readonly probability: number
}

/** How logits become predictions. */
export interface PredictionOptions {
  readonly topK: number
  readonly labels: readonly string[] | null
  readonly activation: OutputActivation
}

/** Gives the `topK` most probable classes for the logits of an image, best first; of equal ones, the lower index first. */
export function predictionsOf(logits: Float32Array, { topK, labels, activation }: PredictionOptions): Prediction[] {
  const probabilities = probabilitiesOf(logits, activation)
  return largest(logits, topK).map((index) => {
    return { label: labels?.[index] ?? null, index, probability: probabilities[index] ?? NaN }
  })
}

/** Turns logits into probabilities, as `torch.softmax` or `torch.sigmoid` does. */
export function probabilitiesOf(logits: Float32Array, activation: OutputActivation): Float64Array {
  return activation === 'softmax' ? softmax(logits) : Float64Array.from(logits, (logit) => 1 / (1 + Math.exp(-logit)))
}

/** Turns logits into probabilities, as `torch.softmax` does. */
function softmax(logits: Float32Array): Float64Array {
  let max = -Infinity
  for (const logit of logits) max = Math.max(max, logit)
  const weights = new Float64Array(logits.length)
  let sum = 0
  for (let index = 0; index < weights.length; index++) {
    const weight = Math.exp((logits[index] ?? NaN) - max)
    weights[index] = weight
    sum += weight
  }
  for (let index = 0; index < weights.length; index++) weights[index] = (weights[index] ?? NaN) / sum
  return weights
}

/** Up to this many are found by insertion; sorting thousands of classes would take longer than all the rest. */
const MAX_INSERTED = 32

/** Gives the indices of the `count` largest, the largest first. */
function largest(values: Float32Array, count: number): number[] {
  if (count > MAX_INSERTED) {
    const order = Array.from(values.keys())
    return order.sort((one, other) => (comesBefore(values, one, other) ? -1 : 1)).slice(0, count)
  }
  const found: number[] = []
  for (let index = 0; index < values.length; index++) {
    const last = found[count - 1]
    if (last !== undefined && !comesBefore(values, index, last)) continue
    let position = Math.min(found.length, count - 1)
    for (; position > 0 && comesBefore(values, index, found[position - 1] ?? 0); position--) {
      found[position] = found[position - 1] ?? 0
    }
    found[position] = index
  }
  return found
}

/** NaN comes first, as in torch.topk: a broken model must not look like a good one. */
function comesBefore(values: Float32Array, one: number, other: number): boolean {
  const [first = NaN, second = NaN] = [values[one], values[other]]
  if (first > second) return true
  if (first < second) return false
  const isFirstNaN = Number.isNaN(first)
  return isFirstNaN === Number.isNaN(second) ? one < other : isFirstNaN
}
