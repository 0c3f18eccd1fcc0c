import { native } from '../libtorch/binding.js'
import type { GeneratorHandle } from '../libtorch/handles.js'
import { checkOptions, expected } from '../util/check.js'
import { checkDevice, type Device } from '../util/device.js'
import { handleOf } from './handle.js'
import { Tensor } from './tensor.js'

const MAX_SEED = 2n ** 64n - 1n

/** Options of {@link Generator}. */
export interface GeneratorOptions {
  /** Default: `cpu`. */
  readonly device?: Device | undefined
  /** Default: PyTorch's 67280421310721. */
  readonly seed?: number | bigint | undefined
}

/** A source of random numbers of its own: the same seed gives the same numbers as in PyTorch. Follows `torch.Generator`. */
export class Generator {
  /** @internal */
  readonly handle: GeneratorHandle

  constructor(options: GeneratorOptions = {}) {
    checkOptions('Generator', options, ['device', 'seed'])
    const { device = 'cpu', seed } = options
    this.handle = native.createGenerator(checkDevice('device', device), seed === undefined ? null : checkSeed(seed))
  }

  /** Starts the sequence that belongs to `seed`. */
  manualSeed(seed: number | bigint): this {
    native.generatorSeed_(this.handle, checkSeed(seed))
    return this
  }

  /** Gives the seed from which the present sequence began. */
  initialSeed(): bigint {
    return native.generatorInitialSeed(this.handle)
  }

  /** Gives the place in the sequence, uint8 (n,), for {@link setState}. Follows `torch.Generator.get_state`. */
  getState(): Tensor<'uint8'> {
    return new Tensor(native.generatorState(this.handle))
  }

  /**
   * Goes on from where {@link getState} was called, be it in Python. Follows `torch.Generator.set_state`.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` or `TORCH_OPERATOR` for another tensor.
   */
  setState(state: Tensor): this {
    native.setGeneratorState(handleOf(state, 'state'), this.handle)
    return this
  }
}

/** Gives the native handle of an optional generator. */
export function generatorHandleOf(generator: Generator | undefined): GeneratorHandle | null {
  if (generator === undefined) return null
  if (!(generator instanceof Generator)) throw expected('a Generator', 'generator', generator)
  return generator.handle
}

/** Gives the place in the sequence of the default generator of the CPU, uint8 (5056,). Follows `torch.get_rng_state`. */
export function getRngState(): Tensor<'uint8'> {
  return new Tensor(native.generatorState(null))
}

/**
 * Has the default generator of the CPU go on from where {@link getRngState} was called, be it in Python. Follows
 * `torch.set_rng_state`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` or `TORCH_OPERATOR` for another tensor.
 */
export function setRngState(state: Tensor): void {
  native.setGeneratorState(handleOf(state, 'state'), null)
}

/**
 * Seeds the default generators, from which everything draws that is given no generator. Follows `torch.manual_seed`.
 *
 * They belong to the process: worker threads share them.
 */
export function manualSeed(seed: number | bigint): void {
  native.manualSeed(checkSeed(seed))
}

function checkSeed(seed: number | bigint): bigint {
  const isWhole = typeof seed === 'bigint' || Number.isSafeInteger(seed)
  if (!isWhole) throw expected('an integer', 'seed', seed)
  const value = BigInt(seed)
  if (value > MAX_SEED || value < -(2n ** 63n)) throw expected('an integer of 64 bits', 'seed', seed)
  return BigInt.asUintN(64, value)
}
