import { checkOptions, describeShape, expected } from '../util/check.js'
import { scope } from '../util/scope.js'
import { tensor } from '../tensor/creation.js'
import { aten } from '../tensor/ops.js'
import type { Tensor } from '../tensor/tensor.js'
import { drawUniform } from './chance.js'
import { checkResizeSize, type ResizeSize } from './functional.js'
import { checkImage, type Image } from './image.js'
import { python, pythonFloats } from './python.js'
import { changed, checkRange, RandomTransform } from './random_transform.js'
import type { Drawn, ImageSize } from './transforms.js'

/** Options of {@link GaussianBlur}. */
export interface GaussianBlurOptions {
  /** The deviation in pixels, or a range of it. Default: `[0.1, 2]`. */
  readonly sigma?: number | readonly [number, number] | undefined
}

/** Options of {@link gaussianBlur}. */
export interface GaussianBlurSigma {
  /** The deviation in pixels, along x and along y if they differ. Default: `0.15 * kernelSize + 0.35`. */
  readonly sigma?: number | readonly [x: number, y: number] | undefined
}

/**
 * Blurs an image with a deviation by chance. Follows `torchvision.transforms.GaussianBlur`, **where a kernel size of two numbers is the
 * width and the height**.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if a kernel size is not odd and positive, or the deviation is not positive.
 */
export class GaussianBlur extends RandomTransform {
  readonly kernelSize: readonly [width: number, height: number]
  readonly sigma: readonly [number, number]

  constructor(kernelSize: ResizeSize, options: GaussianBlurOptions = {}) {
    super()
    checkOptions('GaussianBlur', options, ['sigma'], 'sigma')
    const { sigma = [0.1, 2] } = options
    this.kernelSize = checkKernelSize(kernelSize)
    this.sigma = checkRange('sigma', typeof sigma === 'number' ? [sigma, sigma] : sigma, { least: Number.MIN_VALUE })
  }

  override draw(size: ImageSize): Drawn<Image, Image> {
    const sigma = drawUniform(...this.sigma)
    return changed(size, async (image) => gaussianBlur(image, this.kernelSize, { sigma }))
  }

  override toString(): string {
    return `GaussianBlur(kernel_size=${python(this.kernelSize)}, sigma=${pythonFloats(this.sigma)})`
  }
}

/**
 * Blurs an image by a Gaussian; its edges are mirrored. Follows `torchvision.transforms.functional.gaussian_blur`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the image is not larger than half of the kernel.
 */
export async function gaussianBlur(
  image: Image,
  kernelSize: ResizeSize,
  options: GaussianBlurSigma = {},
): Promise<Image> {
  checkOptions('gaussianBlur()', options, ['sigma'], 'sigma')
  const { data, height, width, channels } = checkImage('image', image)
  const [columns, rows] = checkKernelSize(kernelSize)
  const { sigma = [0.15 * columns + 0.35, 0.15 * rows + 0.35] } = options
  const [sigmaX, sigmaY] = typeof sigma === 'number' ? [sigma, sigma] : sigma
  if (![sigmaX, sigmaY].every((value) => value > 0 && value < Infinity)) {
    throw expected('a positive number, or two,', 'sigma', sigma)
  }
  const [right, below] = [(columns - 1) / 2, (rows - 1) / 2]
  if (height <= below || width <= right) {
    throw expected(`an image larger than ${describeShape([below, right])}`, 'image', [height, width])
  }
  const blurred = scope(() => {
    // The very operators of torchvision, in its memory layout: another order of additions rounds other pixels.
    const kernel = aten('aten::mm', kernelOf(rows, sigmaY).unsqueeze(1), kernelOf(columns, sigmaX).unsqueeze(0))
    const pixels = tensor(data, { dtype: 'uint8', shape: [height, width, channels] })
      .permute([2, 0, 1])
      .unsqueeze(0)
    const padded = aten('aten::reflection_pad2d', pixels.float(), [right, right, below, below])
    const weight = kernel.expand([channels, 1, rows, columns])
    const sums = aten('aten::conv2d', padded, weight, null, [1, 1], [0, 0], [1, 1], channels)
    return Uint8Array.from(sums.round().squeeze(0).permute([1, 2, 0]).contiguous().toFloat32Array())
  })
  return Promise.resolve({ data: blurred, height, width, channels })
}

/** float32 (size), of which the sum is 1. */
function kernelOf(size: number, sigma: number): Tensor {
  const half = (size - 1) * 0.5
  const weights = aten('aten::linspace', -half, half, size).div(sigma).pow(2).mul(-0.5).exp()
  return weights.div(weights.sum())
}

function checkKernelSize(size: ResizeSize): readonly [number, number] {
  const [width = 0, height = width] = checkResizeSize(size)
  if (width % 2 === 0 || height % 2 === 0) throw expected('one or two odd numbers', 'kernelSize', size)
  return [width, height]
}
