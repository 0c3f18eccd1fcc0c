import { checkConvolution } from './convolutions.js'
import { checkNetwork } from './networks.js'

/** Makes a case of a seed, and tells what is wrong with it, or null. */
type Check = (seed: number) => string | null | Promise<string | null>

/** What can be swept. */
export type Kind = 'convolutions' | 'networks'

export const CHECKS: Readonly<Record<Kind, Check>> = {
  convolutions: checkConvolution,
  networks: checkNetwork,
}

/** The seed of a case of a sweep. */
export function seedOf(seed: number, index: number): number {
  return (seed * 1_000_003 + index) % 2 ** 31
}
