import { describeShape } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { TensorBase } from '../tensor/handle.js'
import { stack } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Image } from './image.js'
import type { BatchLoading } from './load_batches.js'
import { sizeOf } from './random_transform.js'
import type { Transform } from './transforms.js'

/** An image of a dataset after a transform. */
export interface TransformedSample {
  /** (C, H, W), or what else the transform gives. */
  readonly image: Tensor
  /** Index of the class in `classes`. */
  readonly label: number
}

interface ImageSample {
  readonly image: Image
  readonly label: number
}

/** What {@link loadBatches} is told of images that are read and transformed. */
type TransformedLoading = Pick<
  BatchLoading<ImageSample | TransformedSample, TransformedSample, unknown>,
  'read' | 'finish' | 'discard' | 'lookahead'
>

/** Decoded images that wait for their turn, for each that is read at a time: they may be large. */
const WAITING_IMAGES = 2

/**
 * Reads images ahead, and transforms them. A transform that draws by chance is not begun ahead, as its numbers have an order; any other
 * is, on the way.
 */
export function transformed(
  read: (index: number) => Promise<ImageSample>,
  transform: Transform<Image, Tensor>,
  pace: { readonly lookahead: number; readonly concurrency: number },
): TransformedLoading {
  const isRandom = transform.isRandom === true
  const work = async (index: number): Promise<TransformedSample> => {
    const { image, label } = await read(index)
    return { image: await transform.apply(image), label }
  }
  return {
    read: isRandom ? read : work,
    lookahead: isRandom ? Math.min(pace.lookahead, WAITING_IMAGES * pace.concurrency) : pace.lookahead,
    async finish(sample) {
      if (isTransformed(sample)) return passOn(sample)
      const { image, label } = sample
      const drawn = transform.draw?.(sizeOf('image', image)) ?? null
      // Without it, it draws while it works: the next image waits until it is done.
      const made = drawn === null ? Promise.resolve(await transform.apply(image)) : drawn.apply(image)
      return { result: made.then((tensor) => ({ image: tensor, label })) }
    },
    discard(sample) {
      if (isTransformed(sample)) sample.image.dispose()
    },
  }
}

function isTransformed(sample: ImageSample | TransformedSample): sample is TransformedSample {
  return sample.image instanceof TensorBase
}

/** Finishes what is finished. */
export async function passOn<T>(sample: T): Promise<{ readonly result: Promise<T> }> {
  return Promise.resolve({ result: Promise.resolve(sample) })
}

/** Stacks (C, H, W) tensors to (N, C, H, W) and disposes them. */
export function stackImages(samples: readonly TransformedSample[]): Tensor {
  const tensors = samples.map(({ image }) => image)
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
