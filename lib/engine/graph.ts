import type { DType } from '../util/dtype.js'
import { HELD } from '../util/scope.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Node } from './ops/index.js'
import type { QParams } from './quantization/qparams.js'

export type { Node } from './ops/index.js'

/** What flows between nodes: made once, by an input of the graph or by one node. */
export interface Value {
  /** Tells the values of one graph apart, and those of the graphs that passes make of it. */
  readonly id: number
  readonly shape: readonly number[]
  readonly dtype: DType
  /** How it lies in memory; undefined until `assignLayouts()` decides. */
  readonly layout?: Layout | undefined
}

/** How a {@link Value} lies in memory. */
export interface Layout {
  /** Whether it surely is channels-last (NHWC). */
  readonly isChannelsLast: boolean
  /** Whether it surely shares its memory with nothing else. */
  readonly isOwned: boolean
  /** What its uint8 elements stand for; null where elements stand for themselves. */
  readonly qparams: QParams | null
}

/** What a {@link Graph} is made of. */
export interface GraphParts {
  readonly inputs: readonly Value[]
  readonly nodes: readonly Node[]
  readonly outputs: readonly Value[]
  readonly owned: Iterable<Tensor>
}

/**
 * What a model computes for one shape of input: nodes in an order in which each finds its inputs made.
 *
 * Its constants are tensors, most of them the model's own: changing or disposing one changes or breaks the graph. A graph is
 * never changed itself. A pass makes a new graph, **which takes over what the old one owned**: only the last of a chain is
 * to be disposed.
 */
export class Graph implements Disposable {
  /** One, for now. */
  readonly inputs: readonly Value[]
  readonly nodes: readonly Node[]
  /** One, for now. It may be the input itself. */
  readonly outputs: readonly Value[]
  /** The constants that are not the model's own. */
  readonly owned: ReadonlySet<Tensor>

  constructor({ inputs, nodes, outputs, owned }: GraphParts) {
    this.inputs = inputs
    this.nodes = nodes
    this.outputs = outputs
    this.owned = new Set(owned)
  }

  /** Makes a graph with other parts, which owns `made` besides. */
  with(parts: {
    readonly inputs?: readonly Value[] | undefined
    readonly nodes?: readonly Node[] | undefined
    readonly outputs?: readonly Value[] | undefined
    readonly made?: Iterable<Tensor> | undefined
  }): Graph {
    const { inputs = this.inputs, nodes = this.nodes, outputs = this.outputs, made = [] } = parts
    return new Graph({ inputs, nodes, outputs, owned: [...this.owned, ...made] })
  }

  /** Disposes the constants that are not the model's own. */
  dispose(): void {
    for (const tensor of this.owned) tensor.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** Tensors that a scope keeps alive if the graph is its result. */
  [HELD](): Iterable<Tensor> {
    return this.owned
  }
}

/** Gives the layout of a value of a graph whose layouts are assigned. */
export function layoutOf({ id, layout }: Value): Layout {
  if (layout === undefined) throw new TypeError(`Value ${id} has no layout yet`)
  return layout
}
