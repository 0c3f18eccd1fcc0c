import { scope } from '../../util/scope.js'
import { inPieces, type Pieces } from '../../util/slices.js'
import { empty, zeros } from '../../tensor/creation.js'
import type { Device } from '../../util/device.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Graph, Node, Value } from '../graph.js'
import type { Activation } from '../ops/activations.js'
import type { BatchNormNode } from '../ops/batch_norm.js'
import { absorbs } from '../ops/index.js'
import { fuseInPieces } from './fuse.js'

/**
 * Folds the normalization of channels into the convolution or the matrix that makes them, where nothing else reads its
 * result. The new weights are computed in float64 and stored in the dtype of the old ones, after the graph is made: in pieces.
 */
export function* foldBatchNorm(graph: Graph): Pieces<Graph> {
  const foldings: Folding[] = []
  let isDone = false
  try {
    const nodes = yield* fuseInPieces(graph, (norm, maker) => {
      if (norm.kind !== 'batchNorm') return null
      const layer = maker(norm.input)
      if (layer === null || !canFold(layer)) return null
      const { dtype, device } = layer.weight
      const like = { dtype, device: device as Device }
      const [weight, bias] = [empty(layer.weight.shape, like), empty([layer.weight.size(0)], like)]
      foldings.push({ layer, norm, weight, bias })
      return { node: { ...layer, weight, bias, output: norm.output }, absorbed: layer }
    })
    for (const folding of foldings) {
      yield
      const scale = fillBias(folding)
      yield* fillWeight(folding, scale)
      scale.dispose()
    }
    isDone = true
    return graph.with({ nodes, made: foldings.flatMap(({ weight, bias }) => [weight, bias]) })
  } finally {
    // Where it is ended early, no graph owns them.
    if (!isDone) for (const tensor of foldings.flatMap(({ weight, bias }) => [weight, bias])) tensor.dispose()
  }
}

/** Two nodes that become one, whose weight and bias have room, but no numbers yet. */
interface Folding {
  readonly layer: FoldingNode
  readonly norm: BatchNormNode
  readonly weight: Tensor
  readonly bias: Tensor
}

type FoldingNode = Extract<Node, { readonly weight: Tensor; readonly activation: Activation; readonly input: Value }>

/** What a node has absorbed already comes after the normalization. */
function canFold(node: Node): node is FoldingNode {
  if (!absorbs(node, 'batchNorm') || !('activation' in node) || node.activation !== 'none') return false
  return !('residual' in node) || node.residual === null
}

/** Gives the factor of each output channel, in float64. */
function fillBias({ layer, norm, bias }: Folding): Tensor {
  return scope(() => {
    const deviation = norm.variance.double().add(norm.eps).sqrt()
    const scale = norm.weight === null ? deviation.pow(-1) : norm.weight.double().div(deviation)
    const none = zeros(bias.shape, { dtype: 'float64', device: bias.device as Device })
    const shift = (layer.bias?.double() ?? none).sub(norm.mean.double()).mul(scale)
    bias.copy_(shift.add(norm.bias?.double() ?? none))
    return scale
  })
}

function fillWeight({ layer: { weight: source }, weight }: Folding, scale: Tensor): Pieces<void> {
  return inPieces(source, (start, end) =>
    scope(() => {
      const perKernel = scale.slice(0, start, end).view([end - start, ...source.shape.slice(1).map(() => 1)])
      weight.slice(0, start, end).copy_(source.slice(0, start, end).mul(perKernel))
    }),
  )
}
