import { expected } from './check.js'

/** Where a tensor lies: `cuda` alone means the current CUDA device, which is the first. */
export type Device = 'cpu' | 'cuda' | `cuda:${number}`

/**
 * Checks the spelling of a device; whether this machine has it is found when it is used.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is `cpu`, `cuda` or `cuda:N`.
 */
export function checkDevice(name: string, value: unknown): Device {
  if (!isDevice(value)) throw expected("'cpu', 'cuda' or 'cuda:N'", name, value)
  return value
}

/** How a {@link Device} is spelled, as a regular expression. */
export const DEVICE_PATTERN = '^(cpu|cuda(:(0|[1-9][0-9]?))?)$'

/** Tells whether `value` is spelled as a {@link Device}. */
export function isDevice(value: unknown): value is Device {
  return typeof value === 'string' && new RegExp(DEVICE_PATTERN).test(value)
}
