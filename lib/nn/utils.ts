import { native } from '../libtorch/binding.js'
import type { TensorHandle } from '../libtorch/handles.js'
import { inGradModeNow } from '../libtorch/grad_mode.js'
import { handleOf } from '../tensor/handle.js'
import { Tensor } from '../tensor/tensor.js'
import { checkBoolean, checkNumber } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { synchronousScope } from '../util/scope.js'
import { Signature } from '../util/signature.js'

/** Options of {@link clipGradNorm_}. */
export interface ClipGradNormOptions {
  /** Degree of the norm; `Infinity` takes the largest element. Default: `2`. */
  readonly normType?: number | undefined
  /** Throw if the norm is NaN or infinite. Default: `false`. */
  readonly errorIfNonfinite?: boolean | undefined
}

const CLIP = new Signature<ClipGradNormOptions>('clipGradNorm_', ['parameters', 'maxNorm'], {
  ...{ normType: 'name', errorIfNonfinite: 'name' },
})

/**
 * Scales the gradients of parameters down where the norm of all together is above `maxNorm`, and gives the norm that it was, ().
 * Parameters without a gradient are skipped. Follows `torch.nn.utils.clip_grad_norm_`.
 *
 * @throws {TorchError} `TORCH_OPERATOR`, in PyTorch's words, if `errorIfNonfinite` and the norm is not finite.
 */
export function clipGradNorm_(
  parameters: Tensor | Iterable<Tensor>,
  maxNorm: number,
  options?: ClipGradNormOptions,
): Tensor
export function clipGradNorm_(
  parameters: Tensor | Iterable<Tensor>,
  maxNorm: number,
  ...given: readonly unknown[]
): Tensor {
  const { normType = 2, errorIfNonfinite = false } = CLIP.read([parameters, maxNorm], given)
  const handles = handlesOf(parameters)
  checkNumber('maxNorm', maxNorm)
  checkNumber('normType', normType)
  checkBoolean('errorIfNonfinite', errorIfNonfinite)
  return inGradModeNow('disabled', () => {
    const total = new Tensor(native.gradNorm(handles, normType))
    if (errorIfNonfinite && !Number.isFinite(Number(total.item()))) {
      total.dispose()
      throw new TorchError(
        'TORCH_OPERATOR',
        `The total norm of order ${normType} for gradients from \`parameters\` is non-finite, so it cannot be clipped. To ` +
          'disable this error and scale the gradients by the non-finite norm anyway, set `errorIfNonfinite: false`',
      )
    }
    synchronousScope(() => {
      // Divides as PyTorch does, which multiplies by 1 rather than asking a device whether that is needed.
      const factor = total.add(1e-6).pow(-1).mul(maxNorm).clamp({ max: 1 })
      native.scaleGrads(handles, handleOf(factor))
    })
    return total
  })
}

/**
 * Limits each element of the gradients of parameters to what lies from `-clipValue` to `clipValue`. Follows
 * `torch.nn.utils.clip_grad_value_`.
 */
export function clipGradValue_(parameters: Tensor | Iterable<Tensor>, clipValue: number): void {
  native.clampGrads(handlesOf(parameters), checkNumber('clipValue', clipValue))
}

function handlesOf(parameters: Tensor | Iterable<Tensor>): readonly TensorHandle[] {
  const list = Symbol.iterator in parameters ? [...parameters] : [parameters]
  return list.map((parameter, index) => handleOf(parameter, `parameters[${index}]`))
}
