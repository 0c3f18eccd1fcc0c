import { checkNonNegativeInteger, checkOptions, checkPositiveInteger, expected } from '../util/check.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Image } from './image.js'
import { loadBatches } from './load_batches.js'
import { passOn, stackImages, transformed } from './transformed.js'
import type { Transform } from './transforms.js'

/** An image of a dataset and its class. */
export interface Sample {
  readonly image: Image
  /** Index of the class in `classes`. */
  readonly label: number
}

/** Samples of a dataset, side by side. */
export interface Batch<Images> {
  /** A tensor (N, C, H, W) if there was a transform, which the consumer disposes; else the images as they are. */
  readonly images: Images
  /** Index of each image's class in `classes`. */
  readonly labels: readonly number[]
  /** Index of each image in the dataset. */
  readonly indices: readonly number[]
}

/** Options of {@link Dataset.batches}. */
export interface BatchOptions {
  /** Default: `32`; the last batch may be smaller. */
  readonly batchSize?: number | undefined
  /** Images that are decoded and transformed at a time. Default: `4`, the threads of Node's pool. */
  readonly concurrency?: number | undefined
  /** Ends the iteration with its reason. */
  readonly signal?: AbortSignal | undefined
  /**
   * Called for each sample that cannot be read or transformed, in order; the batch goes on without it. Default: the iteration ends with
   * the error.
   */
  readonly onError?: ((error: unknown, index: number) => void) | undefined
}

/** Options of {@link Dataset.batches} that make tensors. */
export interface TransformedBatchOptions extends BatchOptions {
  /** Applied to each image; must give tensors of one shape. */
  readonly transform: Transform<Image, Tensor>
}

/** Labeled images in a fixed order, which are read when they are asked for. */
export abstract class Dataset {
  /** Names of the classes, in the order of their indices. */
  abstract readonly classes: readonly string[]
  /** Number of samples. */
  abstract readonly length: number

  /** Reads a sample. */
  async get(index: number): Promise<Sample> {
    if (checkNonNegativeInteger('index', index) >= this.length) {
      throw expected(`an index below ${this.length}`, 'index', index)
    }
    return this.read(index)
  }

  /**
   * Reads all samples in order, batch by batch. The images of the next batch are read, decoded and transformed while
   * the consumer works on one; they run ahead by a batch at most.
   */
  batches(options: TransformedBatchOptions): AsyncGenerator<Batch<Tensor>, void, undefined>
  batches(options?: BatchOptions & { readonly transform?: undefined }): AsyncGenerator<Batch<Image[]>, void, undefined>
  batches(
    options: BatchOptions & { readonly transform?: Transform<Image, Tensor> | undefined } = {},
  ): AsyncGenerator<Batch<Tensor | Image[]>, void, undefined> {
    checkOptions('batches()', options, ['batchSize', 'concurrency', 'signal', 'transform', 'onError'])
    const { batchSize = 32, concurrency = 4, transform, signal, onError } = options
    checkPositiveInteger('batchSize', batchSize)
    checkPositiveInteger('concurrency', concurrency)
    const batches = inOrder(this.length, batchSize)
    const pace = { batches, concurrency, lookahead: batchSize, signal, onError }

    if (transform === undefined) {
      return loadBatches({
        ...pace,
        read: async (index) => this.read(index),
        finish: passOn<Sample>,
        join: (samples, indices) => batchOf(samples, indices, (images) => images.map(({ image }) => image)),
        discard: () => undefined,
      })
    }
    return loadBatches({
      ...pace,
      ...transformed(async (index) => this.read(index), transform, pace),
      join: (samples, indices) => batchOf(samples, indices, stackImages),
    })
  }

  /** Gives the label of a sample, without reading its image where the dataset knows it. */
  async label(index: number): Promise<number> {
    return (await this.get(index)).label
  }

  /** Reads the sample at an index that is known to exist. */
  protected abstract read(index: number): Promise<Sample>
}

function batchOf<S extends { readonly label: number }, Images>(
  samples: readonly S[],
  indices: readonly number[],
  join: (samples: readonly S[]) => Images,
): Batch<Images> {
  return { images: join(samples), labels: samples.map(({ label }) => label), indices }
}

function* inOrder(length: number, batchSize: number): Generator<readonly number[], void, undefined> {
  for (let start = 0; start < length; start += batchSize) {
    yield Array.from({ length: Math.min(batchSize, length - start) }, (_, offset) => start + offset)
  }
}
