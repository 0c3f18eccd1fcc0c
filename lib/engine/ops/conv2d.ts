import type { NativeBinding } from '../../libtorch/binding.js'
import type { TensorHandle } from '../../libtorch/handles.js'
import type { PlanArgument } from '../../libtorch/plan_spec.js'
import type { Pair } from '../../nn/checks.js'
import { conv2d as conv2dEagerly } from '../../nn/functional.js'
import type { Tensor } from '../../tensor/tensor.js'
import { layoutOf, type Value } from '../graph.js'
import type { OperatorCall, PlanWriter } from '../plan/plan_writer.js'
import { UNIT_QPARAMS } from '../quantization/qparams.js'
import { anyOperator, asBatch, batched, factsOf, fromBatch, layerFacts } from '../trace/layer_facts.js'
import type { Recorder } from '../trace/recorder.js'
import { symbolicOf } from '../trace/symbolic.js'
import { all, convolutionOf, MAX_NCHW_CHANNELS, selectChunk, type ConvolutionKernel } from '../tune/heuristics.js'
import { activated, factsOfActivation, type Activation } from './activations.js'
import { activationFollowUps, atenKernel, followUps } from './aten_kernel.js'
import { ACTIVATION, CONSTANT, integer, optional, pair, VALUE } from './fields.js'
import { fusesInInt8, isInt8Layer, postOpArguments, qparamsArguments, readQuantized, zeroPoints } from './int8.js'
import { literals, qparamsOf, type Kernel, type NativeKernel, type Target } from './kernel.js'
import { flopOfWeight, isFloat32Layer } from './layer.js'
import { windowsOf } from './max_pool2d.js'
import { suitsOneDnn } from './onednn.js'
import type { NodeBase, Op } from './op.js'
import { convolvedSizes, isSameShape } from './shapes.js'

/** Convolves images (N, C, H, W), adds bias and residual, and applies the activation. */
export interface Conv2dNode extends NodeBase {
  readonly kind: 'conv2d'
  readonly input: Value
  /** Shape (O, C / groups, kH, kW). */
  readonly weight: Tensor
  /** Shape (O). */
  readonly bias: Tensor | null
  readonly stride: Pair
  /** Zeros on every side. */
  readonly padding: Pair
  readonly dilation: Pair
  readonly groups: number
  /** Added to the result, whose shape it has. */
  readonly residual: Value | null
  readonly activation: Activation
}

// The activation is a call of its own, as oneDNN's post-ops lose NaN.
const onednn: Kernel<Conv2dNode> = {
  supports: (node) => node.output.dtype === 'float32' && suitsOneDnn(node),
  reads: (_node, _value, { dtype }) => ({ dtype, isChannelsLast: true }),
  writes: (_node, _output, _inputs, { dtype }) => {
    return { dtype, isChannelsLast: true, isOwned: true, qparams: null }
  },
  emit: (node, plan) => {
    const { input, weight, bias, stride, padding, dilation, groups, residual, output } = node
    const { dtype } = output
    const geometry = literals(padding, stride, dilation, groups)
    // The batch size hardly changes the best layout of weights: all plans share what the first one packed.
    const key = `conv2d ${JSON.stringify([padding, stride, dilation, groups])}`
    const packing = [...geometry, { literal: input.shape }]
    const packed = plan.packed(weight, dtype, key, 'mkldnn::_reorder_convolution_weight', packing)
    const image = plan.read(input)
    const rest = [packed, plan.constant(bias, dtype), ...geometry]
    if (residual === null) {
      const args = [image, ...rest, ...literals('none', [], '')]
      plan.call(node, 'oneDNN', { schema: 'mkldnn::_convolution_pointwise', args }, activationFollowUps(node))
      return
    }

    const other = plan.read(residual)
    const sum = [...rest, ...literals('add', 1, null, [], '')]
    // Adds the result to the residual, where it is: less memory to go through.
    const call = plan.mayOverwrite(node, residual)
      ? { schema: 'mkldnn::_convolution_pointwise_.binary', args: [other, image, ...sum] }
      : { schema: 'mkldnn::_convolution_pointwise.binary', args: [image, other, ...sum] }
    plan.call(node, 'oneDNN', call, activationFollowUps(node))
  },
}

/**
 * cuDNN is fastest with channels-last. What follows a convolution is done by operators of its own: those that cuDNN fuses
 * (`cudnn_convolution_relu`) fail for some shapes (pytorch issue 62926), and nothing binds them to let NaN through.
 */
const cudnn: Kernel<Conv2dNode> = {
  supports: ({ output }) => output.dtype === 'float32',
  reads: (_node, _value, { dtype }) => ({ dtype, isChannelsLast: true }),
  // Grouped convolutions of a few channels each are not cuDNN's, and may lie otherwise.
  writes: ({ groups }, _output, _inputs, { dtype }) => {
    return { dtype, isChannelsLast: groups === 1, isOwned: true, qparams: null }
  },
  emit: (node, plan) => {
    const { input, weight, bias, output } = node
    const { dtype } = output
    const packed = plan.packed(weight, dtype, 'channels last', 'aten::contiguous', literals('channels_last'))
    const args = [plan.read(input), packed, plan.constant(bias, dtype), ...geometryOf(node)]
    plan.call(node, 'cuDNN', { schema: 'aten::conv2d', args }, followUps(node, plan))
  },
}

const int8: Kernel<Conv2dNode> = {
  supports: isInt8Layer,
  reads: readQuantized,
  // Where no reader wants uint8, float32 comes out.
  writes: (_node, output, _inputs, target) => {
    const qparams = qparamsOf(output, target)
    return { dtype: qparams === null ? 'float32' : 'uint8', isChannelsLast: true, isOwned: true, qparams }
  },
  emit: (node, plan) => {
    const { input, weight, bias, residual, activation, output } = node
    const source = layoutOf(input).qparams ?? UNIT_QPARAMS
    const geometry = geometryOf(node)
    const scales = plan.weightScales(weight)
    const weightScale = plan.constant(scales)
    const packed = packInt8(node, plan, [weightScale, ...qparamsArguments(source), ...geometry])
    const constants = [packed, weightScale, zeroPoints(plan, scales)]
    const result = [...qparamsArguments(layoutOf(output).qparams ?? UNIT_QPARAMS), { literal: output.dtype }]
    const image = [plan.read(input), ...qparamsArguments(source), ...constants]
    const rest = [plan.constant(bias, 'float32'), ...geometry, ...result]
    if (residual === null) {
      const args = [...image, ...rest, ...postOpArguments(activation)]
      plan.call(node, 'oneDNN int8', { schema: 'onednn::qconv2d_pointwise', args })
      return
    }

    // The operator adds into the residual: into a copy where it is read again.
    const other = plan.mayOverwrite(node, residual) ? plan.read(residual) : plan.copy(node, residual)
    const sum = [...qparamsArguments(layoutOf(residual).qparams ?? UNIT_QPARAMS), ...literals('sum', 1)]
    const args = [...image, other, ...rest, ...sum, ...postOpArguments(activation)]
    plan.call(node, 'oneDNN int8', { schema: 'onednn::qconv2d_pointwise.binary', args })
  },
}

const native: NativeKernel<Conv2dNode> = {
  supports: (node, target) => {
    if (node.groups !== 1 || !isFloat32Layer(node, target)) return false
    if (factsOfActivation(node.activation)?.isNative === false) return false
    return readsNchw(node) || algorithmOf(node, target) !== 'onednn'
  },
  hasWeights: true,
  readsNchw,
  absorbs: ({ residual }, reader) => residual === null && reader.kind === 'maxPool2d' && all(reader.dilation, 1),
  border: ({ padding }) => Math.max(...padding),
  algorithm: (node, isNchw, target) => (isNchw ? 'nchw' : algorithmOf(node, target)),
  operation: (node, { input, second, output, isNchw, absorbed, weights }, target) => ({
    kind: 'conv2d',
    algorithm: isNchw ? 'nchw' : algorithmOf(node, target),
    weights: weights(node),
    input,
    output,
    residual: second,
    relu: node.activation === 'relu',
    pool: absorbed?.kind === 'maxPool2d' ? windowsOf(absorbed) : null,
  }),
}

export const conv2d: Op<Conv2dNode> = {
  kind: 'conv2d',
  fields: {
    input: VALUE,
    weight: CONSTANT,
    bias: optional(CONSTANT),
    stride: pair(1),
    padding: pair(0),
    dilation: pair(1),
    groups: integer(1),
    residual: optional(VALUE),
    activation: ACTIVATION,
  },
  record: { conv2d: record },
  absorbs: ['batchNorm', 'residual', 'activation'],
  shape: ({ input, weight, stride, padding, dilation, groups, residual, output }) => {
    const [images = 0, channels = 0] = input.shape
    const [outputs = 0, inputs = 0, height = 0, width = 0] = weight.shape
    const isImages = input.shape.length === 4 && weight.shape.length === 4
    if (!isImages || channels !== inputs * groups || outputs % groups !== 0) return null
    if (residual !== null && !isSameShape(residual.shape, output.shape)) return null
    const total: Pair = [2 * padding[0], 2 * padding[1]]
    const sizes = convolvedSizes(input.shape, { kernelSize: [height, width], stride, total, dilation })
    return sizes && [images, outputs, ...sizes]
  },
  eager: ({ input, weight, bias, stride, padding, dilation, groups, residual, activation }, lookup) => {
    const output = conv2dEagerly(lookup(input), weight, { bias, stride, padding, dilation, groups })
    return [activated(residual === null ? output : output.add(lookup(residual)), activation)]
  },
  flop: flopOfWeight,
  kernels: {
    aten: atenKernel('dense', (node, plan) => {
      const { input, weight, bias, output } = node
      if (!suitsOneDnn(node)) return rowMajorCall(node, plan)
      const constants = [plan.constant(weight, output.dtype), plan.constant(bias, output.dtype)]
      return { schema: 'aten::conv2d', args: [plan.read(input), ...constants, ...geometryOf(node)] }
    }),
    onednn,
    cudnn,
    int8,
    native,
  },
  quantization: {
    isLayer: (node) => fusesInInt8(node.activation) && suitsOneDnn(node),
    // A sum is made in the elements of the residual.
    quantizedValues: ({ input, residual, output }) => (residual === null ? [input] : [input, residual, output]),
  },
}

/** libtorch computes channels-last images, or kernels, by oneDNN: it gets copies that surely are not. */
function rowMajorCall(node: Conv2dNode, plan: PlanWriter): OperatorCall {
  const { input, weight, bias, output } = node
  const rowMajor = literals('contiguous_format')
  const kernel = plan.packed(weight, output.dtype, 'row-major', 'aten::clone', rowMajor)
  const args = [plan.copy(node, input, 'contiguous_format'), kernel, plan.constant(bias, output.dtype)]
  return { schema: 'aten::conv2d', args: [...args, ...geometryOf(node)] }
}

function geometryOf({ stride, padding, dilation, groups }: Conv2dNode): PlanArgument[] {
  return literals(stride, padding, dilation, groups)
}

function packInt8(node: Conv2dNode, plan: PlanWriter, args: readonly PlanArgument[]): PlanArgument {
  const { input, weight, stride, padding, dilation, groups } = node
  // The batch size hardly changes the best layout of weights: all plans share what the first one packed.
  const key = `conv2d ${JSON.stringify([layoutOf(input).qparams, stride, padding, dilation, groups])}`
  return plan.packed(weight, 'int8', key, 'onednn::qconv_prepack', [...args, { literal: input.shape }])
}

/** Vectors hold output channels anyway: few channels are read from outside as they are. */
function readsNchw({ input }: Conv2dNode): boolean {
  return (input.shape[1] ?? 0) <= MAX_NCHW_CHANNELS
}

/** Selects what computes a convolution, with as many images at once as it has in a native network. */
function algorithmOf(node: Conv2dNode, { constants, selectAlgorithm }: Target): ConvolutionKernel {
  const images = selectChunk(node.output.shape[0] ?? 1, [node.input, node.output])
  return selectAlgorithm(convolutionOf(node, constants.of(node.weight).shape, images))
}

function record(recorder: Recorder, ...args: Parameters<NativeBinding['conv2d']>): TensorHandle {
  const [input, weight, bias, stride, padding, dilation, groups] = args
  if (symbolicOf(weight) !== null || symbolicOf(bias) !== null) return anyOperator(recorder, 'conv2d', args)
  const { constants } = recorder
  const kernel = constants.of(weight)
  const symbolic = recorder.symbolic(input)
  const [outputs = 0, , height = 0, width = 0] = kernel.shape
  const { before, after } = sides(padding, [height, width], dilation)
  const total: Pair = [before[0] + after[0], before[1] + after[1]]
  const sizes = convolvedSizes(symbolic.facts.shape, { kernelSize: [height, width], stride, total, dilation })
  const facts = sizes && layerFacts(symbolic, [...symbolic.facts.shape.slice(0, -3), outputs, ...sizes], kernel)
  const result = facts ?? factsOf(recorder, 'conv2d', args)

  const isEven = before[0] === after[0] && before[1] === after[1]
  let images = asBatch(recorder, symbolic)
  if (!isEven) images = padded(recorder, images, before, after)
  const node = {
    kind: 'conv2d',
    input: images,
    weight: kernel,
    bias: bias === null ? null : constants.of(bias),
    stride,
    padding: isEven ? before : ([0, 0] as const),
    dilation,
    groups,
    residual: null,
    activation: 'none',
  } as const
  return fromBatch(recorder, recorder.emit(node, batched(result.shape), result.dtype), result)
}

/** Zeros before and after rows and columns; `same` puts the odd one behind, as PyTorch does. */
function sides(padding: Pair | 'same' | 'valid', kernel: Pair, dilation: Pair): { before: Pair; after: Pair } {
  if (padding === 'valid') return { before: [0, 0], after: [0, 0] }
  if (padding !== 'same') return { before: padding, after: padding }
  const total = [dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1)] as const
  const before: Pair = [Math.floor(total[0] / 2), Math.floor(total[1] / 2)]
  return { before, after: [total[0] - before[0], total[1] - before[1]] }
}

function padded(recorder: Recorder, images: Value, [top, left]: Pair, [bottom, right]: Pair): Value {
  const [n = 0, c = 0, h = 0, w = 0] = images.shape
  const args = [{ value: images }, { literal: [left, right, top, bottom] }, { literal: 'constant' }, { literal: 0 }]
  return recorder.emitAten('aten::pad', args, {
    shape: [n, c, h + top + bottom, w + left + right],
    dtype: images.dtype,
  })
}
