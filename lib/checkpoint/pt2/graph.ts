import type { JsonField } from './fields.js'
import { checkLayout, namesIn, readDType, readOperand } from './operands.js'
import type { InputSpec, Literal, ProgramOperand, Output, OutputSpec, ProgramNode, ProgramTensor } from './program.js'
import { readSize } from './sizes.js'

const GRAPH_FIELDS = [
  'inputs',
  'outputs',
  'nodes',
  'tensor_values',
  'sym_int_values',
  'sym_bool_values',
  'sym_float_values',
  'is_single_tensor_return',
  'custom_obj_values',
]
const NODE_FIELDS = ['target', 'inputs', 'outputs', 'metadata', 'is_hop_single_tensor_return', 'name']
const NO_MODULE = '_empty_nn_module_stack_from_metadata_hook'

/** What a graph is made of. */
export interface ProgramGraph {
  readonly nodes: readonly ProgramNode[]
  readonly inputs: readonly InputSpec[]
  readonly outputs: readonly OutputSpec[]
  readonly tensors: ReadonlyMap<string, ProgramTensor>
}

/**
 * Reads a graph and its signature. Each name is made once, and before it is read: so a graph cannot have cycles.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_CORRUPT` or `TORCH_CHECKPOINT_UNSUPPORTED` with the place of the fault.
 */
export function readGraph(module: JsonField, checkNodes: (count: number) => void): ProgramGraph {
  const graph = module.get('graph').only(GRAPH_FIELDS)
  const signature = module.get('signature').only(['input_specs', 'output_specs'])
  const names = new Names()
  const inputs = readInputs(signature.get('input_specs'), graph.get('inputs'), names)
  const listed = graph.get('nodes').list()
  checkNodes(listed.length)
  const nodes = listed.map((field) => readNode(field, names))
  const outputs = readOutputs(signature.get('output_specs'), graph.get('outputs'), names)
  const wanted = new Set([
    ...inputs.flatMap((spec) => (spec.kind === 'user' ? [spec.name] : [])),
    ...outputs.flatMap(({ operand }) => namesIn(operand)),
  ])
  return { nodes, inputs, outputs, tensors: readTensors(graph.get('tensor_values'), wanted) }
}

/** The values that have been made so far. */
class Names {
  readonly #made = new Set<string>()

  make(name: string, field: JsonField): void {
    if (this.#made.has(name)) throw field.wrong('a name that is made once')
    this.#made.add(name)
  }

  check(operand: ProgramOperand, field: JsonField): void {
    for (const name of namesIn(operand)) {
      if (!this.#made.has(name))
        throw field.wrong(`values that are made before they are read, not ${JSON.stringify(name.slice(0, 60))},`)
    }
  }
}

function readInputs(specs: JsonField, graphInputs: JsonField, names: Names): InputSpec[] {
  const inputs = specs.list().map(readInput)
  const listed = graphInputs.list()
  if (listed.length !== inputs.length)
    throw graphInputs.wrong(`a list of ${inputs.length} inputs, as the signature has,`)
  return inputs.map((input, index) => {
    const field = listed[index] ?? graphInputs
    const operand = readOperand(field)
    const [name] = namesIn(operand)
    const isSame = operand.kind === 'value' ? name === input.name : input.kind === 'literal'
    if (!isSame) throw field.wrong(`the input ${JSON.stringify(input.name.slice(0, 60))} of the signature`)
    names.make(input.name, field)
    return input
  })
}

function readInput(field: JsonField): InputSpec {
  const [kind, spec] = field.union()
  const nameOf = (): string => spec.get('arg').get('name').text()
  switch (kind) {
    case 'parameter':
      return { kind, name: nameOf(), key: spec.get('parameter_name').text() }
    case 'buffer':
      return { kind, name: nameOf(), key: spec.get('buffer_name').text() }
    case 'tensor_constant':
      return { kind: 'constant', name: nameOf(), key: spec.get('tensor_constant_name').text() }
    case 'constant_input':
      return { kind: 'literal', name: spec.get('name').text(), literal: readConstant(spec.get('value')) }
    case 'user_input': {
      const operand = readOperand(spec.get('arg'))
      if (operand.kind === 'value') return { kind: 'user', name: operand.name }
      throw field.unknown('an input that is neither a tensor nor a number')
    }
    default:
      throw field.unknown(`an input of the kind ${kind}`)
  }
}

function readConstant(field: JsonField): Literal {
  const operand = readOperand(field)
  if (operand.kind === 'literal') return operand.literal
  throw field.wrong('a number, a word or nothing')
}

const CHANGES = ['buffer_mutation', 'user_input_mutation', 'parameter_mutation']

function readOutputs(specs: JsonField, graphOutputs: JsonField, names: Names): OutputSpec[] {
  const outputs = specs.list()
  const listed = graphOutputs.list()
  if (listed.length !== outputs.length)
    throw graphOutputs.wrong(`a list of ${outputs.length} outputs, as the signature has,`)
  return outputs.map((field, index) => {
    const [kind] = field.union()
    if (kind !== 'user_output' && !CHANGES.includes(kind)) throw field.unknown(`an output of the kind ${kind}`)
    const given = listed[index] ?? graphOutputs
    const operand = readOperand(given)
    names.check(operand, given)
    return { operand, changes: kind === 'user_output' ? null : kind }
  })
}

function readNode(field: JsonField, names: Names): ProgramNode {
  field.only(NODE_FIELDS)
  const inputs = field
    .get('inputs')
    .list()
    .map((input) => {
      const operand = readOperand(input.get('arg'))
      names.check(operand, input)
      return { name: input.get('name').text(), operand }
    })
  const outputs = field
    .get('outputs')
    .list()
    .map((output) => readOutput(output, names))
  const stack = field.maybe('metadata')?.maybe('nn_module_stack')?.text() ?? ''
  return { target: field.get('target').text(), inputs, outputs, module: innermost(stack) }
}

function readOutput(field: JsonField, names: Names): Output {
  const operand = readOperand(field)
  if (operand.kind === 'unsupported') throw field.unknown(operand.what)
  for (const name of namesIn(operand)) names.make(name, field)
  return operand
}

/** The last of the calls in `L__self__,,Net;L__self___fc,fc,torch.nn.Linear`: its path stands second. */
function innermost(stack: string): string {
  const last = stack.slice(stack.lastIndexOf(';') + 1)
  const path = last.split(',', 2)[1] ?? ''
  return path === NO_MODULE ? '' : path
}

function readTensors(values: JsonField, wanted: ReadonlySet<string>): ReadonlyMap<string, ProgramTensor> {
  const tensors = new Map<string, ProgramTensor>()
  for (const name of wanted) {
    const field = values.maybe(name)
    if (field !== null) tensors.set(name, readTensorFacts(field))
  }
  return tensors
}

/** Reads what stands of a tensor: `{ "dtype", "sizes", "layout", … }`. */
export function readTensorFacts(field: JsonField): ProgramTensor {
  checkLayout(field.get('layout'))
  return { dtype: readDType(field.get('dtype')), shape: field.get('sizes').list().map(readSize) }
}
