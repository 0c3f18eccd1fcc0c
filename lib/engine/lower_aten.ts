import type { PlanArgument } from '../libtorch/binding.js'
import { isConstant, type AtenArgument, type Node, type Value } from './graph.js'
import type { Lowering, Operand } from './lowering.js'

/** Adds the steps of a node that libtorch's ordinary operators do: any node. */
export function lowerAten(lowering: Lowering, node: Node): void {
  if (node.kind === 'aten') {
    lowering.emitAten(
      node,
      node.args.map((argument) => lowerArgument(lowering, argument)),
    )
    return
  }
  const { output } = node
  const type = { shape: output.shape, dtype: lowering.dtypeOf(output) }
  const { schema, args } = call(lowering, node)
  let index = lowering.emit(node, 'ATen', schema, args, type)
  // In place: what has just been made has no other reader. Where it may be a view, no activation follows.
  if (node.kind === 'conv2d' && node.residual !== null) {
    const residual = lowering.read(node.residual, type)
    index = lowering.emitAfter(
      node,
      '+ residual',
      'aten::add_.Tensor',
      [{ value: index }, residual, { literal: 1 }],
      type,
    )
  }
  if ('activation' in node && node.activation === 'relu') {
    index = lowering.emitAfter(node, '+ relu', 'aten::relu_', [{ value: index }], type)
  }
  lowering.define(output, { index, dtype: type.dtype, ...traits(lowering, node) })
}

type PlainNode = Exclude<Node, { kind: 'aten' }>

function call(lowering: Lowering, node: PlainNode): { schema: string; args: PlanArgument[] } {
  const dtype = lowering.dtypeOf(node.output)
  const read = (value: Value): PlanArgument => lowering.read(value, { dtype })
  switch (node.kind) {
    case 'conv2d': {
      const { weight, bias, stride, padding, dilation, groups } = node
      const constants = [lowering.constant(weight, dtype), lowering.constant(bias, dtype)]
      const literals = [stride, padding, dilation, groups].map((literal) => ({ literal }))
      return { schema: 'aten::conv2d', args: [read(node.input), ...constants, ...literals] }
    }
    case 'batchNorm': {
      // The statistics stay as they are: reduced floats go with those of 32 bits.
      const constants = [node.weight, node.bias, node.mean, node.variance].map((tensor) => lowering.constant(tensor))
      const literals = [false, 0, node.eps, true].map((literal) => ({ literal }))
      return { schema: 'aten::batch_norm', args: [read(node.input), ...constants, ...literals] }
    }
    case 'linear': {
      const constants = [lowering.constant(node.weight, dtype), lowering.constant(node.bias, dtype)]
      return { schema: 'aten::linear', args: [read(node.input), ...constants] }
    }
    case 'relu':
      return { schema: 'aten::relu', args: [read(node.input)] }
    case 'add':
      return { schema: 'aten::add.Tensor', args: [read(node.left), read(node.right), { literal: 1 }] }
    case 'maxPool2d': {
      const { kernelSize, stride, padding, dilation, ceilMode } = node
      const literals = [kernelSize, stride, padding, dilation, ceilMode].map((literal) => ({ literal }))
      return { schema: 'aten::max_pool2d', args: [read(node.input), ...literals] }
    }
    case 'avgPool2d': {
      const { kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride } = node
      const options = [kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride]
      return { schema: 'aten::avg_pool2d', args: [read(node.input), ...options.map((literal) => ({ literal }))] }
    }
    case 'globalAvgPool': {
      const keepdim = node.output.shape.length === 4
      const literals = [[2, 3], keepdim, null].map((literal) => ({ literal }))
      return { schema: 'aten::mean.dim', args: [read(node.input), ...literals] }
    }
    case 'reshape':
      return { schema: 'aten::reshape', args: [read(node.input), { literal: node.output.shape }] }
  }
}

/** What is known of the result: libtorch's operators on images keep the layout of their first input. */
function traits(lowering: Lowering, node: PlainNode): Pick<Operand, 'isChannelsLast' | 'isFresh'> {
  const dtype = lowering.dtypeOf(node.output)
  switch (node.kind) {
    case 'relu':
    case 'maxPool2d':
    case 'avgPool2d':
      return { isFresh: true, isChannelsLast: lowering.operand(node.input, { dtype }).isChannelsLast }
    case 'add': {
      const operands = [node.left, node.right].map((value) => lowering.operand(value, { dtype }))
      return { isFresh: true, isChannelsLast: operands.every((operand) => operand.isChannelsLast) }
    }
    case 'conv2d':
    case 'batchNorm':
    case 'linear':
    case 'globalAvgPool':
      return { isFresh: true, isChannelsLast: false }
    case 'reshape':
      return { isFresh: false, isChannelsLast: false }
  }
}

function lowerArgument(lowering: Lowering, argument: AtenArgument): PlanArgument {
  if ('literal' in argument) return argument
  if ('constant' in argument) return lowering.constant(argument.constant)
  // Its dtype may show in what the operator does: it gets what the model gave it.
  if ('value' in argument) return lowering.read(argument.value, argument.value)
  const values = argument.values.map((entry) => {
    const lowered = isConstant(entry) ? lowering.constant(entry) : lowering.read(entry, entry)
    if ('constant' in lowered) return lowered.constant
    if ('value' in lowered) return lowered.value
    throw new TypeError('A list of tensors holds tensors')
  })
  return { values }
}
