import type { BytesStep, NetworkStep, PlanArgument, PlanSpec, PlanStep, PlanValue } from '../libtorch/binding.js'
import type { DType } from '../util/dtype.js'

/** What a value of a plan is. */
export type ValueType = Pick<PlanValue, 'shape' | 'dtype'>

/** Where a plan computes, and how it finds its algorithms there. */
export type PlanPlace = Pick<PlanSpec, 'device' | 'tuned'>

/** What {@link explain} tells of a step. */
export interface StepInfo {
  /** Path of the module that it comes from. */
  readonly path: string
  /** What it does: `conv2d + relu`. */
  readonly operation: string
  /** What does it: `oneDNN`. */
  readonly kernel: string
  readonly outputShape: readonly number[]
  /** Multiplications and additions. */
  readonly flop: number
}

type Draft = PlanStep extends infer S ? (S extends PlanStep ? Omit<S, 'dead'> : never) : never

/** A step on bytes before it is known what is let go after it. */
export type BytesDraft = BytesStep extends infer S ? (S extends BytesStep ? Omit<S, 'dead'> : never) : never

/** Collects the values and steps of a plan, and finds out after which step each value is let go. */
export class PlanBuilder {
  readonly infos: StepInfo[] = []
  readonly #place: PlanPlace
  readonly #values: PlanValue[] = []
  readonly #preparation: Draft[] = []
  readonly #steps: Draft[] = []

  constructor(place: PlanPlace = { device: null, tuned: false }) {
    this.#place = place
  }

  /** Adds a value that a step is to make, and gives its index. */
  value({ shape, dtype }: ValueType): number {
    return this.#values.push({ shape, dtype }) - 1
  }

  /** Adds a step that calls an operator, which makes the values `outputs`. */
  aten(info: StepInfo, schema: string, args: readonly PlanArgument[], outputs: readonly number[]): void {
    this.#steps.push({ kind: 'aten', schema, args, outputs })
    this.infos.push(info)
  }

  /** Adds a step of own kernels, with one info for each of its operations. */
  network(step: Omit<NetworkStep, 'dead'>, infos: readonly StepInfo[]): void {
    this.#steps.push(step)
    this.infos.push(...infos)
  }

  /** Adds a step on bytes. */
  bytes(info: StepInfo, step: BytesDraft): void {
    this.#steps.push(step)
    this.infos.push(info)
  }

  /** Adds a value that an operator makes once for this plan, and gives its index. */
  prepared(schema: string, args: readonly PlanArgument[], type: ValueType): number {
    const output = this.value(type)
    this.#preparation.push({ kind: 'aten', schema, args, outputs: [output] })
    return output
  }

  /** Adds a value that an operator makes once for all plans of an engine, and gives its index. */
  shared(key: string, schema: string, args: readonly PlanArgument[], type: ValueType): number {
    const output = this.value(type)
    this.#preparation.push({ kind: 'shared', key, schema, args, outputs: [output] })
    return output
  }

  finish(input: number, output: number, outputDtype: DType): PlanSpec {
    return {
      ...this.#place,
      values: this.#values,
      input,
      output,
      outputDtype,
      preparation: withDead(this.#preparation, this.#steps.flatMap(readBy)),
      steps: withDead(this.#steps, [output, ...this.#preparation.flatMap(writtenBy)]),
    }
  }
}

/** Lets each value go after the last step that reads it, except those that are read later or are constant. */
function withDead(steps: readonly Draft[], kept: readonly number[]): PlanStep[] {
  const seen = new Set(kept)
  const result: PlanStep[] = []
  for (const step of [...steps].reverse()) {
    const touched = new Set([...readBy(step), ...writtenBy(step)])
    result.push({ ...step, dead: [...touched].filter((value) => !seen.has(value)) })
    for (const value of touched) seen.add(value)
  }
  return result.reverse()
}

function readBy(step: Draft): number[] {
  if (step.kind === 'network') return [...step.nchw, ...step.inputs.map(({ value }) => value)]
  return 'input' in step ? [step.input] : step.args.flatMap(readByArgument)
}

function readByArgument(argument: PlanArgument): number[] {
  if ('value' in argument) return [argument.value]
  return 'values' in argument ? argument.values.filter((entry) => typeof entry === 'number') : []
}

function writtenBy(step: Draft): readonly number[] {
  if (step.kind === 'network') return step.outputs.map(({ value }) => value)
  return 'output' in step ? [step.output] : step.outputs
}
