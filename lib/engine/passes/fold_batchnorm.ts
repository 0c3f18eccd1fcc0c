import { scope } from '../../util/scope.js'
import type { Pieces } from '../../util/slices.js'
import { empty, zeros } from '../../tensor/creation.js'
import type { Device } from '../../util/device.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Graph, Node, Value } from '../graph.js'
import type { Activation } from '../ops/activations.js'
import type { BatchNormNode } from '../ops/batch_norm.js'
import { absorbs } from '../ops/index.js'
import { fuse } from './fuse.js'

/** Elements of weights that are computed in one piece. */
const PIECE = 2 ** 18

/**
 * Folds the normalization of channels into the convolution or the matrix that makes them, where nothing else reads its
 * result. The new weights are computed in float64 and stored in the dtype of the old ones, after the graph is made: in pieces.
 */
export function* foldBatchNorm(graph: Graph): Pieces<Graph> {
  const foldings: Folding[] = []
  const nodes = fuse(graph, (norm, maker) => {
    if (norm.kind !== 'batchNorm') return null
    const layer = maker(norm.input)
    if (layer === null || !canFold(layer)) return null
    const folding = foldingOf(layer, norm)
    foldings.push(folding)
    const { weight, bias } = folding
    return { node: { ...layer, weight, bias, output: norm.output }, absorbed: layer }
  })
  const folded = graph.with({ nodes, made: foldings.flatMap(({ weight, bias }) => [weight, bias]) })
  for (const folding of foldings) {
    yield* scaleKernels(folding)
    folding.scale.dispose()
  }
  return folded
}

/** What a layer becomes: its weights have room, but no numbers yet. */
interface Folding {
  readonly source: Tensor
  /** Of each output channel, in float64. */
  readonly scale: Tensor
  readonly weight: Tensor
  readonly bias: Tensor
}

type FoldingNode = Extract<Node, { readonly weight: Tensor; readonly activation: Activation; readonly input: Value }>

/** What a node has absorbed already comes after the normalization. */
function canFold(node: Node): node is FoldingNode {
  if (!absorbs(node, 'batchNorm') || !('activation' in node) || node.activation !== 'none') return false
  return !('residual' in node) || node.residual === null
}

function foldingOf({ weight: source, bias: old }: FoldingNode, norm: BatchNormNode): Folding {
  return scope(() => {
    const { dtype } = source
    const device = source.device as Device
    const deviation = norm.variance.double().add(norm.eps).sqrt()
    const scale = norm.weight === null ? deviation.pow(-1) : norm.weight.double().div(deviation)
    const none = zeros([source.size(0)], { dtype: 'float64', device })
    const shift = (old?.double() ?? none)
      .sub(norm.mean.double())
      .mul(scale)
      .add(norm.bias?.double() ?? none)
    return { source, scale, weight: empty(source.shape, { dtype, device }), bias: shift.to(dtype) }
  })
}

/** Writes the weights, some output channels at a time. */
function* scaleKernels({ source, scale, weight }: Folding): Pieces<void> {
  const count = source.size(0)
  const step = Math.max(1, Math.floor(PIECE / Math.max(1, source.numel / count)))
  for (let start = 0; start < count; start += step) {
    yield
    scope(() => {
      const [from, to, factors] = [source, weight, scale].map((each) => each.slice(0, start, start + step))
      if (from === undefined || to === undefined || factors === undefined) return
      to.copy_(from.mul(factors.view([factors.size(0), ...source.shape.slice(1).map(() => 1)])))
    })
  }
}
