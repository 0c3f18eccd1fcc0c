import { describe, expected } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { Signature, type NoOptions } from '../util/signature.js'
import { LRScheduler, type LastEpochOptions, type ScheduledOptimizer } from './lr_scheduler.js'
import { SchedulerState, type SchedulerStateDict } from './scheduler_state.js'

const SEQUENTIAL = new Signature<LastEpochOptions>('new SequentialLR', ['optimizer', 'schedulers', 'milestones'], {
  lastEpoch: 'name',
})
const CHAINED = new Signature<NoOptions>('new ChainedScheduler', ['schedulers'], {})

/** What schedulers that hold others have in common. */
abstract class SchedulerList extends LRScheduler {
  protected readonly schedulers: readonly LRScheduler[]

  protected constructor(optimizer: ScheduledOptimizer, schedulers: readonly LRScheduler[]) {
    super(optimizer, -1)
    this.schedulers = schedulers
    this.keepRates()
  }

  override undo(): void {
    for (const scheduler of this.schedulers) scheduler.undo()
  }

  protected override getLr(): readonly number[] {
    return this.rates()
  }

  protected states(): readonly SchedulerStateDict[] {
    return this.schedulers.map((scheduler) => scheduler.stateDict())
  }

  protected readers(state: SchedulerState): readonly (() => void)[] {
    const states = state.list('_schedulers')
    if (states.length !== this.schedulers.length) {
      const text = `Expected the states of ${this.schedulers.length} schedulers, received those of ${states.length}`
      throw new TorchError('TORCH_STATE_DICT', text)
    }
    return this.schedulers.map((scheduler, index) => {
      return scheduler.reader(new SchedulerState(scheduler.constructor.name, states[index]))
    })
  }

  protected override ownReader(): () => void {
    return () => undefined
  }
}

/**
 * Follows one scheduler after the other: from each of the numbers of steps in `milestones` on, the next one. **Those after the first
 * hold no others themselves.** Follows `torch.optim.lr_scheduler.SequentialLR`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if a scheduler is one of another optimizer, or milestones are not one fewer.
 */
export class SequentialLR extends SchedulerList {
  #milestones: readonly number[]

  constructor(
    optimizer: ScheduledOptimizer,
    schedulers: readonly LRScheduler[],
    milestones: readonly number[],
    options?: LastEpochOptions,
  )
  constructor(
    optimizer: ScheduledOptimizer,
    schedulers: readonly LRScheduler[],
    milestones: readonly number[],
    ...given: readonly unknown[]
  ) {
    const { lastEpoch = -1 } = SEQUENTIAL.read([optimizer, schedulers, milestones], given)
    super(optimizer, checkSchedulers('SequentialLR', schedulers, optimizer))
    if (!Array.isArray(milestones) || milestones.length !== schedulers.length - 1) {
      const received = Array.isArray(milestones) ? milestones.length : describe(milestones)
      const text =
        'Sequential Schedulers expects number of schedulers provided to be one more than the number of milestone points, but ' +
        `got number of schedulers ${schedulers.length} and the number of milestones to be equal to ${received}`
      throw new TorchError('TORCH_INVALID_ARGUMENT', text)
    }
    const later = schedulers.slice(1).find((scheduler) => scheduler instanceof SchedulerList)
    if (later !== undefined) throw expected('schedulers that hold no others', 'schedulers after the first', later)
    this.#milestones = milestones
    this.lastEpoch = lastEpoch + 1
    for (const group of this.groups) group.lr = group.initialLr ?? group.lr
    this.undo()
    this.#at(0).start()
    this.keepRates()
  }

  override step(): void {
    this.lastEpoch++
    const scheduler = this.#at(this.lastEpoch)
    if (this.#milestones.includes(this.lastEpoch)) scheduler.restart()
    else scheduler.step()
    this.keepRates()
  }

  override stateDict(): SchedulerStateDict {
    const own = { _milestones: this.#milestones, last_epoch: this.lastEpoch, _last_lr: this.getLastLr() }
    return { ...own, _schedulers: this.states() }
  }

  override reader(state: SchedulerState): () => void {
    const milestones = state.numbers('_milestones')
    const lastEpoch = state.integer('last_epoch')
    const readers = this.readers(state)
    const lastLr = state.numbers('_last_lr')
    return () => {
      this.#milestones = milestones
      this.lastEpoch = lastEpoch
      for (const read of readers) read()
      this.keepRates(lastLr)
    }
  }

  protected override ownState(): SchedulerStateDict {
    return {}
  }

  #at(step: number): LRScheduler {
    const passed = this.#milestones.filter((milestone) => milestone <= step).length
    const scheduler = this.schedulers[passed]
    if (scheduler === undefined) throw expected('a scheduler for each step', 'schedulers', this.schedulers.length)
    return scheduler
  }
}

/** Takes the steps of several schedulers at once, one upon the other. Follows `torch.optim.lr_scheduler.ChainedScheduler`. */
export class ChainedScheduler extends SchedulerList {
  constructor(schedulers: readonly LRScheduler[])
  constructor(schedulers: readonly LRScheduler[], ...given: readonly unknown[]) {
    CHAINED.read([schedulers], given)
    const optimizer = Array.isArray(schedulers) ? (schedulers as readonly LRScheduler[])[0]?.optimizer : undefined
    const checked = checkSchedulers('ChainedScheduler', schedulers, optimizer)
    super(checked[0]?.optimizer ?? { paramGroups: [] }, checked)
  }

  override step(): void {
    for (const scheduler of this.schedulers) scheduler.step()
    this.keepRates()
  }

  override stateDict(): SchedulerStateDict {
    return { _last_lr: this.getLastLr(), _schedulers: this.states() }
  }

  override reader(state: SchedulerState): () => void {
    const readers = this.readers(state)
    const lastLr = state.numbers('_last_lr')
    return () => {
      for (const read of readers) read()
      this.keepRates(lastLr)
    }
  }

  protected override ownState(): SchedulerStateDict {
    return {}
  }
}

function checkSchedulers(
  name: string,
  schedulers: readonly LRScheduler[],
  optimizer: ScheduledOptimizer | undefined,
): readonly LRScheduler[] {
  if (!Array.isArray(schedulers) || schedulers.length === 0) {
    throw expected('at least one scheduler', `schedulers of ${name}`, schedulers)
  }
  schedulers.forEach((scheduler: unknown, index) => {
    if (!(scheduler instanceof LRScheduler)) throw expected('a scheduler', `schedulers[${index}]`, scheduler)
    if (scheduler.optimizer !== optimizer) {
      throw expected(`a scheduler of the optimizer of ${name}`, `schedulers[${index}]`, scheduler)
    }
  })
  return schedulers as readonly LRScheduler[]
}
