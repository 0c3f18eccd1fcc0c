import { checkNonNegativeInteger, checkOptions, checkPositiveInteger, describeShape, expected } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { stack } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Image } from './image.js'
import { prefetch } from './prefetch.js'
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
    const pace = { concurrency: checkPositiveInteger('concurrency', concurrency), lookahead: batchSize }

    const read = async (index: number): Promise<Sample> => {
      signal?.throwIfAborted()
      return this.read(index)
    }
    const joining = { batchSize, signal, onError }
    if (transform === undefined) {
      const samples = prefetch(this.length, (index) => settled(read(index)), () => undefined, pace) // prettier-ignore
      return this.#join(samples, (waiting) => waiting.map(({ image }) => image), joining)
    }

    const transformed = async (index: number): Promise<Transformed> => {
      const { image, label } = await read(index)
      return { tensor: await transform.apply(image), label }
    }
    const dispose = ({ tensor }: Transformed): void => tensor.dispose()
    const discard = ({ value }: Settled<Transformed>): void => value?.tensor.dispose()
    const samples = prefetch(this.length, (index) => settled(transformed(index)), discard, pace)
    return this.#join(samples, collate, joining, dispose)
  }

  async *#join<T extends { readonly label: number }, Images>(
    samples: AsyncIterable<Settled<T>>,
    join: (waiting: readonly T[]) => Images,
    { batchSize, signal, onError }: Pick<BatchOptions, 'signal' | 'onError'> & { readonly batchSize: number },
    discard?: (sample: T) => void,
  ): AsyncGenerator<Batch<Images>, void, undefined> {
    let waiting: T[] = []
    let indices: number[] = []
    let consumed = 0
    try {
      for await (const { value, error } of samples) {
        const index = consumed++
        if (value === undefined) {
          if (onError === undefined || signal?.aborted === true) throw error
          onError(error, index)
        } else {
          waiting.push(value)
          indices.push(index)
        }
        if (waiting.length === 0 || (waiting.length < batchSize && consumed < this.length)) continue
        const batch = { images: join(waiting), labels: waiting.map(({ label }) => label), indices }
        waiting = []
        indices = []
        yield batch
      }
    } finally {
      if (discard !== undefined) waiting.forEach(discard)
    }
  }

  /** Reads the sample at an index that is known to exist. */
  protected abstract read(index: number): Promise<Sample>
}

/** What became of a sample. */
type Settled<T> =
  { readonly value: T; readonly error?: undefined } | { readonly value?: undefined; readonly error: unknown }

async function settled<T>(sample: Promise<T>): Promise<Settled<T>> {
  return sample.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
}

interface Transformed {
  readonly tensor: Tensor
  readonly label: number
}

/** Stacks (C, H, W) tensors to (N, C, H, W) and disposes them. */
function collate(samples: readonly Transformed[]): Tensor {
  const tensors = samples.map(({ tensor }) => tensor)
  const [first, ...others] = tensors.map(({ shape }) => describeShape(shape))
  const other = others.find((shape) => shape !== first)
  if (other !== undefined) {
    const text = `The transform gave tensors of shapes ${first} and ${other}: a batch needs one shape`
    throw new TorchError('TORCH_DATASET', text)
  }
  const batch = stack(tensors)
  for (const tensor of tensors) tensor.dispose()
  return batch
}
