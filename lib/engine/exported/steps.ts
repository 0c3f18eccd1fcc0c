import type { ProgramOperand, Program, ProgramNode, Output } from '../../checkpoint/pt2/program.js'
import { namesIn } from '../../checkpoint/pt2/operands.js'
import { failure } from '../../checkpoint/failure.js'
import { isTensor } from '../../nn/checks.js'
import { quote } from '../../util/check.js'
import { TorchError } from '../../util/errors.js'
import type { Pieces } from '../../util/slices.js'
import { operatorOf, type Operator, type RunValue } from './operators.js'

/** The values of a run by their names. */
export type RunValues = Map<string, RunValue>

/** Calls what a step does as if the module did it that did so in Python. */
export type CallIn = <T>(module: string, body: () => T) => T

interface Step {
  readonly node: ProgramNode
  readonly operator: Operator
  /** Outputs that something reads. */
  readonly isRead: (output: number) => boolean
  /** RunValues that nothing reads afterwards. */
  readonly last: readonly string[]
}

/** Views of libtorch that share the memory of their first argument, so that what is written into them is written there. */
const VIEWS = new Set([
  ...['view', 'reshape', '_unsafe_view', 'flatten', 'unflatten', 'squeeze', 'unsqueeze', 'permute', 'transpose', 't'],
  ...[
    'expand',
    'select',
    'slice',
    'split',
    'split_with_sizes',
    'chunk',
    'unbind',
    'narrow',
    'diagonal',
    'alias',
    'detach',
  ],
  ...['contiguous', 'to', 'view_as', 'expand_as', 'movedim', 'as_strided', 'unfold', 'dropout', 'real', 'imag', 'mT'],
])

/**
 * The nodes of a program, each with the operator that computes it. Making them checks all that can be told before it runs.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_UNSUPPORTED` with the node and the operator that cannot be run.
 */
export class Steps {
  readonly #steps: readonly Step[]
  readonly #outputs: readonly ProgramOperand[]
  readonly #kept: ReadonlySet<string>

  constructor(program: Program, path: string | undefined) {
    const { nodes, outputs, inputs } = program
    const lastReads = lastReadsOf(program)
    this.#outputs = outputs.filter(({ changes }) => changes === null).map(({ operand }) => operand)
    this.#kept = new Set(inputs.map(({ name }) => name))
    const state = new Set(inputs.flatMap(({ kind, name }) => (kind === 'user' || kind === 'literal' ? [] : [name])))
    const changed = outputs.find(({ changes }) => changes !== null && changes !== 'user_input_mutation')
    if (changed !== undefined) {
      const text = 'The program changes its own parameters or buffers as it runs: export the model in eval mode'
      throw failure('TORCH_CHECKPOINT_UNSUPPORTED', { path }, text)
    }
    this.#steps = nodes.map((node, index) => {
      const refuse = (reason: string): TorchError => {
        const where = node.module === '' ? '' : ` of ${quote(node.module)}`
        return failure('TORCH_CHECKPOINT_UNSUPPORTED', { path }, `Node ${index}${where} cannot be run: ${reason}`)
      }
      const operator = operatorOf(node, refuse)
      guardState(node, operator, state, refuse)
      const isRead = (output: number): boolean => {
        const made = node.outputs[output]
        return made !== undefined && namesIn(made).some((name) => (lastReads.get(name) ?? -1) >= 0)
      }
      const touched = [...node.inputs.map(({ operand }) => operand), ...node.outputs].flatMap(namesIn)
      const last = [...new Set(touched)].filter(
        (name) => (lastReads.get(name) ?? index) === index && !this.#kept.has(name),
      )
      return { node, operator, isRead, last }
    })
  }

  /** Runs all steps, with a pause after each. Gives the outputs; those that were inputs come as tensors of their own. */
  *run(values: RunValues, callIn: CallIn = (_module, body) => body()): Pieces<readonly RunValue[]> {
    for (const [index, step] of this.#steps.entries()) {
      this.#take(step, index, values, callIn)
      yield
    }
    return this.#outputs.map((operand) => {
      const value = read(operand, values)
      const isKept = operand.kind === 'value' && this.#kept.has(operand.name)
      return isKept && isTensor(value) ? value.detach() : value
    })
  }

  #take({ node, operator, isRead, last }: Step, index: number, values: RunValues, callIn: CallIn): void {
    const args = new Array<RunValue | undefined>(operator.count).fill(undefined)
    node.inputs.forEach(({ operand }, place) => {
      args[operator.places[place] ?? place] = read(operand, values)
    })
    const made = callIn(node.module, () => {
      try {
        // A tensor that was changed goes by two names from now on, and each is disposed by itself.
        return operator
          .run(args, isRead)
          .map((value) => (isTensor(value) && args.includes(value) ? value.detach() : value))
      } catch (error) {
        throw located(error, node, index)
      }
    })
    node.outputs.forEach((output, position) => store(output, made[position], values))
    for (const name of last) {
      const value = values.get(name)
      values.delete(name)
      disposeAll(value)
    }
  }
}

/** The step that reads each value last; that of the outputs comes after all. */
function lastReadsOf({ nodes, outputs }: Program): ReadonlyMap<string, number> {
  const last = new Map<string, number>()
  for (const [index, { inputs }] of nodes.entries()) {
    for (const { operand } of inputs) for (const name of namesIn(operand)) last.set(name, index)
  }
  for (const { operand } of outputs) for (const name of namesIn(operand)) last.set(name, nodes.length)
  return last
}

/** Refuses to write into parameters, buffers and constants: the next run would see it. Adds to `state` the views of them. */
function guardState(
  node: ProgramNode,
  { written }: Operator,
  state: Set<string>,
  refuse: (reason: string) => TorchError,
): void {
  const isState = (index: number): boolean => {
    const input = node.inputs[index]
    return input !== undefined && namesIn(input.operand).some((name) => state.has(name))
  }
  if (written >= 0 && isState(written))
    throw refuse(`${node.target} changes a parameter or a buffer: export the model in eval mode`)
  const [, name = ''] = /^torch\.ops\.aten\.(\w+)/.exec(node.target) ?? []
  if (VIEWS.has(name) && isState(0))
    for (const output of node.outputs) for (const made of namesIn(output)) state.add(made)
}

function read(operand: ProgramOperand, values: RunValues): RunValue {
  switch (operand.kind) {
    case 'literal':
      return operand.literal
    case 'list':
      return operand.items.map((item) => read(item, values))
    case 'value': {
      const value = values.get(operand.name)
      if (value === undefined) throw new TypeError(`The value ${operand.name} is read before it is made`)
      return value
    }
    case 'unsupported':
      throw new TypeError(`An operand holds ${operand.what}`)
  }
}

function store(output: Output, value: RunValue | undefined, values: RunValues): void {
  if (output.kind === 'value') values.set(output.name, value ?? null)
  else if (output.kind === 'list') {
    const list: readonly RunValue[] = Array.isArray(value) ? value : []
    output.items.forEach((item, index) => item.kind === 'unsupported' || store(item, list[index], values))
  }
}

function disposeAll(value: RunValue | undefined): void {
  if (isTensor(value)) value.dispose()
  else if (Array.isArray(value)) value.forEach(disposeAll)
}

/** Says in an error of an operator which node it is. */
function located(error: unknown, { target, module }: ProgramNode, index: number): unknown {
  if (!(error instanceof TorchError) || error.code === 'TORCH_TRACE' || Object.isFrozen(error)) return error
  const where = module === '' ? '' : ` of ${module}`
  const { code, message } = error
  return new TorchError(code, `${message} (node ${index}, ${target}${where})`, { cause: error })
}
