import { PickledGlobal, PickledObject } from '../checkpoint/values.js'
import { checkInteger, checkNumber, checkPositiveInteger, expected } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { Signature } from '../util/signature.js'
import { LRScheduler, type LastEpochOptions, type ScheduledOptimizer } from './lr_scheduler.js'
import type { SchedulerState, SchedulerStateDict } from './scheduler_state.js'

// Schedulers that multiply the learning rate. Each computes it from that of the step before, as PyTorch does: both round alike.

/** Options of {@link StepLR}, {@link MultiStepLR}; names and defaults are PyTorch's. */
export interface StepLROptions extends LastEpochOptions {
  /** Factor of each change. Default: `0.1`. */
  readonly gamma?: number | undefined
}

const STEP = new Signature<StepLROptions>('new StepLR', ['optimizer', 'stepSize'], {
  ...{ gamma: 'name', lastEpoch: 'name' },
})
const MULTI_STEP = new Signature<StepLROptions>('new MultiStepLR', ['optimizer', 'milestones'], {
  ...{ gamma: 'name', lastEpoch: 'name' },
})
const EXPONENTIAL = new Signature<LastEpochOptions>('new ExponentialLR', ['optimizer', 'gamma'], { lastEpoch: 'name' })
const LAMBDA = new Signature<LastEpochOptions>('new LambdaLR', ['optimizer', 'lrLambda'], { lastEpoch: 'name' })

/** Multiplies the learning rate by `gamma` after every `stepSize` steps. Follows `torch.optim.lr_scheduler.StepLR`. */
export class StepLR extends LRScheduler {
  #stepSize: number
  #gamma: number

  constructor(optimizer: ScheduledOptimizer, stepSize: number, options?: StepLROptions)
  constructor(optimizer: ScheduledOptimizer, stepSize: number, ...given: readonly unknown[]) {
    const { gamma = 0.1, lastEpoch = -1 } = STEP.read([optimizer, stepSize], given)
    super(optimizer, lastEpoch)
    this.#stepSize = checkPositiveInteger('stepSize', stepSize)
    this.#gamma = checkNumber('gamma', gamma)
    this.start()
  }

  protected override getLr(): readonly number[] {
    const isChange = this.lastEpoch !== 0 && this.lastEpoch % this.#stepSize === 0
    return isChange ? this.scaled(this.#gamma) : this.rates()
  }

  protected override closedForm(): readonly number[] {
    return this.baseLrs.map((lr) => lr * this.#gamma ** Math.floor(this.lastEpoch / this.#stepSize))
  }

  protected override ownState(): SchedulerStateDict {
    return { step_size: this.#stepSize, gamma: this.#gamma }
  }

  protected override ownReader(state: SchedulerState): () => void {
    const [stepSize, gamma] = [state.integer('step_size'), state.number('gamma')]
    return () => ([this.#stepSize, this.#gamma] = [stepSize, gamma])
  }
}

/**
 * Multiplies the learning rate by `gamma` after each of the numbers of steps in `milestones`; a number that is in it twice counts
 * twice. Follows `torch.optim.lr_scheduler.MultiStepLR`.
 */
export class MultiStepLR extends LRScheduler {
  #milestones: ReadonlyMap<number, number>
  #gamma: number

  constructor(optimizer: ScheduledOptimizer, milestones: readonly number[], options?: StepLROptions)
  constructor(optimizer: ScheduledOptimizer, milestones: readonly number[], ...given: readonly unknown[]) {
    const { gamma = 0.1, lastEpoch = -1 } = MULTI_STEP.read([optimizer, milestones], given)
    super(optimizer, lastEpoch)
    if (!Array.isArray(milestones)) throw expected('an array of integers', 'milestones', milestones)
    const counts = new Map<number, number>()
    milestones.forEach((given: unknown, index) => {
      const milestone = checkInteger(`milestones[${index}]`, given)
      counts.set(milestone, (counts.get(milestone) ?? 0) + 1)
    })
    this.#milestones = counts
    this.#gamma = checkNumber('gamma', gamma)
    this.start()
  }

  protected override getLr(): readonly number[] {
    const count = this.#milestones.get(this.lastEpoch)
    return count === undefined ? this.rates() : this.scaled(this.#gamma ** count)
  }

  protected override closedForm(): readonly number[] {
    let passed = 0
    for (const [milestone, count] of this.#milestones) if (milestone <= this.lastEpoch) passed += count
    return this.baseLrs.map((lr) => lr * this.#gamma ** passed)
  }

  protected override ownState(): SchedulerStateDict {
    // Python asks the Counter for more than a dict has.
    const counter = new PickledObject(new PickledGlobal('collections', 'Counter'), [new Map(this.#milestones)])
    return { milestones: counter, gamma: this.#gamma }
  }

  protected override ownReader(state: SchedulerState): () => void {
    const milestones = state.counts('milestones')
    const gamma = state.number('gamma')
    return () => {
      this.#milestones = milestones
      this.#gamma = gamma
    }
  }
}

/** Multiplies the learning rate by `gamma` after each step. Follows `torch.optim.lr_scheduler.ExponentialLR`. */
export class ExponentialLR extends LRScheduler {
  #gamma: number

  constructor(optimizer: ScheduledOptimizer, gamma: number, options?: LastEpochOptions)
  constructor(optimizer: ScheduledOptimizer, gamma: number, ...given: readonly unknown[]) {
    const { lastEpoch = -1 } = EXPONENTIAL.read([optimizer, gamma], given)
    super(optimizer, lastEpoch)
    this.#gamma = checkNumber('gamma', gamma)
    this.start()
  }

  protected override getLr(): readonly number[] {
    return this.isInitial ? this.rates() : this.scaled(this.#gamma)
  }

  protected override closedForm(): readonly number[] {
    return this.baseLrs.map((lr) => lr * this.#gamma ** this.lastEpoch)
  }

  protected override ownState(): SchedulerStateDict {
    return { gamma: this.#gamma }
  }

  protected override ownReader(state: SchedulerState): () => void {
    const gamma = state.number('gamma')
    return () => (this.#gamma = gamma)
  }
}

/** Gives the factor of a step. */
export type LrLambda = (epoch: number) => number

/**
 * Multiplies the initial learning rate by what a function gives for the number of steps; a list has a function for each group.
 * Functions are not in the state. Follows `torch.optim.lr_scheduler.LambdaLR`.
 */
export class LambdaLR extends LRScheduler {
  readonly #lambdas: readonly LrLambda[]

  constructor(optimizer: ScheduledOptimizer, lrLambda: LrLambda | readonly LrLambda[], options?: LastEpochOptions)
  constructor(optimizer: ScheduledOptimizer, lrLambda: LrLambda | readonly LrLambda[], ...given: readonly unknown[]) {
    const { lastEpoch = -1 } = LAMBDA.read([optimizer, lrLambda], given)
    super(optimizer, lastEpoch)
    this.#lambdas = checkLambdas(lrLambda, this.groups.length)
    this.start()
  }

  protected override getLr(): readonly number[] {
    return this.#lambdas.map((lambda, index) => {
      return (this.baseLrs[index] ?? NaN) * checkNumber('the result of lrLambda', lambda(this.lastEpoch))
    })
  }

  protected override ownState(): SchedulerStateDict {
    return { lr_lambdas: this.#lambdas.map(() => null) }
  }

  protected override ownReader(state: SchedulerState): () => void {
    state.list('lr_lambdas')
    return () => undefined
  }
}

function checkLambdas(given: unknown, count: number): readonly LrLambda[] {
  const lambdas: readonly unknown[] = Array.isArray(given) ? given : Array.from({ length: count }, () => given)
  if (lambdas.length !== count) {
    throw new TorchError('TORCH_INVALID_ARGUMENT', `Expected ${count} lr_lambdas, but got ${lambdas.length}`)
  }
  for (const lambda of lambdas) if (typeof lambda !== 'function') throw expected('a function', 'lrLambda', lambda)
  return lambdas as readonly LrLambda[]
}
