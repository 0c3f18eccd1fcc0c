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
  // NaN comes first, as in torch.topk: a broken model must not look like a good one.
  const rank = (index: number): number => {
    const logit = logits[index] ?? NaN
    return Number.isNaN(logit) ? Infinity : logit
  }
  const order = Array.from(logits.keys()).sort((one, other) => Math.sign(rank(other) - rank(one)) || one - other)
  return order.slice(0, topK).map((index) => {
    return { label: labels?.[index] ?? null, index, probability: probabilities[index] ?? NaN }
  })
}

function softmax(logits: Float32Array): Float64Array {
  const largest = logits.reduce((most, logit) => Math.max(most, logit), -Infinity)
  const weights = Float64Array.from(logits, (logit) => Math.exp(logit - largest))
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map((weight) => weight / sum)
}
