import { OP } from '../../lib/checkpoint/pickle/opcodes.js'
import { oddNumber } from './bytes.js'
import type { Random } from './random.js'

/** One instruction of a pickle with its operand. */
type Step = Buffer

/** Lengths of operands: bytes, or how many bytes the length before them takes, or lines. */
const FIXED: Readonly<Record<number, number>> = {
  [OP.BININT1]: 1,
  [OP.BINGET]: 1,
  [OP.BINPUT]: 1,
  [OP.PROTO]: 1,
  [OP.EXT1]: 1,
  [OP.BININT2]: 2,
  [OP.EXT2]: 2,
  [OP.BININT]: 4,
  [OP.LONG_BINGET]: 4,
  [OP.LONG_BINPUT]: 4,
  [OP.EXT4]: 4,
  [OP.BINFLOAT]: 8,
  [OP.FRAME]: 8,
}
const COUNTED: Readonly<Record<number, number>> = {
  [OP.SHORT_BINSTRING]: 1,
  [OP.LONG1]: 1,
  [OP.SHORT_BINBYTES]: 1,
  [OP.SHORT_BINUNICODE]: 1,
  [OP.BINSTRING]: 4,
  [OP.BINUNICODE]: 4,
  [OP.LONG4]: 4,
  [OP.BINBYTES]: 4,
  [OP.BINUNICODE8]: 8,
  [OP.BINBYTES8]: 8,
  [OP.BYTEARRAY8]: 8,
}
const LINES: Readonly<Record<number, number>> = {
  [OP.FLOAT]: 1,
  [OP.INT]: 1,
  [OP.LONG]: 1,
  [OP.STRING]: 1,
  [OP.UNICODE]: 1,
  [OP.GET]: 1,
  [OP.PUT]: 1,
  [OP.PERSID]: 1,
  [OP.GLOBAL]: 2,
  [OP.INST]: 2,
}

const OPCODES = Object.values(OP)

/** Names that mean something to the reader, or should not. */
export const GLOBALS: readonly string[] = [
  'functools partial',
  'operator attrgetter',
  'operator methodcaller',
  'builtins type',
  'collections deque',
  'torch._tensor _rebuild_from_type_v2',
  'torch._dynamo.eval_frame OptimizedModule',
  'collections OrderedDict',
  'collections Counter',
  'collections defaultdict',
  'collections deque',
  'builtins set',
  'builtins frozenset',
  'builtins bytes',
  'builtins bytearray',
  'builtins getattr',
  'builtins eval',
  '_codecs encode',
  'copyreg _reconstructor',
  'copyreg __newobj__',
  'torch._utils _rebuild_tensor',
  'torch._utils _rebuild_tensor_v2',
  'torch._utils _rebuild_tensor_v3',
  'torch._utils _rebuild_qtensor',
  'torch._utils _rebuild_parameter',
  'torch._utils _rebuild_parameter_with_state',
  'torch._utils _rebuild_sparse_tensor',
  'torch._tensor _rebuild_from_type_v2',
  'torch.nn.parameter Parameter',
  'torch Size',
  'torch FloatStorage',
  'torch.storage UntypedStorage',
  'torch bfloat16',
  'torch.nn.modules.linear Linear',
  'numpy dtype',
  'numpy._core.multiarray scalar',
  'numpy._core.multiarray _reconstruct',
  'numpy._core.numeric _frombuffer',
  'os system',
  'a B',
]

/** Splits pickles, of which several may stand in a row, into instructions; stops where it meets something else. */
export function stepsOf(pickle: Buffer): { steps: Step[]; rest: Buffer } {
  const steps: Step[] = []
  let at = 0
  while (at < pickle.length) {
    const end = endOfStep(pickle, at)
    if (end > pickle.length) break
    steps.push(pickle.subarray(at, end))
    at = end
  }
  return { steps, rest: pickle.subarray(at) }
}

function endOfStep(pickle: Buffer, at: number): number {
  const opcode = pickle[at] ?? 0
  const counted = COUNTED[opcode]
  if (counted !== undefined) {
    if (at + 1 + counted > pickle.length) return Infinity
    const length = pickle.readUIntLE(at + 1, Math.min(counted, 6))
    return at + 1 + counted + length
  }
  let end = at + 1 + (FIXED[opcode] ?? 0)
  for (let lines = LINES[opcode] ?? 0; lines > 0; lines--) {
    const newline = pickle.indexOf(0x0a, end)
    if (newline < 0) return Infinity
    end = newline + 1
  }
  return OPCODES.some((known) => known === opcode) ? end : Infinity
}

/** Changes a few instructions of a pickle: their order, their number, what they are and their operands. */
export function mutatePickle(pickle: Buffer, random: Random, other: Buffer): Buffer {
  const { steps, rest } = stepsOf(pickle)
  const foreign = stepsOf(other).steps
  for (let left = random.small(1, 6); left > 0; left--) mutateSteps(steps, random, foreign)
  return Buffer.concat([...steps, rest])
}

function mutateSteps(steps: Step[], random: Random, foreign: readonly Step[]): void {
  const at = random.below(steps.length)
  const count = random.small(1, 12)
  switch (random.below(8)) {
    case 0:
      steps.splice(at, count)
      break
    case 1:
      steps.splice(at, 0, ...steps.slice(at, at + count))
      break
    case 2:
      steps.splice(random.below(steps.length), 0, ...steps.slice(at, at + count))
      break
    case 3:
      steps.splice(at, random.below(2), randomStep(random))
      break
    case 4:
      steps.splice(at, random.below(2), ...foreign.slice(random.below(foreign.length)).slice(0, count))
      break
    case 5:
      steps.splice(at, 1, withOpcode(steps[at] ?? Buffer.of(OP.NONE), random.pick(OPCODES)))
      break
    default:
      steps.splice(at, 1, changedOperand(steps[at] ?? Buffer.of(OP.NONE), random))
  }
}

/** The operand stays, and may mean something else. */
function withOpcode(step: Step, opcode: number): Step {
  return Buffer.concat([Buffer.of(opcode), step.subarray(1)])
}

function changedOperand(step: Step, random: Random): Step {
  const opcode = step[0] ?? OP.NONE
  const size = FIXED[opcode] ?? COUNTED[opcode]
  if (size !== undefined && step.length > size) {
    const changed = Buffer.from(step)
    const old = BigInt(changed.readUIntLE(1, Math.min(size, 6)))
    const number = Buffer.alloc(8)
    number.writeBigUInt64LE(BigInt.asUintN(64, oddNumber(random, old)))
    changed.set(number.subarray(0, size), 1)
    return changed
  }
  if (opcode === OP.GLOBAL || opcode === OP.INST) return named(opcode, random)
  return LINES[opcode] === undefined
    ? randomStep(random)
    : Buffer.from(`${String.fromCharCode(opcode)}${oddNumber(random)}\n`)
}

function named(opcode: number, random: Random): Step {
  return Buffer.from(`${String.fromCharCode(opcode)}${random.pick(GLOBALS).replace(' ', '\n')}\n`, 'latin1')
}

/** An instruction with an operand that its kind can have. */
export function randomStep(random: Random): Step {
  const opcode = random.pick(OPCODES)
  const fixed = FIXED[opcode]
  if (fixed !== undefined)
    return Buffer.concat([Buffer.of(opcode), random.once(2) ? random.bytes(fixed) : Buffer.alloc(fixed)])
  const counted = COUNTED[opcode]
  if (counted !== undefined) {
    const content = random.bytes(random.small(0, 12))
    const length = Buffer.alloc(counted)
    length.writeUIntLE(content.length, 0, Math.min(counted, 6))
    return Buffer.concat([Buffer.of(opcode), length, content])
  }
  if (opcode === OP.GLOBAL || opcode === OP.INST) return named(opcode, random)
  const lines = LINES[opcode]
  return lines === undefined
    ? Buffer.of(opcode)
    : Buffer.from(`${String.fromCharCode(opcode)}${random.below(300)}\n`, 'latin1')
}

/** A program of instructions at random, ended as a pickle is. */
export function randomPickle(random: Random): Buffer {
  const steps = Array.from({ length: random.small(1, 200) }, () => randomStep(random))
  return Buffer.concat([...steps, Buffer.of(OP.STOP)])
}

/**
 * What a few instructions come to if they stand there a million times: the way of bombs. First some that leave values
 * to be used, then those, then some that end it.
 */
export function repetitivePickle(random: Random, bytes: number): Buffer {
  const some = (count: number): Buffer => {
    return Buffer.concat(Array.from({ length: random.small(1, count) }, () => randomStep(random)))
  }
  const body = random.once(3) ? random.pick(GROWING) : some(6)
  const times = Math.max(1, Math.floor(bytes / body.length))
  const start = random.once(2) ? Buffer.from('(') : some(8)
  return Buffer.concat([
    start,
    Buffer.alloc(times * body.length, body),
    Buffer.from(random.pick(['t.', '.', '1.', 'e.', 'l.'])),
  ])
}

/** Instructions that leave something behind each time. */
const GROWING: readonly Buffer[] = [
  ...[
    ']',
    '}',
    ')',
    '\x8f',
    'N',
    '(',
    '\x85',
    'N\x85',
    ']Na',
    '}NNs',
    '(l',
    '(d',
    '(t',
    '2',
    '\x94',
    'C\x01a',
    'U\x01a',
    '\x8c\x01a',
  ],
  ...[
    'G\x3f\xf0\0\0\0\0\0\0',
    '\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f',
    'ca\nB\n',
    '(ia\nB\n',
    'ca\nB\n)R',
    'ca\nB\n)\x81',
  ],
  ...['ccollections\nOrderedDict\n)R', 'cbuiltins\nset\n)R', 'ctorch\nSize\n))\x85R', 'I1\n', 'V\\u0101\n', "S'a'\n"],
].map((text) => Buffer.from(text, 'latin1'))
