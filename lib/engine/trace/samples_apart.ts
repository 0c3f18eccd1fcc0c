import type { Graph, Node, Value } from '../graph.js'
import { isConstant } from '../ops/fields.js'
import type { AtenArgument, AtenNode } from '../ops/aten.js'
import { inputsOf, outputsOf } from '../ops/index.js'

/** Tells whether a node surely computes each sample by itself, where the values that it reads and makes are batches of `rank`. */
type Rule = (args: readonly AtenArgument[], rank: number) => boolean

/** The dimension, or the dimensions, that argument `index` names do not include that of the batch. */
const along =
  (index: number): Rule =>
  (args, rank) => {
    const argument = args[index]
    const literal = argument !== undefined && 'literal' in argument ? argument.literal : null
    const dims = typeof literal === 'number' ? [literal] : Array.isArray(literal) ? (literal as number[]) : []
    return dims.length > 0 && dims.every((dim) => dim !== 0 && dim !== -rank)
  }

const always: Rule = () => true

const isBatchOfImages: Rule = (_args, rank) => rank === 4

/** Operators on elements: batches and constants broadcast, which {@link isAligned} looks at. */
const ELEMENTWISE = [
  ...['neg', 'abs', 'sqrt', 'exp', 'log', 'sigmoid', 'tanh', 'isnan', 'isfinite', 'clamp', 'to.dtype', 'full_like'],
  ...['add', 'sub', 'mul', 'div', 'eq', 'ne', 'lt', 'le', 'gt', 'ge'].flatMap((name) => [
    `${name}.Tensor`,
    `${name}.Scalar`,
  ]),
  ...['pow.Tensor_Tensor', 'pow.Tensor_Scalar', 'div.Tensor_mode', 'div.Scalar_mode'],
  ...['relu6', 'silu', 'mish', 'hardswish', 'hardsigmoid', 'hardtanh', 'gelu', 'leaky_relu', 'elu', 'softplus'],
  ...['floor', 'ceil', 'round', 'sin', 'cos', 'erf', 'rsqrt', 'maximum', 'minimum', 'logical_not'],
]

const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...ELEMENTWISE.map((name): [string, Rule] => [`aten::${name}`, always]),
  ['aten::permute', ([, dims]) => dims !== undefined && 'literal' in dims && firstOf(dims) === 0],
  ['aten::transpose.int', (args, rank) => along(1)(args, rank) && along(2)(args, rank)],
  ['aten::expand', ([, sizes]) => sizes !== undefined && ('sizes' in sizes || firstOf(sizes) === -1)],
  ['aten::pad', ([, pad], rank) => lengthOf(pad) < 2 * rank],
  ['aten::cat', along(1)],
  ['aten::stack', along(1)],
  ['aten::adaptive_avg_pool2d', isBatchOfImages],
  ...['adaptive_max_pool2d', 'upsample_nearest2d.vec', 'upsample_bilinear2d.vec', 'upsample_bicubic2d.vec']
    .concat(['pixel_shuffle', 'pixel_unshuffle', 'im2col'])
    .map((name): [string, Rule] => [`aten::${name}`, isBatchOfImages]),
  ['aten::layer_norm', ([, shape], rank) => lengthOf(shape) < rank],
  ['aten::chunk', along(2)],
  ['aten::unbind.int', along(1)],
  ['aten::cumsum', along(1)],
  ...['select.int', 'slice.Tensor', 'index_select', 'flip', 'sum.dim_IntList', 'mean.dim', 'amax', 'amin', 'argmax']
    .concat(['softmax.int', 'log_softmax.int'])
    .map((name): [string, Rule] => [`aten::${name}`, along(1)]),
  ['aten::topk', along(2)],
])

/**
 * Gives the first node of a traced graph that is not known to compute each sample of a batch by itself, null where all are: by what
 * the operators are, and without computing anything.
 */
export function firstMixing(graph: Graph): Node | null {
  const batch = graph.inputs[0]?.shape[0]
  const isBatch = ({ shape }: Value): boolean => shape.length > 0 && shape[0] === batch
  return graph.nodes.find((node) => ![...inputsOf(node), ...outputsOf(node)].every(isBatch) || !isApart(node)) ?? null
}

/** The other kinds keep samples apart, whatever they are: layers, pooling, sums of one shape, and what changes the shape alone. */
function isApart(node: Node): boolean {
  if (node.kind !== 'aten') return true
  const [input] = inputsOf(node)
  const rank = input?.shape.length ?? 0
  return RULES.get(node.schema)?.(node.args, rank) === true && isAligned(node, rank)
}

/** Tells whether the first dimension of everything that a node reads and makes is that of the batch, or one for all samples. */
function isAligned(node: AtenNode, rank: number): boolean {
  if (inputsOf(node).some(({ shape }) => shape.length !== rank)) return false
  const constants = node.args.flatMap((argument) => {
    if ('constant' in argument) return [argument.constant]
    return 'values' in argument ? argument.values.filter(isConstant) : []
  })
  return constants.every(({ shape }) => shape.length < rank || shape[0] === 1)
}

function firstOf(argument: AtenArgument): unknown {
  return 'literal' in argument && Array.isArray(argument.literal) ? (argument.literal as number[])[0] : undefined
}

function lengthOf(argument: AtenArgument | undefined): number {
  const literal = argument !== undefined && 'literal' in argument ? argument.literal : null
  return Array.isArray(literal) ? literal.length : Infinity
}
