import { scope } from '../../util/scope.js'
import { zeros } from '../../tensor/creation.js'
import type { Device } from '../../util/device.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Graph, Node, Value } from '../graph.js'
import type { Activation } from '../ops/activations.js'
import type { BatchNormNode } from '../ops/batch_norm.js'
import { absorbs } from '../ops/index.js'
import { fuse } from './fuse.js'

/**
 * Folds the normalization of channels into the convolution or the matrix that makes them, where nothing else reads its
 * result. The new weights are computed in float64 and stored in the dtype of the old ones.
 */
export function foldBatchNorm(graph: Graph): Graph {
  return scope(() => {
    const made: Tensor[] = []
    const nodes = fuse(graph, (norm, maker) => {
      if (norm.kind !== 'batchNorm') return null
      const layer = maker(norm.input)
      if (layer === null || !canFold(layer)) return null
      const { weight, bias } = folded(layer, norm)
      made.push(weight, bias)
      return { node: { ...layer, weight, bias, output: norm.output }, absorbed: layer }
    })
    return graph.with({ nodes, made })
  })
}

type FoldingNode = Extract<Node, { readonly weight: Tensor; readonly activation: Activation; readonly input: Value }>

/** What a node has absorbed already comes after the normalization. */
function canFold(node: Node): node is FoldingNode {
  if (!absorbs(node, 'batchNorm') || !('activation' in node) || node.activation !== 'none') return false
  return !('residual' in node) || node.residual === null
}

function folded({ weight, bias }: FoldingNode, norm: BatchNormNode): { weight: Tensor; bias: Tensor } {
  return scope(() => {
    const { dtype } = weight
    const channels = [weight.size(0)]
    const deviation = norm.variance.double().add(norm.eps).sqrt()
    const scale = norm.weight === null ? deviation.pow(-1) : norm.weight.double().div(deviation)
    const none = zeros(channels, { dtype: 'float64', device: weight.device as Device })
    const shift = (bias?.double() ?? none)
      .sub(norm.mean.double())
      .mul(scale)
      .add(norm.bias?.double() ?? none)
    const perKernel = scale.view([...channels, ...weight.shape.slice(1).map(() => 1)])
    return { weight: weight.mul(perKernel).to(dtype), bias: shift.to(dtype) }
  })
}
