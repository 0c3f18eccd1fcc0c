import type { PlanArgument } from '../../libtorch/plan_spec.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Value } from '../graph.js'
import type { PlanWriter } from '../plan/plan_writer.js'
import type { QParams } from '../quantization/qparams.js'
import { factsOfActivation, type Activation } from './activations.js'
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

/** Tells whether the int8 operators apply an activation in the same step. */
export function fusesInInt8(activation: Activation): boolean {
  return activation === 'none' || factsOfActivation(activation)?.int8 !== null
}

/** The arguments of the int8 operators for an activation: attribute, scalars and algorithm. */
export function postOpArguments(activation: Activation): PlanArgument[] {
  const { attribute, scalars, algorithm } = factsOfActivation(activation)?.int8 ?? NO_POST_OP
  return literals(attribute, scalars, algorithm)
}

const NO_POST_OP = { attribute: 'none', scalars: [], algorithm: '' } as const
