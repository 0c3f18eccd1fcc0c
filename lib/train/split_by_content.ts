import { SeededRandom } from './random.js'

/** Indices of the samples that train and of those that measure. */
export interface Split {
  readonly train: readonly number[]
  readonly validation: readonly number[]
}

/** What is known of each sample: -1 stands for the label of one that is left out. */
export interface SplitFacts {
  readonly labels: readonly number[]
  /** Equal for samples whose content is. */
  readonly contents: readonly string[]
}

/**
 * Takes `share` of each class for validation, at least one sample of it and at most all but one. Samples of one content stay together:
 * where one trains, no copy of it measures.
 */
export function splitByContent({ labels, contents }: SplitFacts, share: number, seed: number): Split {
  const classes = new Map<number, Map<string, number[]>>()
  labels.forEach((label, index) => {
    if (label < 0) return
    const groups = classes.get(label) ?? new Map<string, number[]>()
    classes.set(label, groups)
    const content = contents[index] ?? String(index)
    groups.set(content, [...(groups.get(content) ?? []), index])
  })
  const train: number[] = []
  const validation: number[] = []
  for (const [label, groups] of classes) {
    const shuffled = new SeededRandom(seed, label).shuffled([...groups.values()])
    const count = Math.max(1, Math.min(shuffled.length - 1, Math.round(shuffled.length * share)))
    const measured = shuffled.length === 1 ? 0 : count
    validation.push(...shuffled.slice(0, measured).flat())
    train.push(...shuffled.slice(measured).flat())
  }
  const ascending = (a: number, b: number): number => a - b
  return { train: train.sort(ascending), validation: validation.sort(ascending) }
}
