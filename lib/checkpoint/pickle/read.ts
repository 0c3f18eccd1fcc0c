import { setImmediate } from 'node:timers/promises'

import { PickleMachine, type Unpickled, type UnpickleOptions } from './machine.js'

/** About 2 ms of instructions. */
const OPCODES_PER_TURN = 20_000

/**
 * Reads one pickle into plain values. It is a virtual machine of Python's format, protocols 0 to 5, that can build data
 * and names, and nothing else: it has no instruction that calls or imports. Its depth is on the heap, so nesting costs no
 * stack, and it lets the event loop run every few milliseconds.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_CORRUPT`, `TORCH_CHECKPOINT_UNSAFE`, `TORCH_CHECKPOINT_UNSUPPORTED` or
 * `TORCH_CHECKPOINT_LIMIT`, with the offset and the name of the instruction.
 */
export async function unpickle(bytes: Uint8Array, options: UnpickleOptions): Promise<Unpickled> {
  const machine = new PickleMachine(bytes, options)
  for (;;) {
    const result = machine.run(OPCODES_PER_TURN)
    if (result !== undefined) return result
    await setImmediate()
  }
}
