import type { Program, Tree } from '../../checkpoint/pt2/program.js'
import { namesIn } from '../../checkpoint/pt2/operands.js'

/** An input or an output of an exported program. */
export interface ExportedValue {
  /** Where it stands among arguments or results, such as `x`, `pair.0` or `logits`; `output` for a result that is no container. */
  readonly name: string
  /** By PyTorch's name; null for what is a number, such as a size. */
  readonly dtype: string | null
  /** A symbol such as `s77`, or an expression of symbols, is a size that may change from run to run. */
  readonly shape: readonly (number | string)[]
}

/** What an exported program takes and gives. */
export interface ExportedSignature {
  /** Names of the arguments of Python's `forward`. */
  readonly arguments: readonly string[]
  readonly inputs: readonly ExportedValue[]
  readonly outputs: readonly ExportedValue[]
  /** Smallest and largest value of each symbolic size. */
  readonly ranges: Readonly<Record<string, readonly [min: number, max: number]>>
}

/** Tells what a program takes and gives. */
export function signatureOf(program: Program): ExportedSignature {
  const given = program.inputs.flatMap((spec) => (spec.kind === 'user' || spec.kind === 'literal' ? [spec] : []))
  const places = program.arguments.flatMap(({ name, tree }) => leafNames(tree, name))
  const inputs = given.flatMap((spec, index) =>
    spec.kind === 'user' ? [valueOf(program, spec.name, places[index] ?? spec.name)] : [],
  )
  const results = leafNames(program.result, '')
  const outputs = program.outputs
    .filter(({ changes }) => changes === null)
    .map(({ operand }, index) => {
      const name = results[index] ?? ''
      return valueOf(program, namesIn(operand)[0] ?? '', name === '' ? 'output' : name)
    })
  const names = program.arguments.map(({ name }) => name)
  return { arguments: names, inputs, outputs, ranges: Object.fromEntries(program.ranges) }
}

function valueOf({ tensors }: Program, value: string, name: string): ExportedValue {
  const facts = tensors.get(value)
  if (facts === undefined) return { name, dtype: null, shape: [] }
  return { name, dtype: facts.dtype, shape: facts.shape.map((size) => (typeof size === 'number' ? size : size.text)) }
}

/** Lists the paths of the leaves of a tree. */
export function leafNames(tree: Tree, path: string): string[] {
  const join = (key: string | number): string => (path === '' ? String(key) : `${path}.${key}`)
  switch (tree.kind) {
    case 'list':
      return tree.items.flatMap((item, index) => leafNames(item, join(index)))
    case 'dict':
      return tree.entries.flatMap(([key, item]) => leafNames(item, join(key)))
    default:
      return [path]
  }
}
