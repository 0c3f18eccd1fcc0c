import type { Tensor } from '../tensor/tensor.js'
import { isConstant, type AtenArgument, type Node } from './graph.js'

/** Makes a node that holds other tensors in the places of its constants. */
export function mapConstants(node: Node, replace: (constant: Tensor) => Tensor): Node {
  const optional = (tensor: Tensor | null): Tensor | null => tensor && replace(tensor)
  switch (node.kind) {
    case 'conv2d':
    case 'linear':
      return { ...node, weight: replace(node.weight), bias: optional(node.bias) }
    case 'batchNorm': {
      const { mean, variance, weight, bias } = node
      const statistics = { mean: replace(mean), variance: replace(variance) }
      return { ...node, ...statistics, weight: optional(weight), bias: optional(bias) }
    }
    case 'aten':
      return { ...node, args: node.args.map((argument) => withConstants(argument, replace)) }
    default:
      return node
  }
}

function withConstants(argument: AtenArgument, replace: (constant: Tensor) => Tensor): AtenArgument {
  if ('constant' in argument) return { constant: replace(argument.constant) }
  if (!('values' in argument)) return argument
  return { values: argument.values.map((entry) => (isConstant(entry) ? replace(entry) : entry)) }
}
