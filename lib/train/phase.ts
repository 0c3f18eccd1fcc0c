import type { ConfusionMatrix } from '../evaluation/confusion.js'
import type { Tensor } from '../tensor/tensor.js'
import { AdamW } from '../optim/adam.js'
import { OneCycleLR } from '../optim/one_cycle_lr.js'
import type { ParamGroupOptions } from '../optim/optimizer.js'
import type { AdamGroup } from '../optim/adam.js'
import { TorchError } from '../util/errors.js'
import { scope } from '../util/scope.js'
import type { FinetunePhase } from './options.js'

/** What was measured on the validation images. */
export interface Measured {
  readonly loss: number
  readonly accuracy: number
  readonly confusion: ConfusionMatrix
}

/** A batch that is trained on. */
export interface TrainBatch {
  /** Computes the loss (). */
  readonly loss: () => Tensor
  /** What a message names if the loss is not finite. */
  readonly images: () => string
}

/** What differs between the two phases of a training. */
export interface Phase {
  readonly name: Exclude<FinetunePhase, 'features'>
  readonly maxEpochs: number
  readonly stepsPerEpoch: number
  readonly groups: readonly ParamGroupOptions<AdamGroup>[]
  /** Highest learning rate of each group. */
  readonly maxLr: readonly number[]
  batches(epoch: number): AsyncIterable<TrainBatch>
  measure(): Promise<Measured>
}

/** The optimizer of a phase and its schedule, one cycle over all epochs. */
export function optimizerOf(
  { groups, maxLr, maxEpochs, stepsPerEpoch }: Phase,
  weightDecay: number,
): { readonly optimizer: AdamW; readonly scheduler: OneCycleLR } {
  const optimizer = new AdamW(groups, { weightDecay })
  // One more than there are, as a schedule takes a step when it is made.
  const scheduler = new OneCycleLR(optimizer, maxLr, { totalSteps: maxEpochs * stepsPerEpoch + 1 })
  return { optimizer, scheduler }
}

/** Where a loss is not finite. */
interface StepLocation {
  readonly phase: string
  readonly epoch: number
  readonly step: number
  readonly lr: number
  readonly images: string
}

/** Takes a step, and gives the loss before it. */
export async function trainStep(
  { loss, images }: TrainBatch,
  optimizer: AdamW,
  scheduler: OneCycleLR,
  place: Omit<StepLocation, 'images' | 'lr'>,
): Promise<number> {
  return scope(async () => {
    optimizer.zeroGrad()
    const tensor = loss()
    const value = Number(tensor.item())
    if (!Number.isFinite(value)) throw notFinite(value, { ...place, lr: lrOf(optimizer), images: images() })
    await tensor.backwardAsync()
    optimizer.step()
    scheduler.step()
    return value
  })
}

/** Highest learning rate. */
export function lrOf({ paramGroups }: AdamW): number {
  return Math.max(...paramGroups.map(({ lr }) => lr))
}

function notFinite(value: number, { phase, epoch, step, lr, images }: StepLocation): TorchError {
  const where = `in step ${step} of epoch ${epoch} of the ${phase}, at a learning rate of ${Number(lr.toPrecision(3))}`
  return new TorchError('TORCH_TRAINING', `The loss is ${value} ${where}, for ${images}: try a lower learning rate`)
}
