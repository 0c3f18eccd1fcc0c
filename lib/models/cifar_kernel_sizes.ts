import { expected } from '../util/check.js'

/** Sizes of the first convolution of a block of the CIFAR ResNet, in the order of what they cost. */
export const CIFAR_KERNEL_SIZES = [3, 5, 7] as const

/** One of {@link CIFAR_KERNEL_SIZES}. */
export type CifarKernelSize = (typeof CIFAR_KERNEL_SIZES)[number]

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `kernelSize` is 3, 5 or 7. */
export function checkKernelSize(kernelSize: unknown): CifarKernelSize {
  const size = CIFAR_KERNEL_SIZES.find((known) => known === kernelSize)
  if (size === undefined) throw expected('3, 5 or 7', 'kernelSize', kernelSize)
  return size
}
