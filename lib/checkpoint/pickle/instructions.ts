import { OP } from './opcodes.js'
import type { PickleInput } from './input.js'
import type { PickleMachine } from './machine.js'
import { readNumber } from './numbers.js'
import { decodeText, unescapeBytes, unescapeUnicode } from './text.js'
import { tuple } from '../values.js'

/** What an instruction does to the machine; its operands come from `input`. */
type Instruction = (machine: PickleMachine, input: PickleInput) => void

/** Every instruction but STOP, by its byte. */
export const INSTRUCTIONS: Readonly<Record<number, Instruction>> = {
  [OP.PROTO]: (machine, input) => machine.protocol(input.uint8()),
  [OP.FRAME]: (machine, input) => machine.frame(input.uint64()),
  [OP.MARK]: (machine) => machine.mark(),
  [OP.POP]: (machine) => machine.drop(),
  [OP.POP_MARK]: (machine) => machine.popMark(),
  [OP.DUP]: (machine) => machine.push(machine.top()),

  [OP.NONE]: (machine) => machine.push(null),
  [OP.NEWTRUE]: (machine) => machine.push(true),
  [OP.NEWFALSE]: (machine) => machine.push(false),
  [OP.INT]: number(OP.INT),
  [OP.LONG]: number(OP.LONG),
  [OP.FLOAT]: number(OP.FLOAT),
  [OP.BININT]: number(OP.BININT),
  [OP.BININT1]: number(OP.BININT1),
  [OP.BININT2]: number(OP.BININT2),
  [OP.BINFLOAT]: number(OP.BINFLOAT),
  [OP.LONG1]: number(OP.LONG1),
  [OP.LONG4]: number(OP.LONG4),

  [OP.SHORT_BINUNICODE]: (machine, input) => machine.push(input.text(input.uint8())),
  [OP.BINUNICODE]: (machine, input) => machine.push(input.text(input.uint32())),
  [OP.BINUNICODE8]: (machine, input) => machine.push(input.text(input.uint64())),
  [OP.UNICODE]: (machine, input) => machine.push(expectText(machine, unescapeUnicode(input.line('stringBytes')))),
  [OP.STRING]: (machine, input) => machine.pushSpelled(quoted(machine, input.line('stringBytes'))),
  [OP.SHORT_BINSTRING]: (machine, input) => machine.pushSpelled(input.textOrBytes(input.uint8())),
  [OP.BINSTRING]: (machine, input) => machine.pushSpelled(input.textOrBytes(input.uint32())),
  [OP.SHORT_BINBYTES]: (machine, input) => machine.pushSpelled(input.byteString(input.uint8())),
  [OP.BINBYTES]: (machine, input) => machine.pushSpelled(input.byteString(input.uint32())),
  [OP.BINBYTES8]: (machine, input) => machine.pushSpelled(input.byteString(input.uint64())),
  [OP.BYTEARRAY8]: (machine, input) => machine.pushSpelled(input.byteString(input.uint64())),

  [OP.EMPTY_TUPLE]: (machine) => machine.pushContainer(tuple([])),
  [OP.TUPLE1]: (machine) => machine.pushContainer(tuple(machine.popMany(1))),
  [OP.TUPLE2]: (machine) => machine.pushContainer(tuple(machine.popMany(2))),
  [OP.TUPLE3]: (machine) => machine.pushContainer(tuple(machine.popMany(3))),
  [OP.TUPLE]: (machine) => machine.pushContainer(tuple(machine.popMark())),
  [OP.EMPTY_LIST]: (machine) => machine.pushContainer([]),
  [OP.LIST]: (machine) => machine.pushContainer(machine.popMark()),
  [OP.APPEND]: (machine) => machine.append(machine.popMany(1)),
  [OP.APPENDS]: (machine) => machine.append(machine.popMark()),
  [OP.EMPTY_DICT]: (machine) => machine.pushContainer(new Map()),
  [OP.DICT]: (machine) => machine.pushContainer(machine.setItems(new Map(), machine.popMark())),
  [OP.SETITEM]: (machine) => machine.setItemsOfTop(machine.popMany(2)),
  [OP.SETITEMS]: (machine) => machine.setItemsOfTop(machine.popMark()),
  [OP.EMPTY_SET]: (machine) => machine.pushContainer(new Set()),
  [OP.ADDITEMS]: (machine) => machine.addItemsOfTop(machine.popMark()),
  [OP.FROZENSET]: (machine) => machine.pushContainer(machine.addItems(new Set(), machine.popMark())),

  [OP.GET]: (machine) => machine.recall(machine.memoIndex()),
  [OP.BINGET]: (machine, input) => machine.recall(input.uint8()),
  [OP.LONG_BINGET]: (machine, input) => machine.recall(input.uint32()),
  [OP.PUT]: (machine) => machine.remember(machine.memoIndex()),
  [OP.BINPUT]: (machine, input) => machine.remember(input.uint8()),
  [OP.LONG_BINPUT]: (machine, input) => machine.remember(input.uint32()),
  [OP.MEMOIZE]: (machine) => machine.memoize(),

  [OP.GLOBAL]: (machine, input) => machine.global(input.textLine(), input.textLine()),
  [OP.STACK_GLOBAL]: (machine) => machine.stackGlobal(machine.popMany(2)),
  [OP.REDUCE]: (machine) => machine.reduce(machine.popMany(2)),
  [OP.NEWOBJ]: (machine) => machine.reduce(machine.popMany(2)),
  [OP.NEWOBJ_EX]: (machine) => machine.newObjectWithNames(machine.popMany(3)),
  [OP.OBJ]: (machine) => machine.object(machine.popMark()),
  [OP.INST]: (machine, input) => machine.instance(input.textLine(), input.textLine()),
  [OP.BUILD]: (machine) => machine.build(machine.popMany(1)),
  [OP.BINPERSID]: (machine) => machine.persistent(machine.popMany(1)),
  [OP.PERSID]: (machine, input) => machine.persistent([input.textLine()]),

  [OP.EXT1]: extension,
  [OP.EXT2]: extension,
  [OP.EXT4]: extension,
  [OP.NEXT_BUFFER]: outOfBand,
  [OP.READONLY_BUFFER]: outOfBand,
}

function number(opcode: number): Instruction {
  return (machine, input) => machine.pushSpelled(readNumber(opcode, input, machine.limits, machine.fail))
}

function extension(machine: PickleMachine): never {
  const text = 'The pickle needs the extension registry of the Python that wrote it'
  throw machine.fail('TORCH_CHECKPOINT_UNSUPPORTED', text)
}

function outOfBand(machine: PickleMachine): never {
  throw machine.fail('TORCH_CHECKPOINT_UNSUPPORTED', 'The pickle needs buffers that were kept outside of it')
}

function quoted(machine: PickleMachine, line: string): string | Uint8Array {
  const quote = line.at(0)
  const closed = line.length >= 2 && (quote === "'" || quote === '"') && line.endsWith(quote)
  const text = expectText(machine, closed ? unescapeBytes(line.slice(1, -1)) : undefined)
  const bytes = new Uint8Array(Buffer.from(text, 'latin1'))
  // The strings of Python 2 were bytes: text if they can be, as torch reads them.
  return decodeText(bytes) ?? bytes
}

function expectText(machine: PickleMachine, text: string | undefined): string {
  if (text !== undefined) return text
  throw machine.fail('TORCH_CHECKPOINT_CORRUPT', 'A string is not quoted or escaped as Python does')
}
