import type { Fail } from '../failure.js'
import { pastLimit, type CheckpointLimits } from '../limits.js'
import { OP } from './opcodes.js'
import type { PickleInput } from './input.js'
import { narrow } from '../values.js'

/** Reads the operand of an instruction that pushes a number, or a boolean, which protocol 0 writes as `I01`. */
export function readNumber(
  opcode: number,
  input: PickleInput,
  limits: CheckpointLimits,
  fail: Fail,
): number | bigint | boolean {
  switch (opcode) {
    case OP.BININT1:
      return input.uint8()
    case OP.BININT2:
      return input.uint16()
    case OP.BININT:
      return input.int32()
    case OP.BINFLOAT:
      return input.float64BigEndian()
    case OP.LONG1:
      return fromTwosComplement(input.bytes(input.uint8(), 'integerBytes'))
    case OP.LONG4:
      return readLong4(input, fail)
    case OP.FLOAT:
      return parseFloatLine(input.line(), fail)
    default:
      return parseIntegerLine(input.line(), limits, fail)
  }
}

function readLong4(input: PickleInput, fail: Fail): number | bigint {
  const length = input.int32()
  if (length < 0) throw fail('TORCH_CHECKPOINT_CORRUPT', `An integer has ${length} bytes`)
  return fromTwosComplement(input.bytes(length, 'integerBytes'))
}

/** Little-endian, the highest bit is the sign; no bytes are 0. */
function fromTwosComplement(bytes: Uint8Array): number | bigint {
  if (bytes.length === 0) return 0
  const hex = Buffer.from(bytes).reverse().toString('hex')
  return narrow(BigInt.asIntN(bytes.length * 8, BigInt(`0x${hex}`)))
}

function parseIntegerLine(line: string, limits: CheckpointLimits, fail: Fail): number | bigint | boolean {
  if (line === '00') return false
  if (line === '01') return true
  const [, digits] = /^([+-]?\d+)L?$/.exec(line) ?? []
  if (digits === undefined) throw fail('TORCH_CHECKPOINT_CORRUPT', 'Expected a decimal integer')
  // A byte holds 2.41 decimal digits.
  if (digits.length > limits.integerBytes * 2.41) {
    throw pastLimit(fail, limits, 'integerBytes', `An integer has ${digits.length} digits`)
  }
  return narrow(BigInt(digits.replace('+', '')))
}

const FLOAT_WORDS: ReadonlyMap<string, number> = new Map([
  ['inf', Infinity],
  ['-inf', -Infinity],
  ['nan', NaN],
])

function parseFloatLine(line: string, fail: Fail): number {
  const word = FLOAT_WORDS.get(line)
  if (word !== undefined) return word
  if (/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(line)) return Number(line)
  throw fail('TORCH_CHECKPOINT_CORRUPT', 'Expected a decimal number')
}
