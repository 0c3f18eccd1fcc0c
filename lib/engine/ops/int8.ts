import type { PlanArgument } from '../../libtorch/plan_spec.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Value } from '../graph.js'
import type { PlanWriter } from '../plan/plan_writer.js'
import type { QParams } from '../quantization/qparams.js'
import type { LayoutRequest, Target } from './kernel.js'
import { literals } from './kernel.js'
import type { Layer } from './layer.js'

/** Tells whether the weights of a layer are int8. */
export function isInt8Layer({ weight }: Layer, { quantization }: Target): boolean {
  return quantization?.scales.has(weight) === true
}

/** Asks for a value as uint8, images channels-last. */
export function readQuantized(_node: unknown, { shape }: Value): LayoutRequest {
  return { dtype: 'uint8', isChannelsLast: shape.length === 4 }
}

/** Scale and zero point, which oneDNN's int8 operators take next to each other. */
export function qparamsArguments({ scale, zeroPoint }: QParams): PlanArgument[] {
  return literals(scale, zeroPoint)
}

/** The zero points of weights, which the operators ask for: all 0. */
export function zeroPoints(plan: PlanWriter, scales: Tensor): PlanArgument {
  return plan.packed(scales, 'float32', 'zero points', 'aten::zeros_like', [{ literal: 'int64' }])
}
