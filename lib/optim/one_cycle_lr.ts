import { checkBoolean, checkNumber, checkOneOf, checkPositiveInteger, checkProbability } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { Signature } from '../util/signature.js'
import {
  forEachGroup,
  LRScheduler,
  type LastEpochOptions,
  type ScheduledGroup,
  type ScheduledOptimizer,
} from './lr_scheduler.js'
import { SchedulerState, type SchedulerStateDict } from './scheduler_state.js'

/** How a value goes from the one to the other. */
export const ANNEAL_STRATEGIES = ['cos', 'linear'] as const
export type AnnealStrategy = (typeof ANNEAL_STRATEGIES)[number]

/** Options of {@link OneCycleLR}; names and defaults are PyTorch's. */
export interface OneCycleLROptions extends LastEpochOptions {
  /** Steps of the whole cycle. Default: `epochs * stepsPerEpoch`, both of which must be given then. */
  readonly totalSteps?: number | undefined
  readonly epochs?: number | undefined
  readonly stepsPerEpoch?: number | undefined
  /** Share of the steps in which the learning rate rises, 0 to 1. Default: `0.3`. */
  readonly pctStart?: number | undefined
  /** Default: `cos`. */
  readonly annealStrategy?: AnnealStrategy | undefined
  /** Let the momentum, or the first of the betas, fall where the learning rate rises, and rise where that falls. Default: `true`. */
  readonly cycleMomentum?: boolean | undefined
  /** Lowest momentum, or one for each group. Default: `0.85`. */
  readonly baseMomentum?: number | readonly number[] | undefined
  /** Highest momentum, or one for each group. Default: `0.95`. */
  readonly maxMomentum?: number | readonly number[] | undefined
  /** By how much the highest learning rate is divided at the start. Default: `25`. */
  readonly divFactor?: number | undefined
  /** By how much that of the start is divided at the end. Default: `1e4`. */
  readonly finalDivFactor?: number | undefined
  /** Fall as slowly as it rose, and then to the end. Default: `false`. */
  readonly threePhase?: boolean | undefined
}

const ONE_CYCLE = new Signature<OneCycleLROptions>('new OneCycleLR', ['optimizer', 'maxLr'], {
  ...{ totalSteps: 'name', epochs: 'name', stepsPerEpoch: 'name', pctStart: 'name', annealStrategy: 'name' },
  ...{ cycleMomentum: 'name', baseMomentum: 'name', maxMomentum: 'name', divFactor: 'name', finalDivFactor: 'name' },
  ...{ threePhase: 'name', lastEpoch: 'name' },
})

const RATES = { initial_lr: 'initialLr', max_lr: 'maxLr', min_lr: 'minLr' } as const
const MOMENTUMS = { base_momentum: 'baseMomentum', max_momentum: 'maxMomentum' } as const
type Rate = keyof typeof RATES
type Momentum = keyof typeof MOMENTUMS

/** A part of the cycle, up to and with a step, by the keys of a group between whose values it goes. */
interface Phase {
  readonly end_step: number
  readonly start_lr: Rate
  readonly end_lr: Rate
  readonly start_momentum: Momentum
  readonly end_momentum: Momentum
}

/**
 * Lets the learning rate rise from low to `maxLr`, one for each group where that is a list, and fall to nearly 0, with a step after
 * each batch: Smith and Topin 2017, arXiv:1708.07120. Follows `torch.optim.lr_scheduler.OneCycleLR`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT`, in PyTorch's words: also of `step()`, beyond the end of the cycle.
 */
export class OneCycleLR extends LRScheduler {
  #totalSteps: number
  #phases: readonly Phase[]
  #strategy: AnnealStrategy
  #cyclesMomentum: boolean
  #usesBeta1 = false

  constructor(optimizer: ScheduledOptimizer, maxLr: number | readonly number[], options?: OneCycleLROptions)
  constructor(optimizer: ScheduledOptimizer, maxLr: number | readonly number[], ...given: readonly unknown[]) {
    const options = ONE_CYCLE.read([optimizer, maxLr], given)
    const { pctStart = 0.3, annealStrategy = 'cos', cycleMomentum = true, lastEpoch = -1 } = options
    super(optimizer, lastEpoch)
    this.#totalSteps = checkTotalSteps(options)
    const isThreePhase = checkBoolean('threePhase', options.threePhase ?? false)
    this.#phases = phasesOf(this.#totalSteps, checkProbability('pctStart', pctStart), isThreePhase)
    this.#strategy = checkOneOf('annealStrategy', annealStrategy, ANNEAL_STRATEGIES)
    this.#cyclesMomentum = checkBoolean('cycleMomentum', cycleMomentum)
    const rates = forEachGroup('maxLr', this.groups, maxLr)
    const divFactor = checkNumber('divFactor', options.divFactor ?? 25)
    const finalDivFactor = checkNumber('finalDivFactor', options.finalDivFactor ?? 1e4)
    if (this.#cyclesMomentum) this.#setMomentums(options, lastEpoch)
    if (lastEpoch === -1) {
      this.groups.forEach((group, index) => {
        group.maxLr = rates[index] ?? NaN
        group.initialLr = group.maxLr / divFactor
        group.minLr = group.initialLr / finalDivFactor
      })
      this.baseLrs = this.groups.map(({ initialLr = NaN }) => initialLr)
    }
    this.start()
  }

  protected override getLr(): readonly number[] {
    const step = this.lastEpoch
    if (step > this.#totalSteps) {
      const text = `Tried to step ${step} times. The specified number of total steps is ${this.#totalSteps}`
      throw new TorchError('TORCH_INVALID_ARGUMENT', text)
    }
    const index = this.#phases.findIndex(({ end_step: end }, at) => step <= end || at === this.#phases.length - 1)
    const phase = this.#phases[index]
    if (phase === undefined) return this.rates()
    const start = this.#phases[index - 1]?.end_step ?? 0
    const share = (step - start) / (phase.end_step - start)
    return this.groups.map((group) => {
      if (this.#cyclesMomentum) {
        const [from, to] = [group[MOMENTUMS[phase.start_momentum]], group[MOMENTUMS[phase.end_momentum]]]
        this.#setMomentum(group, this.#between(from, to, share))
      }
      return this.#between(group[RATES[phase.start_lr]], group[RATES[phase.end_lr]], share)
    })
  }

  protected override ownState(): SchedulerStateDict {
    return {
      total_steps: this.#totalSteps,
      _schedule_phases: this.#phases.map((phase) => ({ ...phase })),
      _anneal_func_type: this.#strategy,
      cycle_momentum: this.#cyclesMomentum,
      ...(this.#cyclesMomentum ? { use_beta1: this.#usesBeta1 } : {}),
    }
  }

  protected override ownReader(state: SchedulerState): () => void {
    const totalSteps = state.integer('total_steps')
    const phases = state.list('_schedule_phases').map(readPhase)
    const strategy = state.oneOf('_anneal_func_type', ANNEAL_STRATEGIES)
    const cyclesMomentum = state.boolean('cycle_momentum')
    const usesBeta1 = cyclesMomentum && state.boolean('use_beta1')
    return () => {
      this.#totalSteps = totalSteps
      this.#phases = phases
      this.#strategy = strategy
      this.#cyclesMomentum = cyclesMomentum
      this.#usesBeta1 = usesBeta1
    }
  }

  #setMomentums({ baseMomentum = 0.85, maxMomentum = 0.95 }: OneCycleLROptions, lastEpoch: number): void {
    const [first] = this.groups
    if (first === undefined || !('momentum' in first || 'betas' in first)) {
      const text = 'optimizer must support momentum or beta1 with `cycleMomentum` option enabled'
      throw new TorchError('TORCH_INVALID_ARGUMENT', text)
    }
    this.#usesBeta1 = 'betas' in first
    const highest = forEachGroup('maxMomentum', this.groups, maxMomentum)
    const lowest = forEachGroup('baseMomentum', this.groups, baseMomentum)
    if (lastEpoch !== -1) return
    this.groups.forEach((group, index) => {
      group.maxMomentum = highest[index] ?? NaN
      group.baseMomentum = lowest[index] ?? NaN
      this.#setMomentum(group, group.maxMomentum)
    })
  }

  #setMomentum(group: ScheduledGroup, momentum: number): void {
    if (this.#usesBeta1) group.betas = [momentum, group.betas?.[1] ?? NaN]
    else group.momentum = momentum
  }

  #between(start = NaN, end = NaN, share: number): number {
    if (this.#strategy === 'linear') return (end - start) * share + start
    return end + ((start - end) / 2) * (Math.cos(Math.PI * share) + 1)
  }
}

function checkTotalSteps({ totalSteps, epochs, stepsPerEpoch }: OneCycleLROptions): number {
  if (totalSteps !== undefined) return checkPositiveInteger('totalSteps', totalSteps)
  if (epochs === undefined || stepsPerEpoch === undefined) {
    const text = 'You must define either totalSteps OR (epochs AND stepsPerEpoch)'
    throw new TorchError('TORCH_INVALID_ARGUMENT', text)
  }
  return checkPositiveInteger('epochs', epochs) * checkPositiveInteger('stepsPerEpoch', stepsPerEpoch)
}

function phasesOf(totalSteps: number, pctStart: number, isThreePhase: boolean): readonly Phase[] {
  const rise: Phase = {
    end_step: pctStart * totalSteps - 1,
    ...{ start_lr: 'initial_lr', end_lr: 'max_lr', start_momentum: 'max_momentum', end_momentum: 'base_momentum' },
  }
  if (!isThreePhase) {
    return [
      rise,
      {
        end_step: totalSteps - 1,
        ...{ start_lr: 'max_lr', end_lr: 'min_lr', start_momentum: 'base_momentum', end_momentum: 'max_momentum' },
      },
    ]
  }
  return [
    rise,
    {
      end_step: 2 * pctStart * totalSteps - 2,
      ...{ start_lr: 'max_lr', end_lr: 'initial_lr', start_momentum: 'base_momentum', end_momentum: 'max_momentum' },
    },
    {
      end_step: totalSteps - 1,
      ...{ start_lr: 'initial_lr', end_lr: 'min_lr', start_momentum: 'max_momentum', end_momentum: 'max_momentum' },
    },
  ]
}

function readPhase(phase: unknown, index: number): Phase {
  const state = new SchedulerState(`OneCycleLR._schedule_phases[${index}]`, phase)
  const [rates, momentums] = [Object.keys(RATES) as Rate[], Object.keys(MOMENTUMS) as Momentum[]]
  return {
    end_step: state.number('end_step'),
    start_lr: state.oneOf('start_lr', rates),
    end_lr: state.oneOf('end_lr', rates),
    start_momentum: state.oneOf('start_momentum', momentums),
    end_momentum: state.oneOf('end_momentum', momentums),
  }
}
