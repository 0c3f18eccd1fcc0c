import { fromArray } from '../../tensor/creation.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Device } from '../../util/device.js'
import { TorchError } from '../../util/errors.js'
import { scope } from '../../util/scope.js'
import type { Module } from '../../nn/module.js'
import type { Graph, Node } from '../graph.js'
import { constantsOf, outputsOf, titleOf } from '../ops/index.js'
import { isSameShape } from '../ops/shapes.js'
import { runGraph, runNodes } from '../run/interpret.js'
import { firstMixing } from './samples_apart.js'

/** How far a sample's output may be from the one that it has in another batch, relative to the largest: by rounding alone. */
const TOLERANCE = 1e-4
/** Of 16-bit floats. */
const TOLERANCE_16 = 5e-2

/**
 * Finds out whether what a model gives for a sample depends on the others of its batch: engines merge the samples of several
 * callers, and cut batches. Where the operators do not tell, or take other numbers for another batch (the graphs are not
 * aligned), made-up samples are computed in a batch of three and in two of two.
 *
 * @throws {TorchError} `TORCH_TRACE` with the operator and the module that mix samples.
 */
export function checkSamplesApart(model: Module, [two, three]: readonly [Graph, Graph], isAligned: boolean): void {
  if (isAligned && firstMixing(two) === null) return
  scope(() => {
    const batch = madeUpBatch(three)
    const parts = [0, 1].map((start) => batch.slice(0, start, start + 2))
    let isApart: boolean
    try {
      const whole = runGraph(three, batch)
      isApart = parts.every((part, start) => isSameRows(runGraph(two, part), whole, start))
    } catch (error) {
      // Operators that refuse these numbers, such as an index out of range: nothing can be told of others.
      if (error instanceof TorchError && error.code === 'TORCH_OPERATOR') return
      throw error
    }
    if (isApart) return
    const node = mixingNode(two, three, { batch, parts })
    const where = node === null || node.path === '' ? '' : ` of ${node.path} (${classOf(model, node.path)})`
    const what = node === null ? 'its forward()' : `${titleOf(node)}${where}`
    throw new TorchError(
      'TORCH_TRACE',
      `Cannot compile ${model.constructor.name}: ${what} mixes the samples of a batch, and engines merge and cut batches`,
    )
  })
}

interface Samples {
  /** Three samples. */
  readonly batch: Tensor
  /** The first two and the last two of them. */
  readonly parts: readonly Tensor[]
}

/** The first node whose result for a sample depends on the batch; null where the steps themselves do. */
function mixingNode(two: Graph, three: Graph, { batch, parts }: Samples): Node | null {
  const isAlike = two.nodes.every(({ kind }, index) => three.nodes[index]?.kind === kind)
  if (!isAlike || two.nodes.length !== three.nodes.length) return firstMixing(two)
  const whole = runNodes(three, batch)
  const results = parts.map((part) => runNodes(two, part))
  const found = two.nodes.find((node, index) =>
    outputsOf(node).some((output, at) => {
      const counterpart = outputsOf(three.nodes[index] ?? node)[at]
      const all = counterpart && whole.get(counterpart)
      // What has no row for each sample says nothing yet.
      if (all === undefined || !isSameShape([3, ...output.shape.slice(1)], all.shape)) return false
      return results.some((tensors, start) => {
        const rows = tensors.get(output)
        return rows !== undefined && !isSameRows(rows, all, start)
      })
    }),
  )
  return found ?? firstMixing(two)
}

/** Tells whether two rows are those of a batch from `start` on, but for rounding. */
function isSameRows(rows: Tensor, batch: Tensor, start: number): boolean {
  const [received, wanted] = [rows.double(), batch.slice(0, start, start + 2).double()]
  const limit = rows.dtype === 'float16' || rows.dtype === 'bfloat16' ? TOLERANCE_16 : TOLERANCE
  const scale = wanted.numel === 0 ? 0 : wanted.abs().max().item()
  const atol = Number.isFinite(scale) ? limit * scale : limit
  return received.allclose(wanted, { rtol: limit, atol, equalNan: true })
}

/** Three different samples of numbers from -1 to 1, which take no number from the user's generator. */
function madeUpBatch({ inputs: [input], nodes }: Graph): Tensor {
  const { shape = [], dtype = 'float32' } = input ?? {}
  const numbers = new Float32Array(shape.reduce((product, size) => product * size, 1))
  let state = 1
  for (let index = 0; index < numbers.length; index++) {
    // Park and Miller's minimal standard.
    state = (state * 48271) % 0x7fffffff
    numbers[index] = state / 0x3fffffff - 1
  }
  const device = nodes.flatMap(constantsOf)[0]?.device ?? 'cpu'
  return fromArray(numbers, shape)
    .to(dtype)
    .to(device as Device)
}

function classOf(model: Module, path: string): string {
  return model.namedModules().find(([name]) => name === path)?.[1].constructor.name ?? 'Module'
}
