import { isTensor } from '../nn/checks.js'
import { native } from '../libtorch/binding.js'
import { inGradModeNow } from '../libtorch/grad_mode.js'
import type { TensorHandle } from '../libtorch/handles.js'
import { isAvailable } from '../tensor/cuda.js'
import { full } from '../tensor/creation.js'
import { handleOf } from '../tensor/handle.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkBoolean, checkNumber, checkOneOf, checkPositiveInteger, expected } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { synchronousScope } from '../util/scope.js'
import { Signature } from '../util/signature.js'
import { SchedulerState, type SchedulerStateDict } from './scheduler_state.js'

const SCALER_DEVICES = ['cuda', 'cpu'] as const

/** Options of {@link GradScaler}; names and defaults are PyTorch's. */
export interface GradScalerOptions {
  /** Where the gradients lie. Default: `cuda`. */
  readonly device?: (typeof SCALER_DEVICES)[number] | undefined
  /** Default: `65536`. */
  readonly initScale?: number | undefined
  /** Factor of the scale after `growthInterval` steps with finite gradients, above 1. Default: `2`. */
  readonly growthFactor?: number | undefined
  /** Factor of the scale after a step with gradients that are not finite, below 1. Default: `0.5`. */
  readonly backoffFactor?: number | undefined
  /** Default: `2000`. */
  readonly growthInterval?: number | undefined
  /** With `false` nothing is scaled or left out. Default: `true`. */
  readonly enabled?: boolean | undefined
}

/** An optimizer, to a {@link GradScaler}. */
export interface ScaledOptimizer {
  readonly paramGroups: readonly { readonly params: readonly Tensor[] }[]
  step(): unknown
}

/** What has been done with the gradients of an optimizer since the last `update()`. */
interface OptimizerStage {
  readonly foundInf: boolean
  hasStepped: boolean
}

const SCALER = new Signature<GradScalerOptions>('new GradScaler', [], {
  ...{ device: 'name', initScale: 'name', growthFactor: 'name', backoffFactor: 'name' },
  ...{ growthInterval: 'name', enabled: 'name' },
})

/**
 * Scales losses, so that gradients of float16 do not vanish, and leaves out the steps whose gradients are not finite. Follows
 * `torch.amp.GradScaler`.
 *
 * @throws {TorchError} `TORCH_CUDA_UNAVAILABLE` for `cuda` without CUDA; **PyTorch warns and disables it**.
 */
export class GradScaler {
  readonly #enabled: boolean
  #scale: number
  #growthFactor: number
  #backoffFactor: number
  #growthInterval: number
  /** Steps with finite gradients since the scale last changed. */
  #growthTracker = 0
  #stages = new Map<ScaledOptimizer, OptimizerStage>()

  constructor(options?: GradScalerOptions)
  constructor(...given: readonly unknown[]) {
    const options = SCALER.read([], given)
    const { device = 'cuda', initScale = 65536, growthFactor = 2, backoffFactor = 0.5, enabled = true } = options
    checkOneOf('device', device, SCALER_DEVICES)
    this.#enabled = checkBoolean('enabled', enabled)
    if (enabled && device === 'cuda' && !isAvailable()) {
      throw new TorchError(
        'TORCH_CUDA_UNAVAILABLE',
        "There is no CUDA device for a GradScaler: write { device: 'cpu' }",
      )
    }
    if (checkNumber('growthFactor', growthFactor) <= 1) throw expected('a number above 1', 'growthFactor', growthFactor)
    if (checkNumber('backoffFactor', backoffFactor) >= 1) {
      throw expected('a number below 1', 'backoffFactor', backoffFactor)
    }
    // A float32, as in PyTorch.
    this.#scale = Math.fround(checkNumber('initScale', initScale))
    this.#growthFactor = growthFactor
    this.#backoffFactor = backoffFactor
    this.#growthInterval = checkPositiveInteger('growthInterval', options.growthInterval ?? 2000)
  }

  /** Gives a loss, or what else gradients start from, times the scale. */
  scale(outputs: Tensor): Tensor
  scale(outputs: readonly Tensor[]): Tensor[]
  scale(outputs: Tensor | readonly Tensor[]): Tensor | Tensor[] {
    const scaled = (output: Tensor): Tensor => (this.#enabled ? output.mul(this.#scale) : output)
    return isTensor(outputs) ? scaled(outputs) : outputs.map(scaled)
  }

  /**
   * Divides the gradients of an optimizer by the scale: before they are clipped, say. `step()` does it where it was not done.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT`, in PyTorch's words, if that was done since the last `update()`.
   */
  unscale_(optimizer: ScaledOptimizer): void {
    if (!this.#enabled) return
    const stage = this.#stages.get(optimizer)
    if (stage !== undefined) {
      const text = stage.hasStepped
        ? 'unscale_() is being called after step().'
        : 'unscale_() has already been called on this optimizer since the last update().'
      throw new TorchError('TORCH_INVALID_ARGUMENT', text)
    }
    this.#stages.set(optimizer, { foundInf: this.#unscale(optimizer), hasStepped: false })
  }

  /**
   * Takes a step of an optimizer, with the gradients that its losses would have had without a scale, unless one is not finite.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT`, in PyTorch's words, if that was done since the last `update()`.
   */
  step(optimizer: ScaledOptimizer): void {
    if (!this.#enabled) {
      optimizer.step()
      return
    }
    if (this.#stages.get(optimizer)?.hasStepped === true) {
      throw new TorchError('TORCH_INVALID_ARGUMENT', 'step() has already been called since the last update().')
    }
    if (!this.#stages.has(optimizer)) this.unscale_(optimizer)
    const stage = this.#stages.get(optimizer)
    if (stage === undefined) return
    if (!stage.foundInf) optimizer.step()
    stage.hasStepped = true
  }

  /**
   * Adapts the scale to what the steps have found, or sets it to `newScale`. Call it once after the steps of all optimizers.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT`, in PyTorch's words, if no gradients have been looked at since the last call.
   */
  update(newScale?: number): void {
    if (!this.#enabled) return
    if (newScale !== undefined) {
      this.#scale = Math.fround(checkNumber('newScale', newScale))
    } else if (this.#stages.size === 0) {
      throw new TorchError('TORCH_INVALID_ARGUMENT', 'No inf checks were recorded prior to update.')
    } else if (Array.from(this.#stages.values()).some(({ foundInf }) => foundInf)) {
      this.#scale = Math.fround(this.#scale * this.#backoffFactor)
      this.#growthTracker = 0
    } else if (++this.#growthTracker === this.#growthInterval) {
      const grown = Math.fround(this.#scale * this.#growthFactor)
      if (Number.isFinite(grown)) this.#scale = grown
      this.#growthTracker = 0
    }
    this.#stages = new Map()
  }

  /** Gives the scale; 1 if it is not enabled. */
  getScale(): number {
    return this.#enabled ? this.#scale : 1
  }

  isEnabled(): boolean {
    return this.#enabled
  }

  /** Gives what Python's `state_dict()` gives; empty if it is not enabled. */
  stateDict(): SchedulerStateDict {
    if (!this.#enabled) return {}
    return {
      scale: this.#scale,
      growth_factor: this.#growthFactor,
      backoff_factor: this.#backoffFactor,
      growth_interval: this.#growthInterval,
      _growth_tracker: this.#growthTracker,
    }
  }

  /**
   * Takes over a state, also of Python. On failure nothing has been changed.
   *
   * @throws {TorchError} `TORCH_STATE_DICT` for what is no state of a scaler.
   */
  loadStateDict(given: unknown): void {
    if (!this.#enabled) return
    const state = new SchedulerState('GradScaler', given)
    const [scale, growthFactor] = [state.number('scale'), state.number('growth_factor')]
    const [backoffFactor, growthInterval] = [state.number('backoff_factor'), state.integer('growth_interval')]
    this.#growthTracker = state.integer('_growth_tracker')
    this.#scale = Math.fround(scale)
    this.#growthFactor = growthFactor
    this.#backoffFactor = backoffFactor
    this.#growthInterval = growthInterval
  }

  /** Divides the gradients, and tells whether one was not finite. */
  #unscale(optimizer: ScaledOptimizer): boolean {
    const lists = new Map<string, { readonly device: string; readonly grads: TensorHandle[] }>()
    for (const { grad } of optimizer.paramGroups.flatMap(({ params }) => params)) {
      if (grad === null) continue
      const { dtype, device } = grad
      if (dtype === 'float16') {
        throw new TorchError('TORCH_INVALID_ARGUMENT', 'Attempting to unscale FP16 gradients.')
      }
      const list = lists.get(`${device} ${dtype}`) ?? { device, grads: [] }
      lists.set(`${device} ${dtype}`, list)
      list.grads.push(handleOf(grad))
    }
    if (lists.size === 0) {
      throw new TorchError('TORCH_INVALID_ARGUMENT', 'No inf checks were recorded for this optimizer.')
    }
    return inGradModeNow('disabled', () =>
      synchronousScope(() =>
        Array.from(lists.values(), ({ device, grads }) => {
          const on = { device: device as 'cpu' }
          const found = full([], 0, on)
          const inverse = full([], 1 / this.#scale, on)
          const schema = 'aten::_amp_foreach_non_finite_check_and_unscale_'
          native.callAten(schema, grads, handleOf(found), handleOf(inverse))
          return found
        }).some((found) => found.item() !== 0),
      ),
    )
  }
}
