import { layoutOf, type Node } from '../graph.js'
import type { FollowUp, OperatorCall, PlanWriter } from '../plan/plan_writer.js'
import { ACTIVATIONS, type Activation } from './activations.js'
import { keptDType, type Kernel, type OutputLayout } from './kernel.js'
import type { NodeBase } from './op.js'

/** What libtorch's ordinary operators do with the layout: a new tensor, one laid out as the inputs, or a view. */
export type AtenOutput = 'dense' | 'asInputs' | 'view'

/** Nodes of one output; all kinds but `aten`. */
type PlainNode = Extract<Node, NodeBase>

/** Makes a kernel that calls one of libtorch's ordinary operators, and then those for residual and activation. */
export function atenKernel<N extends PlainNode>(
  output: AtenOutput,
  call: (node: N, plan: PlanWriter) => OperatorCall,
): Kernel<N> {
  return {
    reads: ({ output }, _value, target) => ({ dtype: keptDType(output, target) }),
    writes: (_node, value, inputs, target): OutputLayout => ({
      dtype: keptDType(value, target),
      isChannelsLast: output === 'asInputs' && inputs.every((input) => layoutOf(input).isChannelsLast),
      isOwned: output !== 'view',
      qparams: null,
    }),
    emit: (node, plan) => plan.call(node, 'ATen', call(node, plan), followUps(node, plan)),
  }
}

/** Lists the calls that add a residual to a result and apply an activation, both in place. */
export function followUps(node: PlainNode, plan: PlanWriter): FollowUp[] {
  const residual = 'residual' in node ? node.residual : null
  const calls: FollowUp[] = []
  if (residual !== null) {
    calls.push({
      operation: '+ residual',
      schema: 'aten::add_.Tensor',
      args: (result) => [result, plan.read(residual), { literal: 1 }],
    })
  }
  return [...calls, ...activationFollowUps(node)]
}

/** Lists the call that applies the activation of a node in place. */
export function activationFollowUps(node: PlainNode): FollowUp[] {
  const activation: Activation = 'activation' in node ? node.activation : 'none'
  if (activation === 'none') return []
  const { schemaInPlace } = ACTIVATIONS[activation]
  return [{ operation: `+ ${activation}`, schema: schemaInPlace, args: (result) => [result] }]
}
