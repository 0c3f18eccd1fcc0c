import { describeShape } from '../../util/check.js'
import type { StepInfo } from '../plan/step_info.js'
import type { InstructionSet } from '../tune/instruction_set.js'

/** A step of a compiled plan and what it took. */
export interface ExplainedStep extends StepInfo {
  /** Median of the runs. */
  readonly ms: number
}

/** What an {@link Explanation} is made of. */
type ExplanationParts = Pick<Explanation, 'batchSize' | 'steps' | 'instructionSet' | 'planBytes' | 'note'>

/** What a compiled model does, step by step; as text, a table. */
export class Explanation {
  /** Number of samples in the batches that were measured. */
  readonly batchSize: number
  readonly steps: readonly ExplainedStep[]
  /** The vector instructions of the native kernels; null if others compute. */
  readonly instructionSet: InstructionSet | null
  /** Bytes that the plans of the engine hold beside the weights, without those on another device. */
  readonly planBytes: number
  /** How another device is made to compute: whether what it does was recorded, and if not, why. Null for the CPU. */
  readonly note: string | null

  /** @internal Explanations are made by `Engine.explain()`. */
  constructor({ batchSize, steps, instructionSet, planBytes, note }: ExplanationParts) {
    this.batchSize = batchSize
    this.steps = steps
    this.instructionSet = instructionSet
    this.planBytes = planBytes
    this.note = note
  }

  /** Time of all steps, in ms. */
  get ms(): number {
    return this.steps.reduce((sum, { ms }) => sum + ms, 0)
  }

  /** Multiplications and additions of all steps. */
  get flop(): number {
    return this.steps.reduce((sum, { flop }) => sum + flop, 0)
  }

  toString(): string {
    const rows = this.steps.map((step) => [step.path, step.operation, step.kernel, ...cells(step)])
    const total = ['', 'all', '', '', ...cells(this).slice(1)]
    const table = [['module', 'operation', 'kernel', 'output', 'ms', 'GFLOP', 'GFLOP/s'], ...rows, total]
    const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? []
    const line = (row: readonly string[]): string =>
      row
        .map((cell, column) =>
          column < FIRST_NUMBER ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd()
    const memory = `plans hold ${(this.planBytes / 2 ** 20).toFixed(1)} MiB beside the weights`
    const kernels = this.instructionSet === null ? [] : [`native kernels for ${this.instructionSet}`]
    const notes = this.note === null ? [] : [this.note]
    return [...table.map(line), [`batches of ${this.batchSize}`, ...kernels, memory, ...notes].join('; ')].join('\n')
  }

  /** What `console.log` shows. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }
}

const FIRST_NUMBER = 4

function cells({
  outputShape = [],
  ms,
  flop,
}: {
  outputShape?: readonly number[]
  ms: number
  flop: number
}): string[] {
  const rate = flop === 0 ? '' : (flop / ms / 1e6).toFixed(0)
  return [describeShape(outputShape), ms.toFixed(3), flop === 0 ? '' : (flop / 1e9).toFixed(3), rate]
}
