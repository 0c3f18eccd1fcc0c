import { describeShape } from '../../util/check.js'
import type { Graph, Value } from '../graph.js'
import { inputsOf, outputsOf, titleOf } from '../ops/index.js'

/** Prints a graph in the language of Graphviz: `dot -Tsvg` draws it. */
export function toDot(graph: Graph): string {
  const makers = new Map<Value, string>()
  const lines: string[] = []
  const draw = (name: string, label: readonly string[], from: readonly Value[], shape: string): void => {
    lines.push(`  ${name} [label=${JSON.stringify(label.join('\n'))}, shape=${shape}]`)
    for (const value of from) lines.push(`  ${makers.get(value)} -> ${name}`)
  }
  graph.inputs.forEach((input, index) => {
    draw(`input${index}`, ['input', describeValue(input)], [], 'ellipse')
    makers.set(input, `input${index}`)
  })
  graph.nodes.forEach((node, index) => {
    const label = [titleOf(node), node.path, ...outputsOf(node).map(describeValue)]
    draw(
      `node${index}`,
      label.filter((line) => line !== ''),
      inputsOf(node),
      'box',
    )
    for (const output of outputsOf(node)) makers.set(output, `node${index}`)
  })
  graph.outputs.forEach((output, index) => draw(`output${index}`, ['output'], [output], 'ellipse'))
  return ['digraph {', ...lines, '}', ''].join('\n')
}

function describeValue({ dtype, shape }: Value): string {
  return `${dtype} ${describeShape(shape)}`
}
