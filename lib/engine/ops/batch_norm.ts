import type { NativeBinding } from '../../libtorch/binding.js'
import type { TensorHandle } from '../../libtorch/handles.js'
import { batchNorm as batchNormEagerly } from '../../nn/functional.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Value } from '../graph.js'
import { anyOperator, factsOf, layerFacts } from '../trace/layer_facts.js'
import type { Recorder } from '../trace/recorder.js'
import { symbolicOf } from '../trace/symbolic.js'
import { atenKernel } from './aten_kernel.js'
import { CONSTANT, NUMBER, optional, VALUE } from './fields.js'
import { literals } from './kernel.js'
import type { NodeBase, Op } from './op.js'
import { isSameShape } from './shapes.js'

/** Normalizes the channels of (N, C, ...) by statistics that do not change. */
export interface BatchNormNode extends NodeBase {
  readonly kind: 'batchNorm'
  readonly input: Value
  readonly mean: Tensor
  readonly variance: Tensor
  readonly weight: Tensor | null
  readonly bias: Tensor | null
  readonly eps: number
}

export const batchNorm: Op<BatchNormNode> = {
  kind: 'batchNorm',
  fields: {
    input: VALUE,
    mean: CONSTANT,
    variance: CONSTANT,
    weight: optional(CONSTANT),
    bias: optional(CONSTANT),
    eps: NUMBER,
  },
  record: { batchNorm: record },
  absorbs: [],
  shape: ({ input, mean, variance, weight, bias }) => {
    const channels = input.shape.slice(1, 2)
    const vectors = [mean, variance, weight, bias]
    return vectors.every((vector) => vector === null || isSameShape(vector.shape, channels)) ? input.shape : null
  },
  eager: ({ input, mean, variance, weight, bias, eps }, lookup) => [
    batchNormEagerly(lookup(input), mean, variance, { weight, bias, eps }),
  ],
  kernels: {
    aten: atenKernel('dense', ({ input, weight, bias, mean, variance, eps }, plan) => {
      // The statistics stay as they are: reduced floats go with those of float32.
      const constants = [weight, bias, mean, variance].map((tensor) => plan.constant(tensor))
      return { schema: 'aten::batch_norm', args: [plan.read(input), ...constants, ...literals(false, 0, eps, true)] }
    }),
  },
}

function record(recorder: Recorder, ...args: Parameters<NativeBinding['batchNorm']>): TensorHandle {
  const [input, runningMean, runningVar, scale, shift, training, , eps] = args
  const hasStatistics = runningMean !== null && runningVar !== null
  if (training && hasStatistics) throw recorder.calls.failure('batchNorm() changes running statistics')
  const vectors = [runningMean, runningVar, scale, shift]
  if (!hasStatistics || symbolicOf(input) === null || vectors.some((vector) => symbolicOf(vector) !== null)) {
    return anyOperator(recorder, 'batchNorm', args)
  }
  const symbolic = recorder.symbolic(input)
  const result = layerFacts(symbolic, symbolic.facts.shape) ?? factsOf(recorder, 'batchNorm', args)
  const constantOf = (handle: TensorHandle): Tensor => recorder.constants.of(handle)
  const node = {
    kind: 'batchNorm',
    input: symbolic.value,
    mean: constantOf(runningMean),
    variance: constantOf(runningVar),
    weight: scale && constantOf(scale),
    bias: shift && constantOf(shift),
    eps,
  } as const
  return recorder.tensor(recorder.emit(node, result.shape, result.dtype), result)
}
