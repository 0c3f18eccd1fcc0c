import { describe, describeShape, expected } from '../util/check.js'
import { adaptiveAvgPool2d, avgPool2d, batchNorm, conv2d, linear, maxPool2d, relu } from '../nn/functional.js'
import { scope } from '../util/scope.js'
import { handleOf } from '../tensor/handle.js'
import { Tensor } from '../tensor/tensor.js'
import { runEagerly } from './aten.js'
import {
  isConstant,
  outputsOf,
  type Activation,
  type AtenArgument,
  type Graph,
  type Node,
  type Value,
} from './graph.js'

type Lookup = (value: Value) => Tensor

/**
 * Computes a graph with the eager operators, one node after the other: what any faster way must agree with.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the input has not the shape and dtype of the graph's.
 */
export function runGraph(graph: Graph, input: Tensor): Tensor {
  const [wanted] = graph.inputs
  const [result] = graph.outputs
  if (wanted === undefined || result === undefined) throw new TypeError('A graph has an input and an output')
  if (input.dtype !== wanted.dtype || describeShape(input.shape) !== describeShape(wanted.shape)) {
    throw expected(`a tensor ${wanted.dtype} ${describeShape(wanted.shape)}`, 'input', input)
  }
  return scope(() => {
    const tensors = new Map<Value, Tensor>([[wanted, input]])
    const lookup: Lookup = (value) => {
      const tensor = tensors.get(value)
      if (tensor === undefined) throw new TypeError(`Value ${value.id} is read before it is made`)
      return tensor
    }
    for (const node of graph.nodes) {
      const made = computeNode(node, lookup)
      outputsOf(node).forEach((output, index) => tensors.set(output, checked(node, output, made[index])))
    }
    // A tensor of its own, also where it is the input.
    return lookup(result).detach()
  })
}

/** The tensor that a node made, which must be what the graph says of it. */
function checked(node: Node, { shape, dtype }: Value, tensor: Tensor | undefined): Tensor {
  const wanted = `${dtype} ${describeShape(shape)}`
  if (tensor !== undefined && `${tensor.dtype} ${describeShape(tensor.shape)}` === wanted) return tensor
  throw new TypeError(`A node ${node.kind} of the graph gives ${describe(tensor)}, where ${wanted} is expected`)
}

/** Computes one node with the eager operator. */
export function computeNode(node: Node, lookup: (value: Value) => Tensor): Tensor[] {
  if (node.kind !== 'aten') return [computeOne(node, lookup)]
  const args = node.args.map((argument) => eagerArgument(argument, lookup))
  return runEagerly({ schema: node.schema, args }).map((handle) => new Tensor(handle))
}

function computeOne(node: Exclude<Node, { kind: 'aten' }>, lookup: Lookup): Tensor {
  switch (node.kind) {
    case 'conv2d': {
      const { bias, stride, padding, dilation, groups, residual, activation } = node
      const output = conv2d(lookup(node.input), node.weight, { bias, stride, padding, dilation, groups })
      return activated(residual === null ? output : output.add(lookup(residual)), activation)
    }
    case 'batchNorm': {
      const { mean, variance, weight, bias, eps } = node
      return batchNorm(lookup(node.input), mean, variance, { weight, bias, eps })
    }
    case 'linear':
      return activated(linear(lookup(node.input), node.weight, { bias: node.bias }), node.activation)
    case 'relu':
      return relu(lookup(node.input))
    case 'add':
      return activated(lookup(node.left).add(lookup(node.right)), node.activation)
    case 'maxPool2d': {
      const { kernelSize, stride, padding, dilation, ceilMode } = node
      return maxPool2d(lookup(node.input), kernelSize, { stride, padding, dilation, ceilMode })
    }
    case 'avgPool2d': {
      const { kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride } = node
      const options = { stride, padding, ceilMode, countIncludePad, divisorOverride }
      return avgPool2d(lookup(node.input), kernelSize, options)
    }
    case 'globalAvgPool':
      return adaptiveAvgPool2d(lookup(node.input), 1).reshape(node.output.shape)
    case 'reshape':
      return lookup(node.input).reshape(node.output.shape)
  }
}

function activated(tensor: Tensor, activation: Activation): Tensor {
  return activation === 'relu' ? relu(tensor) : tensor
}

function eagerArgument(argument: AtenArgument, lookup: Lookup): unknown {
  if ('value' in argument) return handleOf(lookup(argument.value))
  if ('constant' in argument) return handleOf(argument.constant)
  if ('literal' in argument) return argument.literal
  return argument.values.map((entry) => handleOf(isConstant(entry) ? entry : lookup(entry)))
}
