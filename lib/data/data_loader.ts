import { checkSignal } from '../util/abort.js'
import { checkBoolean, checkOptions, checkPositiveInteger, expected } from '../util/check.js'
import { stack, tensor } from '../tensor/creation.js'
import { TensorBase } from '../tensor/handle.js'
import { drawSeed } from '../tensor/sampling.js'
import { generatorHandleOf, type Generator } from '../tensor/random.js'
import type { Tensor } from '../tensor/tensor.js'
import { Dataset, type Sample } from '../vision/dataset.js'
import type { Image } from '../vision/image.js'
import { loadBatches } from '../vision/load_batches.js'
import { passOn, stackImages, transformed, type TransformedSample } from '../vision/transformed.js'
import type { Transform } from '../vision/transforms.js'
import type { IndexedDataset } from './indexed_dataset.js'
import { BatchSampler, checkSampler, RandomSampler, SequentialSampler, type Sampler } from './sampler.js'

/** Transformed images of a dataset, side by side; the consumer disposes both tensors. */
export interface LoadedBatch {
  /** (N, C, H, W). */
  readonly images: Tensor
  /** int64 (N): index of each image's class in `classes`. */
  readonly labels: Tensor<'int64'>
  /** Index of each image in the dataset. */
  readonly indices: readonly number[]
}

/** What a loader makes of a sample before it joins some to a batch: it transforms images. */
export type LoadedSample<S> = S extends Sample ? TransformedSample : S

/** What a loader makes of samples without a `collateFn`. */
export type CollatedBatch<S> = S extends Sample ? LoadedBatch : S extends readonly Tensor[] ? Tensor[] : readonly S[]

/** Options of {@link DataLoader}; names and defaults are PyTorch's where it has them. */
export interface DataLoaderOptions<S, B> {
  /** Applied to each image of a labeled dataset, which needs it; must give tensors of one shape. */
  readonly transform?: (S extends Sample ? Transform<Image, Tensor> : undefined) | undefined
  /** Default: `1`. */
  readonly batchSize?: number | undefined
  /** Whether each pass has an order of its own, by chance. Default: `false`. */
  readonly shuffle?: boolean | undefined
  /** Gives the indices of samples. Default: all in order, or by chance with `shuffle`. */
  readonly sampler?: Sampler | undefined
  /** Gives the indices of batches, in place of `batchSize`, `shuffle`, `sampler` and `dropLast`. */
  readonly batchSampler?: Sampler<readonly number[]> | undefined
  /** Whether a last batch that is smaller is left out. Default: `false`. */
  readonly dropLast?: boolean | undefined
  /** Joins samples to a batch. Tensors that it does not give back are its own to dispose. Default: stacks tensors. */
  readonly collateFn?: ((samples: readonly LoadedSample<S>[], indices: readonly number[]) => B) | undefined
  /** Where the order comes from. Default: the generator of the process, which `manualSeed` seeds. */
  readonly generator?: Generator | undefined
  /** Samples that are read at a time, on threads. Default: `4`, the threads of Node's pool. */
  readonly concurrency?: number | undefined
  /** Ends a pass with its reason. */
  readonly signal?: AbortSignal | undefined
  /** Called for each sample that cannot be read or transformed; its batch goes on without it. Default: the pass ends with the error. */
  readonly onError?: ((error: unknown, index: number) => void) | undefined
}

/**
 * Gives the samples of a dataset batch by batch, in an order by chance if it is to; each `for await` is one pass over it. Samples are
 * read ahead on threads while the consumer works on a batch.
 *
 * The order, and what random transforms draw, are those of a loop in Python with `num_workers=0` after the same seed: a transform draws
 * in the order of the samples, when their batch is asked for. Follows `torch.utils.data.DataLoader`.
 *
 * @example
 * const loader = new DataLoader(await ImageFolder.open('photos'), { transform, batchSize: 32, shuffle: true })
 * for await (const { images, labels } of loader) { … }
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if options exclude each other, or labeled images have no transform.
 */
export class DataLoader<S, B = CollatedBatch<S>> implements AsyncIterable<B> {
  readonly dataset: IndexedDataset<S>
  readonly batchSampler: Sampler<readonly number[]>
  readonly #options: DataLoaderOptions<S, B>

  constructor(dataset: IndexedDataset<S>, options: DataLoaderOptions<S, B> = {}) {
    checkOptions(
      'DataLoader',
      options,
      [
        ...(['transform', 'batchSize', 'shuffle', 'sampler', 'batchSampler', 'dropLast', 'collateFn'] as const),
        ...(['generator', 'concurrency', 'signal', 'onError'] as const),
      ],
      'batchSize',
    )
    const isDataset: boolean = typeof dataset === 'object' && dataset !== null && typeof dataset.get === 'function'
    if (!isDataset) throw expected('an object with length and get()', 'dataset', dataset)
    const { transform, collateFn, onError, concurrency = 4, signal, generator } = options
    checkPositiveInteger('concurrency', concurrency)
    checkSignal(signal)
    generatorHandleOf(generator)
    for (const [name, value] of Object.entries({ collateFn, onError })) {
      if (value !== undefined && typeof value !== 'function') throw expected('a function', name, value)
    }
    if (dataset instanceof Dataset && typeof transform?.apply !== 'function') {
      throw expected('a transform that makes tensors of the images', 'transform', transform)
    }
    this.dataset = dataset
    this.batchSampler = batchSamplerOf(dataset, options)
    this.#options = options
  }

  /** Number of batches. */
  get length(): number {
    return this.batchSampler.length
  }

  [Symbol.asyncIterator](): AsyncGenerator<B, void, undefined> {
    const { generator, concurrency = 4, signal, onError, transform } = this.#options
    // PyTorch draws one here for its workers, which it may not have.
    drawSeed(generator)
    const lookahead = this.#options.batchSampler === undefined ? (this.#options.batchSize ?? 1) : concurrency
    const pace = { batches: this.batchSampler, concurrency, lookahead, signal, onError }
    const collate = this.#options.collateFn ?? collated

    if (this.dataset instanceof Dataset && transform !== undefined) {
      const dataset: Dataset = this.dataset
      return loadBatches({
        ...pace,
        ...transformed(async (index) => dataset.get(index), transform, pace),
        join: (samples, indices) => collate(samples as readonly LoadedSample<S>[], indices) as B,
      })
    }
    return loadBatches({
      ...pace,
      read: async (index) => this.dataset.get(index),
      finish: passOn<S>,
      join: (samples, indices) => collate(samples as readonly LoadedSample<S>[], indices) as B,
      discard: disposeTensors,
    })
  }
}

function batchSamplerOf<S, B>(
  dataset: IndexedDataset<S>,
  { batchSampler, batchSize, shuffle, sampler, dropLast, generator }: DataLoaderOptions<S, B>,
): Sampler<readonly number[]> {
  if (batchSampler !== undefined) {
    const other = Object.entries({ batchSize, shuffle, sampler, dropLast }).find(([, value]) => value !== undefined)
    if (other !== undefined) throw expected('nothing beside batchSampler', other[0], other[1])
    return checkSampler('batchSampler', batchSampler)
  }
  checkBoolean('shuffle', shuffle ?? false)
  if (sampler !== undefined && shuffle === true) throw expected('false beside a sampler', 'shuffle', shuffle)
  const order =
    sampler ?? (shuffle === true ? new RandomSampler(dataset, { generator }) : new SequentialSampler(dataset))
  return new BatchSampler(order, { batchSize: batchSize ?? 1, dropLast: dropLast ?? false })
}

/** Joins samples as PyTorch does: labeled images, rows of tensors; samples of another kind stay an array. */
function collated(samples: readonly unknown[], indices: readonly number[]): unknown {
  const [first] = samples
  if (isTensors(first)) {
    const rows = samples as readonly (readonly Tensor[])[]
    const columns = first.map((_, column) => rows.flatMap((row) => row[column] ?? []))
    const batch = columns.map((tensors) => stack(tensors))
    rows.forEach(disposeTensors)
    return batch
  }
  if (!isLabeled(first)) return samples
  const images = samples as readonly TransformedSample[]
  const labels = images.map(({ label }) => label)
  const stacked = stackImages(images)
  return { images: stacked, labels: tensor(labels, { dtype: 'int64' }), indices }
}

function isTensors(sample: unknown): sample is readonly Tensor[] {
  return Array.isArray(sample) && sample.length > 0 && sample.every((value) => value instanceof TensorBase)
}

function isLabeled(sample: unknown): sample is TransformedSample {
  return typeof sample === 'object' && sample !== null && 'image' in sample && sample.image instanceof TensorBase
}

function disposeTensors(sample: unknown): void {
  if (isTensors(sample)) sample.forEach((tensor) => tensor.dispose())
}
