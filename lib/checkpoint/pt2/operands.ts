import type { JsonField } from './fields.js'
import type { Literal, ProgramOperand } from './program.js'

/** PyTorch's numbers of element types in a program. */
const DTYPES: ReadonlyMap<number, string> = new Map([
  [1, 'uint8'],
  [2, 'int8'],
  [3, 'int16'],
  [4, 'int32'],
  [5, 'int64'],
  [6, 'float16'],
  [7, 'float32'],
  [8, 'float64'],
  [9, 'complex32'],
  [10, 'complex64'],
  [11, 'complex128'],
  [12, 'bool'],
  [13, 'bfloat16'],
  [28, 'uint16'],
  [29, 'float8_e4m3fn'],
  [30, 'float8_e5m2'],
  [31, 'float8_e4m3fnuz'],
  [32, 'float8_e5m2fnuz'],
  [33, 'float8_e8m0fnu'],
  [34, 'uint32'],
  [35, 'uint64'],
])

const MEMORY_FORMATS: ReadonlyMap<number, string> = new Map([
  [1, 'contiguous_format'],
  [2, 'channels_last'],
  [3, 'channels_last_3d'],
  // Every operator that takes a format does this without one.
  [4, 'preserve_format'],
])

const STRIDED = 7

/** Reads the number of an element type. */
export function readDType(field: JsonField): string {
  const dtype = DTYPES.get(field.natural())
  if (dtype === undefined) throw field.unknown(`the element type ${field.natural()}`)
  return dtype
}

/** Refuses any layout but the usual one, in which an element has an address. */
export function checkLayout(field: JsonField): void {
  if (field.natural() !== STRIDED) throw field.unknown(`the layout ${field.natural()}`)
}

const literal = (value: Literal): ProgramOperand => ({ kind: 'literal', literal: value })
const value = (name: JsonField): ProgramOperand => ({ kind: 'value', name: name.text() })
const list = (items: readonly ProgramOperand[]): ProgramOperand => ({ kind: 'list', items })
const literals = (field: JsonField, read: (item: JsonField) => Literal): ProgramOperand =>
  literal(field.list().map(read))

/** An entry of a union of a name and a literal: `{ "as_name": "sym_size_int" }`. */
function readSymbolic(field: JsonField): ProgramOperand {
  const [kind, content] = field.union()
  switch (kind) {
    case 'as_name':
      return value(content)
    case 'as_int':
      return literal(content.integer())
    case 'as_float':
      return literal(content.float())
    case 'as_bool':
      return literal(content.boolean())
    default:
      throw field.unknown(`a number of the kind ${kind}`)
  }
}

function readOptionalTensor(field: JsonField): ProgramOperand {
  const [kind, content] = field.union()
  if (kind === 'as_none') return literal(null)
  if (kind === 'as_tensor') return value(content.get('name'))
  throw field.unknown(`a tensor of the kind ${kind}`)
}

function readMemoryFormat(field: JsonField): ProgramOperand {
  const format = MEMORY_FORMATS.get(field.natural())
  if (format === undefined) throw field.unknown(`the memory format ${field.natural()}`)
  return literal(format === 'preserve_format' ? null : format)
}

function readDevice(field: JsonField): ProgramOperand {
  const index = field.maybe('index')
  const type = field.get('type').text()
  return literal(index === null ? type : `${type}:${index.natural()}`)
}

/** Kinds of arguments that have no counterpart here: they make a program that can be looked at and not run. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  as_graph: 'a graph of its own',
  as_custom_obj: 'an object of a class in C++',
  as_operator: 'an operator',
  as_complex: 'a complex number',
  as_nested_tensors: 'lists of lists of tensors',
  as_string_to_argument: 'a dict',
}

const READERS: Readonly<Record<string, (field: JsonField) => ProgramOperand>> = {
  as_none: () => literal(null),
  as_tensor: (field) => value(field.get('name')),
  as_tensors: (field) => list(field.list().map((item) => value(item.get('name')))),
  as_int: (field) => literal(field.integer()),
  as_ints: (field) => literals(field, (item) => item.integer()),
  as_int_lists: (field) => literals(field, (item) => item.list().map((inner) => inner.integer())),
  as_float: (field) => ({ kind: 'literal', literal: field.float(), isFloat: true }),
  as_floats: (field) => literals(field, (item) => item.float()),
  as_float_lists: (field) => literals(field, (item) => item.list().map((inner) => inner.float())),
  as_string: (field) => literal(field.text()),
  as_strings: (field) => literals(field, (item) => item.text()),
  as_bool: (field) => literal(field.boolean()),
  as_bools: (field) => literals(field, (item) => item.boolean()),
  as_sym_int: readSymbolic,
  as_sym_float: readSymbolic,
  as_sym_bool: readSymbolic,
  as_sym_ints: (field) => list(field.list().map(readSymbolic)),
  as_sym_floats: (field) => list(field.list().map(readSymbolic)),
  as_sym_bools: (field) => list(field.list().map(readSymbolic)),
  as_scalar_type: (field) => literal(readDType(field)),
  as_memory_format: readMemoryFormat,
  as_layout: (field) => {
    checkLayout(field)
    return literal('strided')
  },
  as_device: readDevice,
  as_optional_tensor: readOptionalTensor,
  as_optional_tensors: (field) => list(field.list().map(readOptionalTensor)),
}

/** Reads an argument of a node, an input of a graph, or what it gives. */
export function readOperand(field: JsonField): ProgramOperand {
  const [kind, content] = field.union()
  const what = Object.hasOwn(UNSUPPORTED, kind) ? UNSUPPORTED[kind] : undefined
  if (what !== undefined) return { kind: 'unsupported', what }
  const read = Object.hasOwn(READERS, kind) ? READERS[kind] : undefined
  if (read === undefined) throw field.unknown(`an argument of the kind ${kind}`)
  return read(content)
}

/** Lists the names of the values that an operand reads. */
export function namesIn(operand: ProgramOperand): readonly string[] {
  if (operand.kind === 'value') return [operand.name]
  return operand.kind === 'list' ? operand.items.flatMap(namesIn) : []
}
