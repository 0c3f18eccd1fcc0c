import type { TensorHandle } from '../../libtorch/handles.js'
import type { NetworkWindows } from '../../libtorch/plan_spec.js'
import { maxPool2d as maxPool2dEagerly } from '../../nn/functional.js'
import type { Pair } from '../../nn/checks.js'
import type { Value } from '../graph.js'
import { all } from '../tune/heuristics.js'
import { recordPool } from '../trace/layer_facts.js'
import type { Recorder } from '../trace/recorder.js'
import { atenKernel } from './aten_kernel.js'
import { BOOLEAN, pair, VALUE } from './fields.js'
import { literals, qparamsOf, type Target } from './kernel.js'
import type { NodeBase, Op } from './op.js'
import { pooledShape } from './shapes.js'

/** Gives the largest element of each window of images (N, C, H, W). */
export interface MaxPool2dNode extends NodeBase {
  readonly kind: 'maxPool2d'
  readonly input: Value
  readonly kernelSize: Pair
  readonly stride: Pair
  readonly padding: Pair
  readonly dilation: Pair
  readonly ceilMode: boolean
}

export const maxPool2d: Op<MaxPool2dNode> = {
  kind: 'maxPool2d',
  fields: {
    input: VALUE,
    kernelSize: pair(1),
    stride: pair(1),
    padding: pair(0),
    ceilMode: BOOLEAN,
    dilation: pair(1),
  },
  record: { maxPool2d: record },
  absorbs: [],
  shape: (node) => pooledShape(node.input.shape, node),
  eager: ({ input, kernelSize, stride, padding, dilation, ceilMode }, lookup) => [
    maxPool2dEagerly(lookup(input), kernelSize, { stride, padding, dilation, ceilMode }),
  ],
  kernels: {
    aten: atenKernel('asInputs', ({ input, kernelSize, stride, padding, dilation, ceilMode }, plan) => ({
      schema: 'aten::max_pool2d',
      args: [plan.read(input), ...literals(kernelSize, stride, padding, dilation, ceilMode)],
    })),
    int8: {
      supports: hasOneScale,
      reads: () => ({ dtype: 'uint8', isChannelsLast: true }),
      writes: (_node, output, _inputs, target) => {
        return { dtype: 'uint8', isChannelsLast: true, isOwned: true, qparams: qparamsOf(output, target) }
      },
      emit: (node, plan) => plan.uint8(node, { kind: 'maxPoolBytes', ...windowsOf(node) }),
    },
    native: {
      // Points that are far from each other may all lie in the padding.
      supports: ({ dilation, padding }) => all(dilation, 1) || all(padding, 0),
      operation: (node, { input, output }) => ({ kind: 'maxPool2d', input, output, ...windowsOf(node) }),
    },
  },
  quantization: { readsQuantized: true, keepsRange: true },
}

/** Gives the windows of a pooling as native kernels take them. */
export function windowsOf({ kernelSize, stride, padding, dilation }: MaxPool2dNode): NetworkWindows {
  return { kernelSize, stride, padding, dilation }
}

function hasOneScale({ input, output }: MaxPool2dNode, target: Target): boolean {
  const [one, other] = [qparamsOf(input, target), qparamsOf(output, target)]
  return one !== null && one.scale === other?.scale && one.zeroPoint === other.zeroPoint
}

function record(
  recorder: Recorder,
  input: TensorHandle,
  kernelSize: Pair,
  stride: Pair,
  padding: Pair,
  dilation: Pair,
  ceilMode: boolean,
): TensorHandle {
  const window = { kernelSize, stride, padding, dilation, ceilMode }
  const node = (images: Value) => ({ kind: 'maxPool2d', input: images, ...window }) as const
  return recordPool(recorder, input, window, 'maxPool2d', [kernelSize, stride, padding, dilation, ceilMode], node)
}
