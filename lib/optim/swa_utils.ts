import { inferenceMode } from '../autograd/modes.js'
import { native } from '../libtorch/binding.js'
import { inGradModeNow } from '../libtorch/grad_mode.js'
import { BatchNorm1d, BatchNorm2d } from '../nn/batchnorm.js'
import { isTensor } from '../nn/checks.js'
import { Module } from '../nn/module.js'
import { tensor } from '../tensor/creation.js'
import { handleOf } from '../tensor/handle.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkBoolean, checkNumber, expected } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { scope, synchronousScope } from '../util/scope.js'
import { Signature } from '../util/signature.js'

/** Brings averages up to date in place, with the values of now; `numAveraged` counts those before. */
export type MultiAvgFn = (averaged: readonly Tensor[], current: readonly Tensor[], numAveraged: number) => void

/** Options of {@link AveragedModel}. */
export interface AveragedModelOptions {
  /** How values are averaged. Default: {@link getSwaMultiAvgFn}, all alike. */
  readonly multiAvgFn?: MultiAvgFn | undefined
  /** Average buffers, such as running statistics, instead of copying them. Default: `false`. */
  readonly useBuffers?: boolean | undefined
}

const AVERAGED = new Signature<AveragedModelOptions>('new AveragedModel', ['model', 'module'], {
  ...{ multiAvgFn: 'keyword', useBuffers: 'keyword' },
})

/**
 * A model whose weights are the averages of those of another over its training. State keys: `n_averaged`, and those of the model after
 * `module.`. Follows `torch.optim.swa_utils.AveragedModel`.
 *
 * **`module` is a second model, made as the first was; PyTorch makes a copy.** It belongs to this one.
 *
 * @throws {TorchError} `TORCH_STATE_DICT` if the two are not alike.
 */
export class AveragedModel extends Module {
  readonly module: Module
  readonly #average: MultiAvgFn
  readonly #useBuffers: boolean

  constructor(model: Module, module: Module, options?: AveragedModelOptions)
  constructor(model: Module, module: Module, ...given: readonly unknown[]) {
    const { multiAvgFn = getSwaMultiAvgFn(), useBuffers = false } = AVERAGED.read([model, module], given)
    super()
    if (!(model instanceof Module)) throw expected('a Module', 'model', model)
    if (!(module instanceof Module) || (module as unknown) === model)
      throw expected('a second Module', 'module', module)
    if (typeof multiAvgFn !== 'function') throw expected('a function', 'multiAvgFn', multiAvgFn)
    module.loadStateDict(model.stateDict())
    this.module = module
    this.#average = multiAvgFn
    this.#useBuffers = checkBoolean('useBuffers', useBuffers)
    this.registerBuffer('n_averaged', tensor(0n, { dtype: 'int64' }))
  }

  override forward(...inputs: Tensor[]): Tensor {
    return this.module.forward(...inputs)
  }

  /** Takes the weights of now into the averages. */
  updateParameters(model: Module): void {
    inGradModeNow('disabled', () =>
      synchronousScope(() => {
        const averaged = [...this.module.parameters(), ...(this.#useBuffers ? this.module.buffers() : [])]
        const current = [...model.parameters(), ...(this.#useBuffers ? model.buffers() : [])]
        if (averaged.length !== current.length) throw expected('the model that is averaged', 'model', model)
        const count = Number(this.buffer('n_averaged').item())
        if (count === 0) copyAll(averaged, current)
        else for (const [one, other] of byDType(averaged, current)) this.#average(one, other, count)
        if (!this.#useBuffers) copyAll(this.module.buffers(), model.buffers())
        this.buffer('n_averaged').add_(1)
      }),
    )
  }
}

/**
 * Averages with more weight on what is newer: an exponential moving average. Follows `get_ema_multi_avg_fn`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT`, in PyTorch's words, unless `decay` is from 0 to 1.
 */
export function getEmaMultiAvgFn(decay = 0.999): MultiAvgFn {
  if (checkNumber('decay', decay) < 0 || decay > 1) {
    const text = `Invalid decay value ${decay} provided. Please provide a value in [0,1] range.`
    throw new TorchError('TORCH_INVALID_ARGUMENT', text)
  }
  return (averaged, current) => {
    moveTowards(averaged, current, 1 - decay)
  }
}

/** Averages all values alike. Follows `get_swa_multi_avg_fn`. */
export function getSwaMultiAvgFn(): MultiAvgFn {
  return (averaged, current, numAveraged) => {
    moveTowards(averaged, current, 1 / (numAveraged + 1))
  }
}

/**
 * Computes the running statistics of batch normalizations anew, over batches of images: averages of weights have none of their own.
 * Follows `torch.optim.swa_utils.update_bn`.
 *
 * @param loader Tensors, or batches with `images`, which are not disposed.
 */
export async function updateBn(
  loader: AsyncIterable<Tensor | { readonly images: Tensor }> | Iterable<Tensor | { readonly images: Tensor }>,
  model: Module,
): Promise<void> {
  const norms = model.modules().filter((module) => module instanceof BatchNorm1d || module instanceof BatchNorm2d)
  if (norms.length === 0) return
  const modes = new Map(model.modules().map((module) => [module, module.training]))
  const momenta = norms.map(({ momentum }) => momentum)
  for (const norm of norms) {
    norm.resetRunningStats()
    norm.momentum = null
  }
  model.train()
  try {
    for await (const batch of loader) {
      const images = isTensor(batch) ? batch : batch.images
      inferenceMode(() => scope(() => void model.forward(images)))
    }
  } finally {
    norms.forEach((norm, index) => (norm.momentum = momenta[index] ?? null))
    for (const [module, training] of modes) module.training = training
  }
}

function moveTowards(averaged: readonly Tensor[], current: readonly Tensor[], share: number): void {
  const [first] = averaged
  if (first?.isFloatingPoint() === true) {
    const lists = [averaged, current].map((list) => list.map((each) => handleOf(each)))
    native.callAten('aten::_foreach_lerp_.Scalar', ...lists, share)
    return
  }
  averaged.forEach((each, index) => {
    const other = current[index]
    if (other !== undefined) each.copy_(each.mul(1 - share).add(other.mul(share)))
  })
}

function copyAll(into: readonly Tensor[], from: readonly Tensor[]): void {
  into.forEach((each, index) => each.copy_(from[index] ?? each))
}

function byDType(averaged: readonly Tensor[], current: readonly Tensor[]): Iterable<[Tensor[], Tensor[]]> {
  const groups = new Map<string, [Tensor[], Tensor[]]>()
  averaged.forEach((each, index) => {
    const other = current[index]
    if (other === undefined) return
    const group = groups.get(each.dtype) ?? [[], []]
    groups.set(each.dtype, group)
    group[0].push(each)
    group[1].push(other)
  })
  return groups.values()
}
