import { isFloatingPoint } from '../../util/dtype.js'
import type { Graph, Node, Value } from '../graph.js'
import type { AtenNode } from '../ops/aten.js'
import type { AvgPool2dNode } from '../ops/avg_pool2d.js'
import type { ReshapeNode } from '../ops/reshape.js'
import { fuse, type Fusion } from './fuse.js'

/**
 * Finds the averages over whole images (N, C, H, W) in the forms in which models write them, and makes them one kind of
 * node; other adaptive pooling becomes plain pooling where its windows are all alike.
 */
export function canonicalizePools(graph: Graph): Graph {
  const simple = graph.with({ nodes: graph.nodes.map(simplified) })
  return simple.with({ nodes: fuse(simple, (node, maker) => reshaped(node, maker)) })
}

function simplified(node: Node): Node {
  if (node.kind === 'avgPool2d') return coversAll(node) ? globalPool(node.path, node.input, node.output) : node
  if (node.kind !== 'aten') return node
  if (node.schema === 'aten::adaptive_avg_pool2d') return plainPool(node)
  return node.schema === 'aten::mean.dim' ? imageMean(node) : node
}

function coversAll({ input, output, kernelSize, padding, divisorOverride }: AvgPool2dNode): boolean {
  const [height, width] = output.shape.slice(-2)
  const isWhole = input.shape.at(-2) === kernelSize[0] && input.shape.at(-1) === kernelSize[1]
  // The averages of integers are rounded, which a mean is not.
  if (!isFloatingPoint(input.dtype)) return false
  return isWhole && height === 1 && width === 1 && padding.every((size) => size === 0) && divisorOverride === null
}

function plainPool(node: AtenNode): Node {
  const [input, output] = [valueAt(node, 0), node.outputs[0]]
  if (input === null || output === undefined) return node
  const [inHeight = 0, inWidth = 0] = input.shape.slice(-2)
  const [height = 0, width = 0] = output.shape.slice(-2)
  if (inHeight === 0 || inWidth === 0 || inHeight % height !== 0 || inWidth % width !== 0) return node
  if (height === 1 && width === 1) return globalPool(node.path, input, output)
  const kernelSize = [inHeight / height, inWidth / width] as const
  return {
    kind: 'avgPool2d',
    path: node.path,
    input,
    output,
    kernelSize,
    stride: kernelSize,
    padding: [0, 0],
    ceilMode: false,
    countIncludePad: true,
    divisorOverride: null,
  }
}

/** `mean({ dim: [2, 3] })` */
function imageMean(node: AtenNode): Node {
  const [input, output] = [valueAt(node, 0), node.outputs[0]]
  if (input === null || output === undefined || !isImages(input) || !keepsDType(node, input)) return node
  const dims = dimsOf(node, 4)
  return dims?.join() === '2,3' ? globalPool(node.path, input, output) : node
}

/** An average whose result takes another shape, or that is taken over rows and columns joined into one dimension. */
function reshaped(node: Node, maker: (value: Value) => Node | null): Fusion | null {
  if (node.kind === 'reshape') {
    const absorbed = maker(node.input)
    if (absorbed?.kind !== 'globalAvgPool' || !isPooledShape(absorbed.input, node.output)) return null
    return { node: { ...absorbed, output: node.output }, absorbed }
  }
  if (node.kind !== 'aten' || node.schema !== 'aten::mean.dim') return null
  const [input, output] = [valueAt(node, 0), node.outputs[0]]
  const absorbed = input && maker(input)
  if (input === null || output === undefined || absorbed?.kind !== 'reshape' || !joinsPixels(absorbed)) return null
  if (dimsOf(node, 3)?.join() !== '2' || !keepsDType(node, input) || !isPooledShape(absorbed.input, output)) return null
  return { node: globalPool(node.path, absorbed.input, output), absorbed }
}

function joinsPixels({ input, output }: ReshapeNode): boolean {
  const [n, c, height = 0, width = 0] = input.shape
  return isImages(input) && output.shape.join() === [n, c, height * width].join()
}

function isPooledShape({ shape: [n, c] }: Value, { shape }: Value): boolean {
  const text = shape.join()
  return text === [n, c].join() || text === [n, c, 1, 1].join()
}

function isImages({ shape, dtype }: Value): boolean {
  return shape.length === 4 && !shape.includes(0) && isFloatingPoint(dtype)
}

function globalPool(path: string, input: Value, output: Value): Node {
  return { kind: 'globalAvgPool', path, input, output }
}

/** Dimensions over which is averaged, counted from 0 and sorted, null for all. */
function dimsOf({ args }: AtenNode, rank: number): number[] | null {
  const [, dims] = args
  if (dims === undefined || !('literal' in dims) || !Array.isArray(dims.literal)) return null
  return dims.literal.map((dim: number) => (dim < 0 ? dim + rank : dim)).sort((one, other) => one - other)
}

function keepsDType({ outputs: [output] }: AtenNode, input: Value): boolean {
  return output?.dtype === input.dtype
}

function valueAt({ args }: AtenNode, index: number): Value | null {
  const argument = args[index]
  return argument !== undefined && 'value' in argument ? argument.value : null
}
