import { checkInteger, describe, expected } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { Optimizer, type ScheduledOptions } from './optimizer.js'
import { SchedulerState, type SchedulerStateDict } from './scheduler_state.js'

/** What a scheduler changes of a group of parameters. */
export interface ScheduledGroup extends ScheduledOptions {
  momentum?: number
  betas?: readonly [number, number]
}

/** An optimizer, to a scheduler. */
export interface ScheduledOptimizer {
  readonly paramGroups: readonly ScheduledGroup[]
}

/** The option that all schedulers have. */
export interface LastEpochOptions {
  /** The last step of a schedule that goes on; -1 starts one. Default: `-1`. */
  readonly lastEpoch?: number | undefined
}

/**
 * Base of the schedulers: they set the learning rates of an optimizer when they are made, and by each `step()`. Follows
 * `torch.optim.lr_scheduler.LRScheduler`.
 */
export abstract class LRScheduler {
  readonly optimizer: ScheduledOptimizer
  /** Steps taken. */
  lastEpoch: number
  /** The learning rate of each group at the start of the schedule. */
  protected baseLrs: readonly number[]
  /** Whether this is the step that a scheduler takes when it is made. */
  protected isInitial = false
  /** Calls of `step()`, that of the constructor included. */
  protected stepCount = 0
  #lastLr: readonly number[] = []

  protected constructor(optimizer: ScheduledOptimizer, lastEpoch: number) {
    this.optimizer = checkOptimizer(optimizer)
    this.lastEpoch = checkInteger('lastEpoch', lastEpoch)
    this.baseLrs = this.groups.map((group, index) => {
      if (lastEpoch === -1) group.initialLr ??= group.lr
      if (group.initialLr !== undefined) return group.initialLr
      const text = `param 'initial_lr' is not specified in param_groups[${index}] when resuming scheduler with last_epoch >= 0`
      throw new TorchError('TORCH_INVALID_ARGUMENT', text)
    })
  }

  /** Moves on by one: after each epoch, or after each batch where the schedule counts those. */
  step(): void {
    this.stepCount++
    this.update(this.lastEpoch + 1)
  }

  /** Gives the learning rate of each group. Follows `get_last_lr`. */
  getLastLr(): readonly number[] {
    return this.#lastLr
  }

  /** Gives what Python's `state_dict()` gives: `saveCheckpoint` writes a file that Python reads. */
  stateDict(): SchedulerStateDict {
    return {
      ...this.ownState(),
      base_lrs: this.baseLrs,
      last_epoch: this.lastEpoch,
      _step_count: this.stepCount,
      _is_initial: false,
      _get_lr_called_within_step: false,
      _last_lr: this.#lastLr,
    }
  }

  /**
   * Takes over a state, also of Python: `loadOptimizerState` reads it from a file. The learning rates themselves are in the state
   * of the optimizer. On failure nothing has been changed.
   *
   * @throws {TorchError} `TORCH_STATE_DICT` for what is no state of such a scheduler.
   */
  loadStateDict(state: unknown): void {
    this.reader(new SchedulerState(this.constructor.name, state))()
  }

  /** Reads a state, and gives the function that takes it over: schedulers may hold others. @internal */
  reader(state: SchedulerState): () => void {
    const own = this.ownReader(state)
    const baseLrs = state.numbers('base_lrs')
    const lastEpoch = state.integer('last_epoch')
    const stepCount = state.integer('_step_count')
    const lastLr = state.numbers('_last_lr')
    return () => {
      own()
      this.baseLrs = baseLrs
      this.lastEpoch = lastEpoch
      this.stepCount = stepCount
      this.#lastLr = lastLr
    }
  }

  /** Takes the step of the constructor, once more where a schedule that has been undone begins. @internal */
  start(): void {
    this.stepCount = 0
    this.isInitial = true
    try {
      this.step()
    } finally {
      this.isInitial = false
    }
  }

  /** Takes back the count of the step of the constructor. @internal */
  undo(): void {
    this.lastEpoch--
  }

  /** Begins the schedule, in the midst of another: `_update_lr(0)`. @internal */
  restart(): void {
    this.update(0, this.closedForm.bind(this))
  }

  protected get groups(): readonly ScheduledGroup[] {
    return this.optimizer.paramGroups
  }

  /** Sets the learning rates of a step. */
  protected update(epoch: number, rates: () => readonly number[] = this.getLr.bind(this)): void {
    this.lastEpoch = epoch
    const values = rates()
    this.groups.forEach((group, index) => (group.lr = values[index] ?? group.lr))
    this.keepRates()
  }

  /** Remembers learning rates, by default as they are. */
  protected keepRates(rates = this.rates()): void {
    this.#lastLr = rates
  }

  /** The learning rates as they are. */
  protected rates(): readonly number[] {
    return this.groups.map(({ lr }) => lr)
  }

  /** The learning rates multiplied. */
  protected scaled(factor: number): readonly number[] {
    return this.groups.map(({ lr }) => lr * factor)
  }

  /** The learning rates of the step {@link lastEpoch}, computed from those of the step before where PyTorch does that. */
  protected abstract getLr(): readonly number[]

  /** The learning rates of the step {@link lastEpoch}, whatever they are now. */
  protected closedForm(): readonly number[] {
    return this.getLr()
  }

  /** The options of the class, by PyTorch's keys. */
  protected abstract ownState(): SchedulerStateDict

  /** Reads {@link ownState}, and gives the function that takes it over. */
  protected abstract ownReader(state: SchedulerState): () => void
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT`, in PyTorch's words, unless `value` is an optimizer. */
export function checkOptimizer(value: unknown): ScheduledOptimizer {
  if (value instanceof Optimizer) return value as ScheduledOptimizer
  throw new TorchError('TORCH_INVALID_ARGUMENT', `${describe(value)} is not an Optimizer`)
}

/**
 * Gives one value for each group.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT`, in PyTorch's words, if a list has another length.
 */
export function forEachGroup(
  name: string,
  groups: readonly ScheduledGroup[],
  value: number | readonly number[],
): readonly number[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : groups.map(() => value)
  if (values.length !== groups.length) {
    const text = `${name} must have the same length as optimizer.paramGroups. ${name} has ${values.length} values, paramGroups has ${groups.length}.`
    throw new TorchError('TORCH_INVALID_ARGUMENT', text)
  }
  return values.map((item, index) => {
    if (typeof item !== 'number' || Number.isNaN(item)) throw expected('a number', `${name}[${index}]`, item)
    return item
  })
}
