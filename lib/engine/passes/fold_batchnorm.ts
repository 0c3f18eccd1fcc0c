import { scope } from '../../util/scope.js'
import { zeros } from '../../tensor/creation.js'
import type { Device } from '../../util/device.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { BatchNormNode, Conv2dNode, Graph, LinearNode } from '../graph.js'
import { fuse } from './fuse.js'

/**
 * Folds the normalisation of channels into the convolution or the matrix that makes them, where nothing else reads what that
 * makes. It is computed in float64 and stored in the dtype of the weights.
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

type Layer = Conv2dNode | LinearNode

function canFold(node: Graph['nodes'][number]): node is Layer {
  if (node.kind === 'conv2d') return node.activation === 'none' && node.residual === null
  return node.kind === 'linear' && node.activation === 'none'
}

function folded({ weight, bias }: Layer, norm: BatchNormNode): { weight: Tensor; bias: Tensor } {
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
