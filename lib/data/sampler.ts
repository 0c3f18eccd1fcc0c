import { checkBoolean, checkOptions, checkPositiveInteger, expected, isIntegerArray } from '../util/check.js'
import { synchronousScope } from '../util/scope.js'
import { randint, tensor } from '../tensor/creation.js'
import { generatorHandleOf, Generator } from '../tensor/random.js'
import { drawSeed, multinomial, randperm } from '../tensor/sampling.js'
import type { Tensor } from '../tensor/tensor.js'

/** Gives the indices of samples in an order, anew for each pass over a dataset. Write your own as an iterable with a length. */
export interface Sampler<T = number> extends Iterable<T> {
  /** How many it gives. */
  readonly length: number
}

/** What has samples: a dataset, or an array. */
export interface Sized {
  readonly length: number
}

/** Options of {@link SubsetRandomSampler}. */
export interface GeneratorOption {
  /** Default: the generator of the process, which `manualSeed` seeds. */
  readonly generator?: Generator | undefined
}

/** Options of {@link RandomSampler}. */
export interface RandomSamplerOptions extends GeneratorOption {
  /** Whether a sample may be drawn again. Default: `false`. */
  readonly replacement?: boolean | undefined
  /** How many samples are drawn. Default: as many as there are. */
  readonly numSamples?: number | null | undefined
}

/** Options of {@link WeightedRandomSampler}. */
export interface WeightedRandomSamplerOptions extends GeneratorOption {
  /** Whether a sample may be drawn again. Default: `true`. */
  readonly replacement?: boolean | undefined
}

/** Options of {@link BatchSampler}; PyTorch requires both. */
export interface BatchSamplerOptions {
  readonly batchSize: number
  /** Whether a last batch that is smaller is left out. */
  readonly dropLast: boolean
}

/** Gives all indices in order. Follows `torch.utils.data.SequentialSampler`. */
export class SequentialSampler implements Sampler {
  readonly dataSource: Sized

  constructor(dataSource: Sized) {
    this.dataSource = checkSized('dataSource', dataSource)
  }

  get length(): number {
    return this.dataSource.length
  }

  *[Symbol.iterator](): Generator_<number> {
    for (let index = 0; index < this.dataSource.length; index++) yield index
  }
}

/**
 * Gives all indices in an order by chance, or draws some with replacement: those that PyTorch draws from the same seed. Follows
 * `torch.utils.data.RandomSampler`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if there is no sample, or `numSamples` is not a positive integer.
 */
export class RandomSampler implements Sampler {
  readonly dataSource: Sized
  readonly replacement: boolean
  readonly generator: Generator | undefined
  readonly #numSamples: number | null

  constructor(dataSource: Sized, options: RandomSamplerOptions = {}) {
    checkOptions('RandomSampler', options, ['replacement', 'numSamples', 'generator'], 'replacement')
    const { replacement = false, numSamples = null, generator } = options
    generatorHandleOf(generator)
    this.dataSource = checkSized('dataSource', dataSource)
    this.replacement = checkBoolean('replacement', replacement)
    this.generator = generator
    this.#numSamples = numSamples
    checkPositiveInteger('numSamples', this.length)
    if (dataSource.length === 0) throw expected('at least one sample', 'dataSource', dataSource)
  }

  get length(): number {
    return this.#numSamples ?? this.dataSource.length
  }

  *[Symbol.iterator](): Generator_<number> {
    const generator = this.generator ?? new Generator({ seed: drawSeed() })
    const { length: count } = this.dataSource
    const { length: wanted, replacement } = this
    if (count === 0) throw expected('at least one sample', 'dataSource', this.dataSource)
    if (replacement) {
      yield* indicesOf(() => randint(0, count, [wanted], { generator }))
      return
    }
    let left = wanted
    for (; left >= count; left -= count) yield* indicesOf(() => randperm(count, { generator }))
    // PyTorch draws an order for the rest even where none is left, which changes what the generator gives next.
    yield* indicesOf(() => randperm(count, { generator })).slice(0, left)
  }
}

/** Gives some indices in an order by chance. Follows `torch.utils.data.SubsetRandomSampler`. */
export class SubsetRandomSampler implements Sampler {
  readonly indices: readonly number[]
  readonly generator: Generator | undefined

  constructor(indices: readonly number[], options: GeneratorOption = {}) {
    checkOptions('SubsetRandomSampler', options, ['generator'], 'generator')
    if (!isIntegerArray(indices)) throw expected('an array of integers', 'indices', indices)
    generatorHandleOf(options.generator)
    this.indices = indices
    this.generator = options.generator
  }

  get length(): number {
    return this.indices.length
  }

  *[Symbol.iterator](): Generator_<number> {
    const { indices, generator } = this
    for (const place of indicesOf(() => randperm(indices.length, { generator }))) yield indices[place] ?? 0
  }
}

/**
 * Draws indices, each with a probability in proportion to its weight. Follows `torch.utils.data.WeightedRandomSampler`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if a weight is negative or not finite, or more indices are to be drawn without
 * replacement than there are.
 */
export class WeightedRandomSampler implements Sampler {
  readonly weights: readonly number[]
  readonly numSamples: number
  readonly replacement: boolean
  readonly generator: Generator | undefined

  constructor(weights: readonly number[], numSamples: number, options: WeightedRandomSamplerOptions = {}) {
    checkOptions('WeightedRandomSampler', options, ['replacement', 'generator'], 'replacement')
    const { replacement = true, generator } = options
    generatorHandleOf(generator)
    const isList: boolean = Array.isArray(weights)
    if (!isList || weights.length === 0 || !weights.every((weight) => Number.isFinite(weight) && weight >= 0)) {
      throw expected('an array of non-negative numbers', 'weights', weights)
    }
    this.weights = weights
    this.numSamples = checkPositiveInteger('numSamples', numSamples)
    this.replacement = checkBoolean('replacement', replacement)
    this.generator = generator
    if (!replacement && numSamples > weights.length) {
      throw expected(`at most ${weights.length}, the number of weights,`, 'numSamples', numSamples)
    }
  }

  get length(): number {
    return this.numSamples
  }

  *[Symbol.iterator](): Generator_<number> {
    const { weights, numSamples, replacement, generator } = this
    yield* indicesOf(() => multinomial(tensor(weights, { dtype: 'float64' }), numSamples, { replacement, generator }))
  }
}

/** Gives the indices of another sampler batch by batch. Follows `torch.utils.data.BatchSampler`. */
export class BatchSampler implements Sampler<readonly number[]> {
  readonly sampler: Sampler
  readonly batchSize: number
  readonly dropLast: boolean

  constructor(sampler: Sampler, options: BatchSamplerOptions) {
    checkOptions('BatchSampler', options, ['batchSize', 'dropLast'], 'batchSize')
    this.sampler = checkSampler('sampler', sampler)
    this.batchSize = checkPositiveInteger('batchSize', options.batchSize)
    this.dropLast = checkBoolean('dropLast', options.dropLast)
  }

  get length(): number {
    const batches = this.sampler.length / this.batchSize
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches)
  }

  *[Symbol.iterator](): Generator_<readonly number[]> {
    let batch: number[] = []
    for (const index of this.sampler) {
      batch.push(index)
      if (batch.length < this.batchSize) continue
      yield batch
      batch = []
    }
    if (batch.length > 0 && !this.dropLast) yield batch
  }
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` can be iterated and has a length. */
export function checkSampler<S extends Sampler<unknown>>(name: string, value: S): S {
  const isIterable: boolean = typeof value === 'object' && value !== null && Symbol.iterator in value
  if (!isIterable) throw expected('an iterable with a length', name, value)
  return checkSized(name, value)
}

/** What `*[Symbol.iterator]` gives: the name of PyTorch's generators of random numbers is taken. */
type Generator_<T> = globalThis.Generator<T, void, undefined>

function checkSized<S extends Sized>(name: string, value: S): S {
  const length: unknown = typeof value === 'object' && value !== null ? value.length : undefined
  if (!Number.isSafeInteger(length) || Number(length) < 0) throw expected('an object with a length', name, value)
  return value
}

function indicesOf(draw: () => Tensor<'int64'>): number[] {
  return synchronousScope(() => Array.from(draw().toArray(), Number))
}
