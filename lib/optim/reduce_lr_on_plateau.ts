import { checkNonNegativeInteger, checkNumber, checkNumberOrNaN, checkOneOf } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { Signature } from '../util/signature.js'
import { checkOptimizer, forEachGroup, type ScheduledOptimizer } from './lr_scheduler.js'
import { SchedulerState, type SchedulerStateDict } from './scheduler_state.js'

/** Whether a metric is better where it is less. */
export const PLATEAU_MODES = ['min', 'max'] as const
/** Whether a change is measured as a share of the best. */
export const PLATEAU_THRESHOLD_MODES = ['rel', 'abs'] as const

/** Options of {@link ReduceLROnPlateau}; names and defaults are PyTorch's. */
export interface ReduceLROnPlateauOptions {
  /** `min` for a loss, `max` for an accuracy. Default: `min`. */
  readonly mode?: (typeof PLATEAU_MODES)[number] | undefined
  /** Factor of each reduction, below 1. Default: `0.1`. */
  readonly factor?: number | undefined
  /** Epochs without a better metric that are let pass. Default: `10`. */
  readonly patience?: number | undefined
  /** By how much a metric must be better to count. Default: `1e-4`. */
  readonly threshold?: number | undefined
  /** Default: `rel`. */
  readonly thresholdMode?: (typeof PLATEAU_THRESHOLD_MODES)[number] | undefined
  /** Epochs after a reduction that do not count. Default: `0`. */
  readonly cooldown?: number | undefined
  /** Lowest learning rate, or one for each group. Default: `0`. */
  readonly minLr?: number | readonly number[] | undefined
  /** Reductions by less are left out. Default: `1e-8`. */
  readonly eps?: number | undefined
}

const PLATEAU = new Signature<ReduceLROnPlateauOptions>('new ReduceLROnPlateau', ['optimizer'], {
  ...{ mode: 'name', factor: 'name', patience: 'name', threshold: 'name', thresholdMode: 'name' },
  ...{ cooldown: 'name', minLr: 'name', eps: 'name' },
})

type Options = {
  [K in Exclude<keyof ReduceLROnPlateauOptions, 'minLr'>]-?: Exclude<ReduceLROnPlateauOptions[K], undefined>
}

/**
 * Reduces the learning rate where a metric has not become better for some epochs. Follows
 * `torch.optim.lr_scheduler.ReduceLROnPlateau`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT`, in PyTorch's words.
 */
export class ReduceLROnPlateau {
  readonly optimizer: ScheduledOptimizer
  /** Calls of `step()`. */
  lastEpoch = 0
  #options: Options
  #defaultMinLr: number | null
  #minLrs: readonly number[]
  #best: number
  #cooldownCounter = 0
  #numBadEpochs = 0
  #lastLr: readonly number[]

  constructor(optimizer: ScheduledOptimizer, options?: ReduceLROnPlateauOptions)
  constructor(optimizer: ScheduledOptimizer, ...given: readonly unknown[]) {
    const options = PLATEAU.read([optimizer], given)
    const { minLr = 0, ...others } = options
    this.optimizer = checkOptimizer(optimizer)
    this.#options = checkPlateau(others)
    this.#defaultMinLr = typeof minLr === 'number' ? minLr : null
    this.#minLrs = forEachGroup('minLr', optimizer.paramGroups, minLr)
    this.#best = worst(this.#options)
    this.#lastLr = this.#rates()
  }

  /** Takes the metric of an epoch. */
  step(metrics: number): void {
    const current = checkNumberOrNaN('metrics', metrics)
    this.lastEpoch++
    this.#numBadEpochs++
    if (this.#isBetter(current)) {
      this.#best = current
      this.#numBadEpochs = 0
    }
    if (this.#cooldownCounter > 0) {
      this.#cooldownCounter--
      this.#numBadEpochs = 0
    }
    if (this.#numBadEpochs > this.#options.patience) {
      this.#reduce()
      this.#cooldownCounter = this.#options.cooldown
      this.#numBadEpochs = 0
    }
    this.#lastLr = this.#rates()
  }

  /** Gives the learning rate of each group. Follows `get_last_lr`. */
  getLastLr(): readonly number[] {
    return this.#lastLr
  }

  /** Gives what Python's `state_dict()` gives: `saveCheckpoint` writes a file that Python reads. */
  stateDict(): SchedulerStateDict {
    const { mode, factor, patience, threshold, thresholdMode, cooldown, eps } = this.#options
    return {
      factor,
      ...{ default_min_lr: this.#defaultMinLr, min_lrs: this.#minLrs },
      ...{ patience, cooldown, eps, last_epoch: this.lastEpoch, _last_lr: this.#lastLr },
      ...{ mode_worse: worst(this.#options), mode, threshold, threshold_mode: thresholdMode, best: this.#best },
      ...{ cooldown_counter: this.#cooldownCounter, num_bad_epochs: this.#numBadEpochs },
    }
  }

  /**
   * Takes over a state, also of Python. On failure nothing has been changed.
   *
   * @throws {TorchError} `TORCH_STATE_DICT` for what is no state of such a scheduler.
   */
  loadStateDict(given: unknown): void {
    const state = new SchedulerState('ReduceLROnPlateau', given)
    const options: Options = {
      mode: state.oneOf('mode', PLATEAU_MODES),
      factor: state.number('factor'),
      patience: state.integer('patience'),
      threshold: state.number('threshold'),
      thresholdMode: state.oneOf('threshold_mode', PLATEAU_THRESHOLD_MODES),
      cooldown: state.integer('cooldown'),
      eps: state.number('eps'),
    }
    const minLrs = state.numbers('min_lrs')
    const best = state.number('best')
    const [cooldownCounter, numBadEpochs] = [state.integer('cooldown_counter'), state.integer('num_bad_epochs')]
    const [lastEpoch, lastLr] = [state.integer('last_epoch'), state.numbers('_last_lr')]
    this.#options = options
    this.#minLrs = minLrs
    this.#best = best
    this.#cooldownCounter = cooldownCounter
    this.#numBadEpochs = numBadEpochs
    this.lastEpoch = lastEpoch
    this.#lastLr = lastLr
  }

  #isBetter(current: number): boolean {
    const { mode, threshold, thresholdMode } = this.#options
    if (mode === 'min') {
      return current < (thresholdMode === 'rel' ? this.#best * (1 - threshold) : this.#best - threshold)
    }
    return current > (thresholdMode === 'rel' ? this.#best * (threshold + 1) : this.#best + threshold)
  }

  #reduce(): void {
    const { factor, eps } = this.#options
    this.optimizer.paramGroups.forEach((group, index) => {
      const reduced = Math.max(group.lr * factor, this.#minLrs[index] ?? this.#defaultMinLr ?? 0)
      if (group.lr - reduced > eps) group.lr = reduced
    })
  }

  #rates(): readonly number[] {
    return this.optimizer.paramGroups.map(({ lr }) => lr)
  }
}

function worst({ mode }: Options): number {
  return mode === 'min' ? Infinity : -Infinity
}

function checkPlateau(options: Omit<ReduceLROnPlateauOptions, 'minLr'>): Options {
  const { mode = 'min', factor = 0.1, patience = 10, threshold = 1e-4, thresholdMode = 'rel' } = options
  if (checkNumber('factor', factor) >= 1) throw new TorchError('TORCH_INVALID_ARGUMENT', 'Factor should be < 1.0.')
  return {
    mode: checkOneOf('mode', mode, PLATEAU_MODES),
    factor,
    patience: checkNonNegativeInteger('patience', patience),
    threshold: checkNumber('threshold', threshold),
    thresholdMode: checkOneOf('thresholdMode', thresholdMode, PLATEAU_THRESHOLD_MODES),
    cooldown: checkNonNegativeInteger('cooldown', options.cooldown ?? 0),
    eps: checkNumber('eps', options.eps ?? 1e-8),
  }
}
