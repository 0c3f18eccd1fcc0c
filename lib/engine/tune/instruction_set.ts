import { native } from '../../libtorch/binding.js'
import { checkOneOf, expected } from '../../util/check.js'

/** The vector instructions for which native kernels are compiled, best first; `portable` runs everywhere. */
export const INSTRUCTION_SETS = ['avx512', 'avx2', 'portable'] as const

/** One of {@link INSTRUCTION_SETS}. */
export type InstructionSet = (typeof INSTRUCTION_SETS)[number]

/** Lists the instruction sets of this CPU, best first. */
export function availableInstructionSets(): readonly InstructionSet[] {
  const names = native.kernelSets()
  return INSTRUCTION_SETS.filter((name) => names.includes(name))
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is one that this CPU has; undefined is the best. */
export function checkInstructionSet(value: unknown): InstructionSet {
  const available = availableInstructionSets()
  const set = value === undefined ? (available[0] ?? 'portable') : checkOneOf('instructionSet', value, INSTRUCTION_SETS)
  if (!available.includes(set)) throw expected(`what this CPU has (${available.join(', ')})`, 'instructionSet', set)
  return set
}
