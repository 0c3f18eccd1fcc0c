import type { NativeBinding } from '../../libtorch/binding.js'
import type { TensorHandle } from '../../libtorch/handles.js'
import type { Value } from '../graph.js'
import { factsOf, layerFacts } from '../trace/layer_facts.js'
import type { Recorder } from '../trace/recorder.js'
import { ACTIVATIONS, type ActivationKind } from './activations.js'
import { atenKernel } from './aten_kernel.js'
import { VALUE } from './fields.js'
import type { NodeBase, Op } from './op.js'

/** Applies an activation of {@link ACTIVATIONS} to each element. */
export interface ActivationNode extends NodeBase {
  readonly kind: ActivationKind
  readonly input: Value
}

/** The ops of all activations, by their kinds. */
export const ACTIVATION_OPS = Object.fromEntries(
  (Object.keys(ACTIVATIONS) as ActivationKind[]).map((kind) => [kind, activationOp(kind)]),
) as Readonly<Record<ActivationKind, Op<ActivationNode>>>

function activationOp(kind: ActivationKind): Op<ActivationNode> {
  const { eager, schema } = ACTIVATIONS[kind]
  return {
    kind,
    fields: { input: VALUE },
    record: { [kind]: (recorder: Recorder, input: TensorHandle) => record(recorder, kind, input) },
    absorbs: [],
    shape: ({ input }) => input.shape,
    eager: ({ input }, lookup) => [eager(lookup(input))],
    kernels: { aten: atenKernel('asInputs', ({ input }, plan) => ({ schema, args: [plan.read(input)] })) },
  }
}

function record(recorder: Recorder, kind: ActivationKind & keyof NativeBinding, input: TensorHandle): TensorHandle {
  const symbolic = recorder.symbolic(input)
  const result = layerFacts(symbolic, symbolic.facts.shape) ?? factsOf(recorder, kind, [input])
  return recorder.tensor(recorder.emit({ kind, input: symbolic.value }, result.shape, result.dtype), result)
}
