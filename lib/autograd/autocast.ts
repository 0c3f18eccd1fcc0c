import type { AutocastState, HalfDType } from '../libtorch/binding.js'
import { currentAutocast, inAutocast } from '../libtorch/grad_mode.js'
import { checkBoolean, checkOneOf, expected } from '../util/check.js'
import { Signature } from '../util/signature.js'

/** The kinds of device for which {@link autocast} can be on. */
export const AUTOCAST_DEVICES = ['cpu', 'cuda'] as const
export type AutocastDevice = (typeof AUTOCAST_DEVICES)[number]

/** The dtypes in which {@link autocast} can compute. */
export const AUTOCAST_DTYPES = ['bfloat16', 'float16'] as const satisfies readonly HalfDType[]
export type AutocastDType = (typeof AUTOCAST_DTYPES)[number]

/** Options of {@link autocast}. */
export interface AutocastOptions {
  /** Tensors of which kind of device are cast. **Default: `cpu`**; PyTorch has none. */
  readonly deviceType?: AutocastDevice | undefined
  /** Default: that of the {@link autocast} around, where there is none `bfloat16` on the CPU and `float16` on CUDA. */
  readonly dtype?: AutocastDType | undefined
  /** With `false`, operations inside of another {@link autocast} compute in the dtypes of their tensors. Default: `true`. */
  readonly enabled?: boolean | undefined
  /** Convert each weight that requires a gradient once, not for each operation. Default: as around; `true`. */
  readonly cacheEnabled?: boolean | undefined
}

const AUTOCAST = new Signature<AutocastOptions>('autocast', ['body'], {
  ...{ deviceType: 'keyword', dtype: 'name', enabled: 'name', cacheEnabled: 'name' },
})

/**
 * Runs `body` with convolutions and products of matrices computed in half of the bits, and losses and the like in float32, by
 * libtorch's lists. It holds over `await` inside `body`, until its promise is settled, and not in what else runs meanwhile.
 *
 * Compute the loss inside. Backward passes compute in the dtypes of the forward pass, inside as well as outside. Follows
 * `torch.autocast`.
 *
 * @param body May be asynchronous. Its result is given back.
 */
export function autocast<T>(body: () => T, options?: AutocastOptions): T
export function autocast<T>(body: () => T, ...given: readonly unknown[]): T {
  if (typeof body !== 'function') throw expected('a function', 'body', body)
  const around = currentAutocast()
  const { deviceType = 'cpu', dtype, enabled = true, cacheEnabled = around.cache } = AUTOCAST.read([body], given)
  const device = around[checkOneOf('deviceType', deviceType, AUTOCAST_DEVICES)]
  const state: AutocastState = {
    ...around,
    [deviceType]: {
      isOn: checkBoolean('enabled', enabled),
      dtype: dtype === undefined ? device.dtype : checkOneOf('dtype', dtype, AUTOCAST_DTYPES),
    },
    cache: checkBoolean('cacheEnabled', cacheEnabled),
  }
  return inAutocast(state, body)
}

/** Tells whether {@link autocast} holds here. Follows `torch.is_autocast_enabled`. */
export function isAutocastEnabled(deviceType: AutocastDevice = 'cpu'): boolean {
  return currentAutocast()[checkOneOf('deviceType', deviceType, AUTOCAST_DEVICES)].isOn
}

/** Gives the dtype in which {@link autocast} computes here, or would. Follows `torch.get_autocast_dtype`. */
export function getAutocastDtype(deviceType: AutocastDevice = 'cpu'): AutocastDType {
  return currentAutocast()[checkOneOf('deviceType', deviceType, AUTOCAST_DEVICES)].dtype
}
