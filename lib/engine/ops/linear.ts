import type { NativeBinding } from '../../libtorch/binding.js'
import type { TensorHandle } from '../../libtorch/handles.js'
import { linear as linearEagerly } from '../../nn/functional.js'
import type { Tensor } from '../../tensor/tensor.js'
import { layoutOf, type Value } from '../graph.js'
import { UNIT_QPARAMS } from '../quantization/qparams.js'
import { anyOperator, factsOf, layerFacts } from '../trace/layer_facts.js'
import { isChannelsLast } from '../trace/layout.js'
import type { Recorder } from '../trace/recorder.js'
import { symbolicOf } from '../trace/symbolic.js'
import { activated, factsOfActivation, type Activation } from './activations.js'
import { activationFollowUps, atenKernel } from './aten_kernel.js'
import { ACTIVATION, CONSTANT, optional, VALUE } from './fields.js'
import { fusesInInt8, isInt8Layer, postOpArguments, qparamsArguments, readQuantized, zeroPoints } from './int8.js'
import { flopOfWeight, isFloat32Layer } from './layer.js'
import { keptDType, literals, qparamsOf, type Kernel, type NativeKernel } from './kernel.js'
import type { NodeBase, Op } from './op.js'

/** Multiplies (N, I) by a matrix (O, I), adds the bias (O), and applies the activation. */
export interface LinearNode extends NodeBase {
  readonly kind: 'linear'
  readonly input: Value
  readonly weight: Tensor
  readonly bias: Tensor | null
  readonly activation: Activation
}

// The activation is a call of its own, as oneDNN's post-ops lose NaN.
const onednn: Kernel<LinearNode> = {
  supports: ({ input, output }) => output.dtype === 'float32' && input.shape.length === 2,
  reads: (_node, _value, { dtype }) => ({ dtype }),
  writes: (_node, output, _inputs, target) => {
    return { dtype: keptDType(output, target), isChannelsLast: false, isOwned: true, qparams: null }
  },
  emit: (node, plan) => {
    const { input, weight, bias, output } = node
    const [batch = 1] = input.shape
    const { dtype } = output
    const packed = plan.packed(weight, dtype, 'linear', 'mkldnn::_reorder_linear_weight', [{ literal: batch }])
    const args = [plan.read(input), packed, plan.constant(bias, dtype), ...literals('none', [], '')]
    plan.call(node, 'oneDNN', { schema: 'mkldnn::_linear_pointwise', args }, activationFollowUps(node))
  },
}

const int8: Kernel<LinearNode> = {
  supports: isInt8Layer,
  reads: readQuantized,
  writes: (_node, output, _inputs, target) => {
    const qparams = qparamsOf(output, target)
    return { dtype: qparams === null ? 'float32' : 'uint8', isChannelsLast: false, isOwned: true, qparams }
  },
  emit: (node, plan) => {
    const { input, weight, bias, activation, output } = node
    const scales = plan.weightScales(weight)
    const shape = { literal: input.shape }
    const packed = plan.packed(weight, 'int8', 'linear', 'onednn::qlinear_prepack', [shape])
    const constants = [packed, plan.constant(scales), zeroPoints(plan, scales), plan.constant(bias, 'float32')]
    const result = [...qparamsArguments(layoutOf(output).qparams ?? UNIT_QPARAMS), { literal: output.dtype }]
    const source = [plan.read(input), ...qparamsArguments(layoutOf(input).qparams ?? UNIT_QPARAMS)]
    const args = [...source, ...constants, ...result, ...postOpArguments(activation)]
    plan.call(node, 'oneDNN int8', { schema: 'onednn::qlinear_pointwise', args })
  },
}

const native: NativeKernel<LinearNode> = {
  supports: (node, target) => isFloat32Layer(node, target) && factsOfActivation(node.activation)?.isNative !== false,
  hasWeights: true,
  operation: (node, { input, output, weights }) => {
    return { kind: 'linear', weights: weights(node), input, output, relu: node.activation === 'relu' }
  },
}

export const linear: Op<LinearNode> = {
  kind: 'linear',
  fields: { input: VALUE, weight: CONSTANT, bias: optional(CONSTANT), activation: ACTIVATION },
  record: { linear: record },
  absorbs: ['batchNorm', 'activation'],
  shape: ({ input, weight }) => {
    const [outputs = 0, inputs] = weight.shape
    const fits = weight.ndim === 2 && input.shape.length >= 2 && input.shape.at(-1) === inputs
    return fits ? [...input.shape.slice(0, -1), outputs] : null
  },
  eager: ({ input, weight, bias, activation }, lookup) => [
    activated(linearEagerly(lookup(input), weight, { bias }), activation),
  ],
  flop: flopOfWeight,
  kernels: {
    aten: atenKernel('dense', ({ input, weight, bias, output: { dtype } }, plan) => ({
      schema: 'aten::linear',
      args: [plan.read(input), plan.constant(weight, dtype), plan.constant(bias, dtype)],
    })),
    onednn,
    int8,
    native,
  },
  quantization: {
    isLayer: ({ input, activation }) => input.shape.length === 2 && fusesInInt8(activation),
    // A thousandth of the work, and its result is what counts.
    isKeptAtEnd: true,
    quantizedValues: ({ input }) => [input],
  },
}

function record(recorder: Recorder, ...args: Parameters<NativeBinding['linear']>): TensorHandle {
  const [input, weight, bias] = args
  if (symbolicOf(weight) !== null || symbolicOf(bias) !== null) return anyOperator(recorder, 'linear', args)
  const { constants } = recorder
  const matrix = constants.of(weight)
  const symbolic = recorder.symbolic(input)
  const [outputs = 0, inputs = 0] = matrix.shape
  const outer = symbolic.facts.shape.slice(0, -1)
  const rows = outer.reduce((product, size) => product * size, 1)
  // Rows that are channels-last come out row by row.
  const facts = isChannelsLast(symbolic.facts) ? null : layerFacts(symbolic, [...outer, outputs])
  const result = facts ?? factsOf(recorder, 'linear', args)
  const node = {
    kind: 'linear',
    input: recorder.reshape(symbolic.value, [rows, inputs]),
    weight: matrix,
    bias: bias === null ? null : constants.of(bias),
    activation: 'none',
  } as const
  const output = recorder.emit(node, [rows, outputs], result.dtype)
  return recorder.tensor(recorder.reshape(output, result.shape), result)
}
