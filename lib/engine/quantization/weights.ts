import { scope } from '../../util/scope.js'
import { fromArray } from '../../tensor/creation.js'
import type { Tensor } from '../../tensor/tensor.js'

/** Weights are symmetric: -128 is not used. */
const MAX_INT8 = 127

/** Weights in int8: an element of output channel `o` stands for itself times `scale[o]`. */
export interface QuantizedWeight {
  /** int8, in the shape of the weights. */
  readonly weight: Tensor
  /** float32 (O). */
  readonly scale: Tensor
}

/**
 * Rounds weights (O, ...) to int8 from -127 to 127, with a scale for each output channel.
 * Follows `torch.quantize_per_channel` with the scales `weight.abs().amax(...) / 127`.
 */
export function quantizeWeight(weight: Tensor): QuantizedWeight {
  const { shape } = weight
  const [channels = 1] = shape
  const values = weight.toFloat32Array()
  const perChannel = values.length / channels
  const rounded = new Int8Array(values.length)
  const scales = new Float32Array(channels)
  for (let channel = 0; channel < channels; channel++) {
    const from = channel * perChannel
    const row = values.subarray(from, from + perChannel)
    const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    const quotient = Math.fround(largest / MAX_INT8)
    // A channel of zeros has no scale of its own.
    const scale = Number.isFinite(Math.fround(1 / quotient)) ? quotient : 1
    const factor = Math.fround(1 / scale)
    scales[channel] = scale
    for (const [index, value] of row.entries()) {
      rounded[from + index] = Math.min(MAX_INT8, Math.max(-MAX_INT8, roundHalfToEven(Math.fround(value * factor))))
    }
  }
  // Copies: the arrays are of no further use.
  return scope(() => ({ weight: fromArray(rounded, shape).clone(), scale: fromArray(scales, [channels]).clone() }))
}

/** As C's `nearbyint`. */
function roundHalfToEven(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1
  return below % 2 === 0 ? below : below + 1
}
