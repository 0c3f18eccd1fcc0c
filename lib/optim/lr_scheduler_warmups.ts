import { checkNumber, checkPositiveInteger } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { Signature } from '../util/signature.js'
import { LRScheduler, type LastEpochOptions, type ScheduledOptimizer } from './lr_scheduler.js'
import type { SchedulerState, SchedulerStateDict } from './scheduler_state.js'

// Schedulers that change the learning rate over a number of steps at the start and then leave it.

/** Options of {@link ConstantLR}; names and defaults are PyTorch's. */
export interface ConstantLROptions extends LastEpochOptions {
  /** Share of the learning rate, 0 to 1. Default: `1 / 3`. */
  readonly factor?: number | undefined
  /** Steps for which it holds. Default: `5`. */
  readonly totalIters?: number | undefined
}

/** Options of {@link LinearLR}; names and defaults are PyTorch's. */
export interface LinearLROptions extends LastEpochOptions {
  /** Share of the learning rate at the start, above 0 to 1. Default: `1 / 3`. */
  readonly startFactor?: number | undefined
  /** Share of the learning rate at the end, 0 to 1. Default: `1`. */
  readonly endFactor?: number | undefined
  /** Steps from the one to the other. Default: `5`. */
  readonly totalIters?: number | undefined
}

/** Options of {@link PolynomialLR}; names and defaults are PyTorch's. */
export interface PolynomialLROptions extends LastEpochOptions {
  /** Steps down to 0. Default: `5`. */
  readonly totalIters?: number | undefined
  /** Exponent; 1 falls along a line. Default: `1`. */
  readonly power?: number | undefined
}

const CONSTANT = new Signature<ConstantLROptions>('new ConstantLR', ['optimizer'], {
  ...{ factor: 'name', totalIters: 'name', lastEpoch: 'name' },
})
const LINEAR = new Signature<LinearLROptions>('new LinearLR', ['optimizer'], {
  ...{ startFactor: 'name', endFactor: 'name', totalIters: 'name', lastEpoch: 'name' },
})
const POLYNOMIAL = new Signature<PolynomialLROptions>('new PolynomialLR', ['optimizer'], {
  ...{ totalIters: 'name', power: 'name', lastEpoch: 'name' },
})

/** Multiplies the learning rate by `factor` for the first `totalIters` steps. Follows `torch.optim.lr_scheduler.ConstantLR`. */
export class ConstantLR extends LRScheduler {
  #factor: number
  #totalIters: number

  constructor(optimizer: ScheduledOptimizer, options?: ConstantLROptions)
  constructor(optimizer: ScheduledOptimizer, ...given: readonly unknown[]) {
    const { factor = 1 / 3, totalIters = 5, lastEpoch = -1 } = CONSTANT.read([optimizer], given)
    super(optimizer, lastEpoch)
    checkNumber('factor', factor)
    if (factor > 1 || factor < 0) {
      const text = 'Constant multiplicative factor expected to be between 0 and 1.'
      throw new TorchError('TORCH_INVALID_ARGUMENT', text)
    }
    this.#factor = factor
    this.#totalIters = checkPositiveInteger('totalIters', totalIters)
    this.start()
  }

  protected override getLr(): readonly number[] {
    if (this.lastEpoch === 0) return this.scaled(this.#factor)
    return this.lastEpoch === this.#totalIters ? this.scaled(1 / this.#factor) : this.rates()
  }

  protected override closedForm(): readonly number[] {
    const factor = this.#factor + (this.lastEpoch >= this.#totalIters ? 1 - this.#factor : 0)
    return this.baseLrs.map((lr) => lr * factor)
  }

  protected override ownState(): SchedulerStateDict {
    return { factor: this.#factor, total_iters: this.#totalIters }
  }

  protected override ownReader(state: SchedulerState): () => void {
    const [factor, totalIters] = [state.number('factor'), state.integer('total_iters')]
    return () => ([this.#factor, this.#totalIters] = [factor, totalIters])
  }
}

/**
 * Changes the learning rate along a line, from its `startFactor` to its `endFactor`, over `totalIters` steps. Follows
 * `torch.optim.lr_scheduler.LinearLR`.
 */
export class LinearLR extends LRScheduler {
  #startFactor: number
  #endFactor: number
  #totalIters: number

  constructor(optimizer: ScheduledOptimizer, options?: LinearLROptions)
  constructor(optimizer: ScheduledOptimizer, ...given: readonly unknown[]) {
    const options = LINEAR.read([optimizer], given)
    const { startFactor = 1 / 3, endFactor = 1, totalIters = 5, lastEpoch = -1 } = options
    super(optimizer, lastEpoch)
    checkNumber('startFactor', startFactor)
    checkNumber('endFactor', endFactor)
    if (startFactor > 1 || startFactor <= 0) {
      const text = 'Starting multiplicative factor expected to be greater than 0 and less or equal to 1.'
      throw new TorchError('TORCH_INVALID_ARGUMENT', text)
    }
    if (endFactor > 1 || endFactor < 0) {
      const text = 'Ending multiplicative factor expected to be between 0 and 1.'
      throw new TorchError('TORCH_INVALID_ARGUMENT', text)
    }
    this.#startFactor = startFactor
    this.#endFactor = endFactor
    this.#totalIters = checkPositiveInteger('totalIters', totalIters)
    this.start()
  }

  protected override getLr(): readonly number[] {
    if (this.lastEpoch === 0) return this.scaled(this.#startFactor)
    if (this.isInitial || this.lastEpoch > this.#totalIters) return this.rates()
    const rise = this.#endFactor - this.#startFactor
    return this.scaled(1 + rise / (this.#totalIters * this.#startFactor + (this.lastEpoch - 1) * rise))
  }

  protected override closedForm(): readonly number[] {
    const passed = Math.min(this.#totalIters, this.lastEpoch)
    const factor = this.#startFactor + ((this.#endFactor - this.#startFactor) * passed) / this.#totalIters
    return this.baseLrs.map((lr) => lr * factor)
  }

  protected override ownState(): SchedulerStateDict {
    return { start_factor: this.#startFactor, end_factor: this.#endFactor, total_iters: this.#totalIters }
  }

  protected override ownReader(state: SchedulerState): () => void {
    const startFactor = state.number('start_factor')
    const endFactor = state.number('end_factor')
    const totalIters = state.integer('total_iters')
    return () => {
      this.#startFactor = startFactor
      this.#endFactor = endFactor
      this.#totalIters = totalIters
    }
  }
}

/** Lets the learning rate fall to 0 over `totalIters` steps. Follows `torch.optim.lr_scheduler.PolynomialLR`. */
export class PolynomialLR extends LRScheduler {
  #totalIters: number
  #power: number

  constructor(optimizer: ScheduledOptimizer, options?: PolynomialLROptions)
  constructor(optimizer: ScheduledOptimizer, ...given: readonly unknown[]) {
    const { totalIters = 5, power = 1, lastEpoch = -1 } = POLYNOMIAL.read([optimizer], given)
    super(optimizer, lastEpoch)
    this.#totalIters = checkPositiveInteger('totalIters', totalIters)
    this.#power = checkNumber('power', power)
    this.start()
  }

  protected override getLr(): readonly number[] {
    if (this.isInitial || this.lastEpoch > this.#totalIters) return this.rates()
    const now = 1 - this.lastEpoch / this.#totalIters
    const before = 1 - (this.lastEpoch - 1) / this.#totalIters
    return this.scaled((now / before) ** this.#power)
  }

  protected override closedForm(): readonly number[] {
    const left = 1 - Math.min(this.#totalIters, this.lastEpoch) / this.#totalIters
    return this.baseLrs.map((lr) => lr * left ** this.#power)
  }

  protected override ownState(): SchedulerStateDict {
    return { total_iters: this.#totalIters, power: this.#power }
  }

  protected override ownReader(state: SchedulerState): () => void {
    const [totalIters, power] = [state.integer('total_iters'), state.number('power')]
    return () => ([this.#totalIters, this.#power] = [totalIters, power])
  }
}
