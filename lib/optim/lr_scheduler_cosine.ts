import { checkNumber, checkPositiveInteger } from '../util/check.js'
import { Signature } from '../util/signature.js'
import { LRScheduler, type LastEpochOptions, type ScheduledOptimizer } from './lr_scheduler.js'
import type { SchedulerState, SchedulerStateDict } from './scheduler_state.js'

// SGDR: Loshchilov and Hutter 2016, arXiv:1608.03983.

/** Options of {@link CosineAnnealingLR}; names and defaults are PyTorch's. */
export interface CosineAnnealingLROptions extends LastEpochOptions {
  /** Lowest learning rate. Default: `0`. */
  readonly etaMin?: number | undefined
}

/** Options of {@link CosineAnnealingWarmRestarts}; names and defaults are PyTorch's. */
export interface CosineAnnealingWarmRestartsOptions extends CosineAnnealingLROptions {
  /** How many times as long each period is as the one before. Default: `1`. */
  readonly tMult?: number | undefined
}

const ANNEALING = new Signature<CosineAnnealingLROptions>('new CosineAnnealingLR', ['optimizer', 'tMax'], {
  ...{ etaMin: 'name', lastEpoch: 'name' },
})
const RESTARTS = new Signature<CosineAnnealingWarmRestartsOptions>(
  'new CosineAnnealingWarmRestarts',
  ['optimizer', 't0'],
  { tMult: 'name', etaMin: 'name', lastEpoch: 'name' },
)

/**
 * Lets the learning rate fall along half a cosine over `tMax` steps, and rise again over as many. Follows
 * `torch.optim.lr_scheduler.CosineAnnealingLR`.
 */
export class CosineAnnealingLR extends LRScheduler {
  #tMax: number
  #etaMin: number

  constructor(optimizer: ScheduledOptimizer, tMax: number, options?: CosineAnnealingLROptions)
  constructor(optimizer: ScheduledOptimizer, tMax: number, ...given: readonly unknown[]) {
    const { etaMin = 0, lastEpoch = -1 } = ANNEALING.read([optimizer, tMax], given)
    super(optimizer, lastEpoch)
    this.#tMax = checkPositiveInteger('tMax', tMax)
    this.#etaMin = checkNumber('etaMin', etaMin)
    this.start()
  }

  protected override getLr(): readonly number[] {
    if (this.isInitial) return this.rates()
    if (this.stepCount === 1 && this.lastEpoch > 0) return this.closedForm()
    const [last, tMax, etaMin] = [this.lastEpoch, this.#tMax, this.#etaMin]
    if ((last - 1 - tMax) % (2 * tMax) === 0) {
      return this.rates().map((lr, index) => {
        return lr + (((this.baseLrs[index] ?? NaN) - etaMin) * (1 - Math.cos(Math.PI / tMax))) / 2
      })
    }
    const now = 1 + Math.cos((Math.PI * last) / tMax)
    const before = 1 + Math.cos((Math.PI * (last - 1)) / tMax)
    return this.rates().map((lr) => (now / before) * (lr - etaMin) + etaMin)
  }

  protected override closedForm(): readonly number[] {
    const wave = 1 + Math.cos((Math.PI * this.lastEpoch) / this.#tMax)
    return this.baseLrs.map((lr) => this.#etaMin + ((lr - this.#etaMin) * wave) / 2)
  }

  protected override ownState(): SchedulerStateDict {
    return { T_max: this.#tMax, eta_min: this.#etaMin }
  }

  protected override ownReader(state: SchedulerState): () => void {
    const [tMax, etaMin] = [state.integer('T_max'), state.number('eta_min')]
    return () => ([this.#tMax, this.#etaMin] = [tMax, etaMin])
  }
}

/**
 * Lets the learning rate fall along half a cosine, over `t0` steps at first, and start anew then. Follows
 * `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`.
 */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  #t0: number
  #tMult: number
  #etaMin: number
  /** Steps in this period, and its length. */
  #tCur: number
  #tI: number

  constructor(optimizer: ScheduledOptimizer, t0: number, options?: CosineAnnealingWarmRestartsOptions)
  constructor(optimizer: ScheduledOptimizer, t0: number, ...given: readonly unknown[]) {
    const { tMult = 1, etaMin = 0, lastEpoch = -1 } = RESTARTS.read([optimizer, t0], given)
    super(optimizer, lastEpoch)
    this.#t0 = checkPositiveInteger('t0', t0)
    this.#tI = t0
    this.#tMult = checkPositiveInteger('tMult', tMult)
    this.#etaMin = checkNumber('etaMin', etaMin)
    this.#tCur = lastEpoch
    this.start()
  }

  override step(): void {
    if (this.lastEpoch < 0) {
      this.#tI = this.#t0
      this.#tCur = 0
      this.update(0)
      return
    }
    this.#tCur++
    if (this.#tCur >= this.#tI) {
      this.#tCur %= this.#tI
      this.#tI *= this.#tMult
    }
    this.update(this.lastEpoch + 1)
  }

  protected override getLr(): readonly number[] {
    const wave = 1 + Math.cos((Math.PI * this.#tCur) / this.#tI)
    return this.baseLrs.map((lr) => this.#etaMin + ((lr - this.#etaMin) * wave) / 2)
  }

  protected override ownState(): SchedulerStateDict {
    return { T_0: this.#t0, T_i: this.#tI, T_mult: this.#tMult, eta_min: this.#etaMin, T_cur: this.#tCur }
  }

  protected override ownReader(state: SchedulerState): () => void {
    const [t0, tI, tMult, tCur] = ['T_0', 'T_i', 'T_mult', 'T_cur'].map((key) => state.number(key))
    const etaMin = state.number('eta_min')
    return () => {
      this.#t0 = t0 ?? NaN
      this.#tI = tI ?? NaN
      this.#tMult = tMult ?? NaN
      this.#tCur = tCur ?? NaN
      this.#etaMin = etaMin
    }
  }
}
