import type { NativeBinding } from '../../libtorch/binding.js'
import type { TensorHandle } from '../../libtorch/handles.js'
import { isFloatingPoint } from '../../util/dtype.js'
import type { Value } from '../graph.js'
import { anyOperator, factsOf } from '../trace/layer_facts.js'
import { isChannelsLast, laidOutAs } from '../trace/layout.js'
import type { Recorder } from '../trace/recorder.js'
import { symbolicOf, type Facts } from '../trace/symbolic.js'
import { activated, factsOfActivation, type Activation } from './activations.js'
import { atenKernel } from './aten_kernel.js'
import { ACTIVATION, VALUE } from './fields.js'
import type { NodeBase, Op } from './op.js'
import { isSameShape } from './shapes.js'

/** Adds two values of one shape and one dtype of floats, and applies the activation. Other sums are `AtenNode`s. */
export interface AddNode extends NodeBase {
  readonly kind: 'add'
  readonly left: Value
  readonly right: Value
  readonly activation: Activation
}

export const add: Op<AddNode> = {
  kind: 'add',
  fields: { left: VALUE, right: VALUE, activation: ACTIVATION },
  record: { add: record },
  absorbs: ['activation'],
  shape: ({ left, right }) => (isSameShape(left.shape, right.shape) && left.dtype === right.dtype ? left.shape : null),
  eager: ({ left, right, activation }, lookup) => [activated(lookup(left).add(lookup(right)), activation)],
  kernels: {
    aten: atenKernel('asInputs', ({ left, right }, plan) => ({
      schema: 'aten::add.Tensor',
      args: [plan.read(left), plan.read(right), { literal: 1 }],
    })),
    native: {
      supports: ({ activation }) => factsOfActivation(activation)?.isNative !== false,
      operation: ({ activation }, { input, second, output }) => {
        return { kind: 'add', left: input, right: second ?? input, output, relu: activation === 'relu' }
      },
    },
  },
}

function record(recorder: Recorder, ...args: Parameters<NativeBinding['add']>): TensorHandle {
  const [tensor, other, alpha] = args
  const [left, right] = [symbolicOf(tensor), symbolicOf(other)]
  if (left === null || right === null || alpha !== 1 || !areAlike(left.facts, right.facts)) {
    return anyOperator(recorder, 'add', args)
  }
  const facts = laidOutAs(left.facts, left.facts.shape)
  const isLaidOutAlike = facts !== null && isChannelsLast(left.facts) === isChannelsLast(right.facts)
  const result = isLaidOutAlike && laidOutAs(right.facts, right.facts.shape) ? facts : factsOf(recorder, 'add', args)
  const node = {
    kind: 'add',
    left: recorder.valueOf(left.handle),
    right: recorder.valueOf(right.handle),
    activation: 'none',
  } as const
  return recorder.tensor(recorder.emit(node, result.shape, result.dtype), result)
}

function areAlike(one: Facts, other: Facts): boolean {
  return isSameShape(one.shape, other.shape) && one.dtype === other.dtype && isFloatingPoint(one.dtype)
}
