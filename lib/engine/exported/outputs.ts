import type { Tree } from '../../checkpoint/pt2/program.js'
import type { RunValue } from './operators.js'

/** What {@link ExportedProgram.run} gives: a tensor, a number, or an array or object of them, as Python's `forward` does. */
export type ExportedOutput = RunValue | readonly ExportedOutput[] | { readonly [key: string]: ExportedOutput }

/** Puts the outputs of a graph together as Python's `forward` gives them. */
export function assemble(tree: Tree, values: readonly RunValue[]): ExportedOutput {
  const left = values[Symbol.iterator]()
  const take = (branch: Tree): ExportedOutput => {
    switch (branch.kind) {
      case 'list':
        return branch.items.map(take)
      case 'dict':
        // Defines each key, also one such as __proto__.
        return Object.fromEntries(branch.entries.map(([key, item]) => [key, take(item)]))
      default:
        return left.next().value ?? null
    }
  }
  return take(tree)
}
