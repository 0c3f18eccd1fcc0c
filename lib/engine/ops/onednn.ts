import type { PlanArgument } from '../../libtorch/plan_spec.js'
import { ACTIVATIONS, factsOfActivation, type Activation } from './activations.js'
import { literals } from './kernel.js'

/** Tells whether oneDNN applies an activation in the same step, after a sum where there is one. */
export function fusesActivation(activation: Activation, hasResidual: boolean): boolean {
  if (activation === 'none') return true
  const postOp = ACTIVATIONS[activation].onednn
  return postOp !== null && (postOp.followsSum || !hasResidual)
}

/** The arguments of oneDNN's operators in libtorch for an activation: attribute, scalars and algorithm. */
export function postOpArguments(
  activation: Activation,
  { none = 'none' }: { none?: string | null } = {},
): PlanArgument[] {
  const postOp = factsOfActivation(activation)?.onednn ?? null
  if (postOp === null) return literals(none, [], '')
  return literals(postOp.attribute, postOp.scalars, postOp.algorithm)
}
