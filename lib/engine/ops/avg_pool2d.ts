import type { NativeBinding } from '../../libtorch/binding.js'
import type { TensorHandle } from '../../libtorch/handles.js'
import { avgPool2d as avgPool2dEagerly } from '../../nn/functional.js'
import type { Pair } from '../../nn/checks.js'
import type { Value } from '../graph.js'
import { recordPool } from '../trace/layer_facts.js'
import type { Recorder } from '../trace/recorder.js'
import { atenKernel } from './aten_kernel.js'
import { BOOLEAN, integer, optional, pair, VALUE } from './fields.js'
import { literals } from './kernel.js'
import type { NodeBase, Op } from './op.js'
import { pooledShape } from './shapes.js'

/** Averages each window of images (N, C, H, W). */
export interface AvgPool2dNode extends NodeBase {
  readonly kind: 'avgPool2d'
  readonly input: Value
  readonly kernelSize: Pair
  readonly stride: Pair
  readonly padding: Pair
  readonly ceilMode: boolean
  readonly countIncludePad: boolean
  readonly divisorOverride: number | null
}

export const avgPool2d: Op<AvgPool2dNode> = {
  kind: 'avgPool2d',
  fields: {
    input: VALUE,
    kernelSize: pair(1),
    stride: pair(1),
    padding: pair(0),
    ceilMode: BOOLEAN,
    countIncludePad: BOOLEAN,
    divisorOverride: optional(integer(1)),
  },
  record: { avgPool2d: record },
  absorbs: [],
  shape: (node) => pooledShape(node.input.shape, { ...node, dilation: [1, 1] }),
  eager: ({ input, kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride }, lookup) => {
    const options = { stride, padding, ceilMode, countIncludePad, divisorOverride }
    return [avgPool2dEagerly(lookup(input), kernelSize, options)]
  },
  kernels: {
    aten: atenKernel('asInputs', (node, plan) => {
      const { input, kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride } = node
      const options = literals(kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride)
      return { schema: 'aten::avg_pool2d', args: [plan.read(input), ...options] }
    }),
  },
}

function record(recorder: Recorder, ...args: Parameters<NativeBinding['avgPool2d']>): TensorHandle {
  const [input, kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride] = args
  const window = { kernelSize, stride, padding, ceilMode }
  const rest = [kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride]
  const node = (images: Value) =>
    ({ kind: 'avgPool2d', input: images, ...window, countIncludePad, divisorOverride }) as const
  return recordPool(recorder, input, { ...window, dilation: [1, 1] }, 'avgPool2d', rest, node)
}
