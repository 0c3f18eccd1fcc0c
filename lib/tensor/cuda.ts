import { native } from '../libtorch/binding.js'
import { checkNonNegativeInteger } from '../util/check.js'

/** Tells whether tensors can be put on a CUDA device. Follows `torch.cuda.is_available`. */
export function isAvailable(): boolean {
  return native.cudaIsAvailable()
}

/**
 * Tells why {@link isAvailable} is false: that libtorch is a build for the CPU, or what CUDA or its driver says. Null if it is
 * true.
 */
export function unavailableReason(): string | null {
  return native.cudaUnavailableReason()
}

/** Counts the CUDA devices; 0 without CUDA. */
export function deviceCount(): number {
  return native.cudaDeviceCount()
}

/**
 * Gives the bytes that tensors hold on a device. Follows `torch.cuda.memory_allocated`.
 *
 * @throws {TorchError} `TORCH_CUDA_UNAVAILABLE` without CUDA.
 */
export function memoryAllocated(index = 0): number {
  return native.cudaMemoryAllocated(checkNonNegativeInteger('index', index))
}

/**
 * Waits until all work on a device is done. Follows `torch.cuda.synchronize`.
 *
 * @throws {TorchError} `TORCH_CUDA_UNAVAILABLE` without CUDA.
 */
export function synchronize(index = 0): void {
  native.cudaSynchronize(checkNonNegativeInteger('index', index))
}
