import type { Tensor } from 'napi-torch'

import type { Graph } from '../../lib/engine/graph.js'
import { Constants } from '../../lib/engine/plan/constants.js'
import { lower } from '../../lib/engine/plan/lower.js'
import { candidatesOf } from '../../lib/engine/tune/heuristics.js'
import { availableInstructionSets, type InstructionSet } from '../../lib/engine/tune/instruction_set.js'
import { native } from '../../lib/libtorch/binding.js'
import type { Random } from '../fuzz/random.js'

/** What computes a graph. */
export interface Target {
  readonly kernels: 'aten' | 'onednn' | 'native'
  readonly dtype: 'float32' | 'bfloat16'
  readonly instructionSet: InstructionSet
}

export const TARGETS: readonly Target[] = [
  ...(['aten', 'onednn'] as const).flatMap((kernels) =>
    (['float32', 'bfloat16'] as const).map((dtype) => ({ kernels, dtype, instructionSet: 'portable' as const })),
  ),
  ...availableInstructionSets().map(
    (instructionSet) => ({ kernels: 'native', dtype: 'float32', instructionSet }) as const,
  ),
]

const THREADS = 1

/** Of the largest finite element, or of 1 where that is less: Winograd loses about four bits, and bfloat16 has eight. */
export const TOLERANCE = { float32: 1e-4, bfloat16: 6e-2 } as const

/** Runs an optimized graph once. Of what a tuner selects among, chance selects. */
export function runCompiled(graph: Graph, input: Tensor, target: Target, random: Random): Float32Array {
  const { kernels, dtype, instructionSet } = target
  const constants = new Constants({ instructionSet })
  const engine = native.createEngine(THREADS, 'cpu')
  try {
    constants.add(graph)
    const { spec } = lower(graph, constants, {
      kernels,
      dtype,
      selectAlgorithm: (convolution) => random.pick(candidatesOf(convolution, instructionSet)),
    })
    const plan = native.createPlan(spec)
    try {
      const [output] = graph.outputs
      const result = new Float32Array(output?.shape.reduce((product, size) => product * size, 1) ?? 0)
      native.runPlansSync(engine, [plan], input.toFloat32Array(), result)
      return result
    } finally {
      native.disposePlan(plan)
    }
  } finally {
    constants.dispose()
    native.disposeEngine(engine)
  }
}

/** What a result is compared with. */
export interface Wanted {
  readonly elements: ArrayLike<number>
  /** See {@link TOLERANCE}. */
  readonly tolerance: number
  /** The elements from `start` to below `end` may be NaN where finite ones are wanted. */
  readonly spread?: { readonly start: number; readonly end: number } | null | undefined
}

/** Tells where a result is not what was wanted: NaN and infinities are wanted at the same places. Null where it is. */
export function differenceOf(received: Float32Array, { elements, tolerance, spread }: Wanted): string | null {
  const finite = Array.from(elements).filter(Number.isFinite)
  const limit = tolerance * finite.reduce((max, value) => Math.max(max, Math.abs(value)), 1)
  for (const [index, value] of received.entries()) {
    const want = elements[index] ?? NaN
    const isRight = Number.isFinite(want) ? Math.abs(value - want) <= limit : Object.is(value, want)
    const maySpread = spread && index >= spread.start && index < spread.end && Number.isNaN(value)
    if (!isRight && !maySpread) return `element ${index} is ${value}, wanted ${want}`
  }
  return null
}
