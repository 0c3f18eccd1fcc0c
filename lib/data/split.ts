import { checkOptions, expected } from '../util/check.js'
import { synchronousScope } from '../util/scope.js'
import { generatorHandleOf } from '../tensor/random.js'
import { randperm } from '../tensor/sampling.js'
import type { Dataset } from '../vision/dataset.js'
import type { GeneratorOption } from './sampler.js'
import { checkDataset, Subset } from './subset.js'

/** The parts of a dataset, one for each length. */
export type DatasetParts<L extends readonly number[]> = { -readonly [Part in keyof L]: Subset }

/** How far a sum of fractions may lie from 1: that of Python's `math.isclose`. */
const RELATIVE_TOLERANCE = 1e-9

/**
 * Splits a dataset by chance into parts of some lengths, or of fractions that sum to 1: those that PyTorch makes from the same seed.
 * What fractions leave over goes to the first parts, one each. Follows `torch.utils.data.random_split`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the lengths do not sum to that of the dataset, nor to 1.
 */
export function randomSplit<const L extends readonly number[]>(
  dataset: Dataset,
  lengths: L,
  options: GeneratorOption = {},
): DatasetParts<L> {
  checkOptions('randomSplit()', options, ['generator'], 'generator')
  checkDataset('dataset', dataset)
  const counts = countsOf(dataset.length, lengths)
  const order = shuffled(dataset.length, options)
  return cut(order, counts).map((indices) => new Subset(dataset, indices)) as DatasetParts<L>
}

/**
 * Splits a dataset by chance into parts that each hold their fraction of every class, as nearly as whole samples allow: a part is off by
 * less than one sample a class. Each part is in the order of the dataset. Needs no more than the labels.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the fractions do not sum to 1.
 */
export async function stratifiedSplit<const L extends readonly number[]>(
  dataset: Dataset,
  fractions: L,
  options: GeneratorOption = {},
): Promise<DatasetParts<L>> {
  checkOptions('stratifiedSplit()', options, ['generator'], 'generator')
  generatorHandleOf(options.generator)
  checkDataset('dataset', dataset)
  if (!areFractions(fractions)) throw expected('fractions from 0 to 1 that sum to 1', 'fractions', fractions)

  const members = new Map<number, number[]>()
  for (let index = 0; index < dataset.length; index++) {
    const label = await dataset.label(index)
    const known = members.get(label)
    if (known === undefined) members.set(label, [index])
    else known.push(index)
  }
  const parts = fractions.map((): number[] => [])
  // What a class leaves over goes where the parts have fallen behind most in all classes so far.
  const owed = fractions.map(() => 0)
  for (const [, indices] of [...members].sort(([a], [b]) => a - b)) {
    const order = shuffled(indices.length, options).map((place) => indices[place] ?? 0)
    const counts = fractions.map((fraction) => Math.floor(order.length * fraction + RELATIVE_TOLERANCE))
    fractions.forEach(
      (fraction, part) => (owed[part] = (owed[part] ?? 0) + order.length * fraction - (counts[part] ?? 0)),
    )
    const neediest = [...owed.keys()].sort((a, b) => (owed[b] ?? 0) - (owed[a] ?? 0))
    for (const part of neediest.slice(0, order.length - sum(counts))) {
      counts[part] = (counts[part] ?? 0) + 1
      owed[part] = (owed[part] ?? 0) - 1
    }
    cut(order, counts).forEach((chosen, part) => parts[part]?.push(...chosen))
  }
  for (const part of parts) part.sort((a, b) => a - b)
  return parts.map((indices) => new Subset(dataset, indices)) as DatasetParts<L>
}

function countsOf(total: number, lengths: readonly number[]): readonly number[] {
  const isList: boolean = Array.isArray(lengths)
  if (!isList || lengths.length === 0) throw expected('an array of lengths or fractions', 'lengths', lengths)
  if (areFractions(lengths)) {
    const counts = lengths.map((fraction) => Math.floor(total * fraction))
    const left = total - sum(counts)
    return counts.map((count, part) => count + Math.floor((left + lengths.length - 1 - part) / lengths.length))
  }
  if (!lengths.every((length) => Number.isSafeInteger(length) && length >= 0) || sum(lengths) !== total) {
    throw expected(`lengths that sum to ${total}, or fractions that sum to 1,`, 'lengths', lengths)
  }
  return lengths
}

function areFractions(values: readonly number[]): boolean {
  const isList: boolean = Array.isArray(values)
  if (!isList || !values.every((value) => typeof value === 'number' && value >= 0 && value <= 1)) return false
  const all = sum(values)
  return all <= 1 && 1 - all <= RELATIVE_TOLERANCE
}

function shuffled(count: number, options: GeneratorOption): number[] {
  return synchronousScope(() => Array.from(randperm(count, options).toArray(), Number))
}

function cut(order: readonly number[], counts: readonly number[]): number[][] {
  let start = 0
  return counts.map((count) => order.slice(start, (start += count)))
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
