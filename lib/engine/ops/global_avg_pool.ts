import type { Pair } from '../../nn/checks.js'
import type { TensorHandle } from '../../libtorch/handles.js'
import { adaptiveAvgPool2d } from '../../nn/functional.js'
import { layoutOf, type Value } from '../graph.js'
import { asBatch, batched, factsOf, fromBatch, layerFacts } from '../trace/layer_facts.js'
import type { Recorder } from '../trace/recorder.js'
import { atenKernel } from './aten_kernel.js'
import { VALUE } from './fields.js'
import { literals, qparamsOf } from './kernel.js'
import type { NodeBase, Op } from './op.js'
import { UNIT_QPARAMS } from '../quantization/qparams.js'

/** Averages images (N, C, H, W) to (N, C, 1, 1) or (N, C), whichever the output's shape is. */
export interface GlobalAvgPoolNode extends NodeBase {
  readonly kind: 'globalAvgPool'
  readonly input: Value
}

export const globalAvgPool: Op<GlobalAvgPoolNode> = {
  kind: 'globalAvgPool',
  fields: { input: VALUE },
  // Recorded as libtorch has it: the pass canonicalizePools() finds those that average whole images.
  record: { adaptiveAvgPool2d: recordAdaptive },
  absorbs: [],
  shape: ({ input, output }) => {
    const [images = 0, channels = 0] = input.shape
    if (input.shape.length !== 4) return null
    return output.shape.length === 2 ? [images, channels] : [images, channels, 1, 1]
  },
  eager: ({ input, output }, lookup) => [adaptiveAvgPool2d(lookup(input), 1).reshape(output.shape)],
  kernels: {
    aten: atenKernel('dense', ({ input, output }, plan) => ({
      schema: 'aten::mean.dim',
      args: [plan.read(input), ...literals([2, 3], output.shape.length === 4, null)],
    })),
    int8: {
      supports: ({ input }, target) => qparamsOf(input, target) !== null,
      reads: () => ({ dtype: 'uint8', isChannelsLast: true }),
      writes: () => ({ dtype: 'float32', isChannelsLast: false, isOwned: true, qparams: null }),
      emit: (node, plan) => {
        plan.uint8(node, { kind: 'meanOfBytes', ...(layoutOf(node.input).qparams ?? UNIT_QPARAMS) })
      },
    },
    native: {
      supports: () => true,
      operation: (_node, { input, output }) => ({ kind: 'globalAvgPool', input, output }),
    },
  },
  quantization: { readsQuantized: true },
}

function recordAdaptive(recorder: Recorder, input: TensorHandle, outputSize: Pair): TensorHandle {
  const symbolic = recorder.symbolic(input)
  const isEmpty = symbolic.facts.shape.includes(0) || outputSize.includes(0)
  const facts = isEmpty ? null : layerFacts(symbolic, [...symbolic.facts.shape.slice(0, -2), ...outputSize])
  const result = facts ?? factsOf(recorder, 'adaptiveAvgPool2d', [input, outputSize])
  const args = [{ value: asBatch(recorder, symbolic) }, { literal: outputSize }]
  const type = { shape: batched(result.shape), dtype: result.dtype }
  return fromBatch(recorder, recorder.emitAten('aten::adaptive_avg_pool2d', args, type), result)
}
