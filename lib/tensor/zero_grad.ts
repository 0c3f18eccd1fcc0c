import { native } from '../libtorch/binding.js'
import { checkBoolean, checkOptions } from '../util/check.js'
import { handleOf } from './handle.js'
import type { Tensor } from './tensor.js'

/** Options of `zeroGrad` of modules and optimizers. */
export interface ZeroGradOptions {
  /** Take the gradients away; with `false` they are filled with zeros. Default: `true`. */
  readonly setToNone?: boolean | undefined
}

/** Takes the gradients of tensors away, or fills them with zeros. */
export function zeroGradOf(tensors: readonly Tensor[], options: ZeroGradOptions): void {
  checkOptions('zeroGrad()', options, ['setToNone'])
  const setToNone = checkBoolean('setToNone', options.setToNone ?? true)
  native.zeroGrad(
    tensors.map((tensor) => handleOf(tensor)),
    setToNone,
  )
}
