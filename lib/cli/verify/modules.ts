import { inGradModeNow } from '../../libtorch/grad_mode.js'
import { isTensor } from '../../nn/checks.js'
import type { Module } from '../../nn/module.js'
import type { Tensor } from '../../tensor/tensor.js'
import { scope } from '../../util/scope.js'
import { ROOT, type Reference } from './reference.js'

/**
 * Largest {@link Difference.maxRel} that counts as equal. A convolution sums up to 4,608 products, and in another order their
 * float32 sum is off by some √4,608 × 2⁻²⁴ = 4e-6; the error grows with the layers, and Winograd's transforms add to it. 1e-6
 * to 1e-5 is usual. A wrong padding, eps or statistic makes 1e-3 or more.
 */
export const TOLERANCE = 1e-4

/** How an output differs from PyTorch's. */
export interface Difference {
  /** Largest absolute difference of two corresponding elements; NaN if just one of them is NaN. */
  readonly maxAbs: number
  /**
   * {@link maxAbs} as a share of the largest element of PyTorch's output. A share of each element would say nothing: where a sum
   * is near zero, the last bit of its terms is many times the result.
   */
  readonly maxRel: number
  /** Cosine of the angle between the two outputs as vectors; NaN if one of them is zero. */
  readonly cosine: number
}

/** An output compared with PyTorch's. */
export interface Comparison {
  /** Path of a module; `layer1.0.relu#2` is its second call. */
  readonly name: string
  /** What computes it: a class, or the steps of a fused group. */
  readonly kind: string
  /** (N, ...). */
  readonly shape: readonly number[]
  /** Null where only one of the two has such an output, or where their shapes differ. */
  readonly difference: Difference | null
  readonly ok: boolean
}

/** Compares an output with the output of the same name in the reference. */
export function compareWith(
  { outputs }: Pick<Reference, 'outputs'>,
  { name, kind, shape, values }: Pick<Comparison, 'name' | 'kind' | 'shape'> & { readonly values: Float32Array },
): Comparison {
  const expected = outputs.get(name)
  if (expected?.numel !== values.length || expected.ndim !== shape.length) {
    return { name, kind, shape, difference: null, ok: false }
  }
  const difference = differenceOf(values, expected.toFloat32Array())
  return { name, kind, shape, difference, ok: difference.maxRel <= TOLERANCE }
}

/** Calls `onCall` for each module call while `body` runs, in the order in which the calls end, with the names of make-reference.py. */
export function withCallNames<T>(
  model: Module,
  onCall: (name: string, module: Module<unknown>, output: Tensor) => void,
  body: () => T,
): T {
  const calls = new Map<string, number>()
  const hooks = model.namedModules().map(([path, module]) =>
    module.registerForwardHook((_module, _inputs, output) => {
      const count = (calls.get(path) ?? 0) + 1
      calls.set(path, count)
      const name = path === '' ? ROOT : path
      if (isTensor(output)) onCall(count === 1 ? name : `${name}#${count}`, module, output)
    }),
  )
  try {
    return body()
  } finally {
    for (const hook of hooks) hook.remove()
  }
}

/** Runs the model on the reference's input, module by module, and compares every output. */
export function compareModules(model: Module, reference: Reference): Comparison[] {
  const comparisons: Comparison[] = []
  const compare = (name: string, module: Module<unknown>, output: Tensor): void => {
    const { shape } = output
    const kind = module.constructor.name
    comparisons.push(compareWith(reference, { name, kind, shape, values: output.toFloat32Array() }))
  }
  inGradModeNow('inference', () => scope(() => withCallNames(model, compare, () => model.forward(reference.input))))
  const seen = new Set(comparisons.map(({ name }) => name))
  for (const [name, { shape }] of reference.outputs) {
    if (!seen.has(name)) comparisons.push({ name, kind: '', shape, difference: null, ok: false })
  }
  return comparisons
}

/** Compares two outputs of one shape. */
function differenceOf(actual: Float32Array, expected: Float32Array): Difference {
  let [maxAbs, largest, dot, ours, theirs] = [0, 0, 0, 0, 0]
  for (let index = 0; index < expected.length; index++) {
    const [one, other] = [actual[index] ?? NaN, expected[index] ?? NaN]
    // An infinity or NaN equals itself.
    if (!Object.is(one, other)) {
      const difference = Math.abs(one - other)
      if (!(difference <= maxAbs)) maxAbs = difference
    }
    largest = Math.max(largest, Math.abs(other))
    dot += one * other
    ours += one * one
    theirs += other * other
    if (Number.isNaN(maxAbs)) return { maxAbs, maxRel: NaN, cosine: NaN }
  }
  return { maxAbs, maxRel: maxAbs === 0 ? 0 : maxAbs / largest, cosine: dot / Math.sqrt(ours * theirs) }
}
