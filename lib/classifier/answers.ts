/** A class that an image may show. */
export interface Answer {
  /** Name of the class; null where nobody has named the classes. */
  readonly label: string | null
  /** Index of the class: of the model's output. */
  readonly index: number
  /** 0 to 1; those of all classes sum to 1. */
  readonly probability: number
}

/** Gives the most probable classes for the logits of an image, best first: of equal ones, the lower index. */
export function answersOf(logits: Float32Array, topK: number, labels: readonly string[] | null): Answer[] {
  const probabilities = softmax(logits)
  return largest(logits, topK).map((index) => {
    return { label: labels?.[index] ?? null, index, probability: probabilities[index] ?? NaN }
  })
}

/** Makes probabilities of logits, as `torch.softmax` does. */
export function softmax(logits: Float32Array): Float64Array {
  let most = -Infinity
  for (const logit of logits) most = Math.max(most, logit)
  const weights = new Float64Array(logits.length)
  let sum = 0
  for (let index = 0; index < weights.length; index++) {
    const weight = Math.exp((logits[index] ?? NaN) - most)
    weights[index] = weight
    sum += weight
  }
  for (let index = 0; index < weights.length; index++) weights[index] = (weights[index] ?? NaN) / sum
  return weights
}

/** Up to so many, those found so far are kept in order; a sort of thousands of classes would take longer than all the rest. */
const FEW = 32

/** Gives the indices of the `count` largest, the largest first. */
function largest(values: Float32Array, count: number): number[] {
  if (count > FEW) {
    const order = Array.from(values.keys())
    return order.sort((one, other) => (comesBefore(values, one, other) ? -1 : 1)).slice(0, count)
  }
  const found: number[] = []
  for (let index = 0; index < values.length; index++) {
    const last = found[count - 1]
    if (last !== undefined && !comesBefore(values, index, last)) continue
    let place = Math.min(found.length, count - 1)
    for (; place > 0 && comesBefore(values, index, found[place - 1] ?? 0); place--) found[place] = found[place - 1] ?? 0
    found[place] = index
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
