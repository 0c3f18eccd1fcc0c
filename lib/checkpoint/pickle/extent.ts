import { setImmediate } from 'node:timers/promises'

import { failAt, failure } from '../failure.js'
import { pastLimit, type CheckpointLimits } from '../limits.js'
import { OP, opcodeName } from './opcodes.js'
import type { ByteSource } from '../source.js'

const WINDOW_BYTES = 65_536
/** An instruction and the longest operand of a fixed size, or length of one that has not. */
const MAX_HEAD_BYTES = 9
const NEWLINE = 0x0a

/** What follows an instruction: so many bytes, so many lines, or a length in so many bytes and as many bytes as it says. */
type OperandSize = { readonly bytes: number } | { readonly lines: number } | { readonly lengthBytes: 1 | 4 | 8 }

const OPERANDS: ReadonlyMap<number, OperandSize> = new Map<number, OperandSize>([
  ...Object.values(OP).map((opcode) => [opcode, { bytes: 0 }] as const),
  ...sized({ bytes: 1 }, OP.BININT1, OP.BINGET, OP.BINPUT, OP.PROTO, OP.EXT1),
  ...sized({ bytes: 2 }, OP.BININT2, OP.EXT2),
  ...sized({ bytes: 4 }, OP.BININT, OP.LONG_BINGET, OP.LONG_BINPUT, OP.EXT4),
  ...sized({ bytes: 8 }, OP.BINFLOAT, OP.FRAME),
  ...sized({ lines: 1 }, OP.FLOAT, OP.INT, OP.LONG, OP.STRING, OP.UNICODE, OP.GET, OP.PUT, OP.PERSID),
  ...sized({ lines: 2 }, OP.GLOBAL, OP.INST),
  ...sized({ lengthBytes: 1 }, OP.SHORT_BINSTRING, OP.LONG1, OP.SHORT_BINBYTES, OP.SHORT_BINUNICODE),
  ...sized({ lengthBytes: 4 }, OP.BINSTRING, OP.BINUNICODE, OP.LONG4, OP.BINBYTES),
  ...sized({ lengthBytes: 8 }, OP.BINUNICODE8, OP.BINBYTES8, OP.BYTEARRAY8),
])

/**
 * Finds the byte behind the pickle that begins at `start`, in a file that goes on after it: only then is it known how
 * much must be read. It looks at each instruction, does none, and keeps no more of the file than a window.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_CORRUPT` if the file ends first or holds something else;
 * `TORCH_CHECKPOINT_LIMIT` past `pickleBytes`, counted from the beginning of the file, or `opcodes`.
 */
export async function findPickleEnd(source: ByteSource, start: number, limits: CheckpointLimits): Promise<number> {
  const scanner = new Scanner(source, start)
  for (let opcodes = 1; ; opcodes++) {
    if (scanner.needsWindow()) await scanner.moveWindow()
    const at = scanner.position
    const opcode = scanner.uint8()
    if (opcodes > limits.opcodes) {
      const fail = failAt({ path: source.path, offset: at })
      throw pastLimit(fail, limits, 'opcodes', `The pickle has ${opcodes} instructions`)
    }
    const operand = OPERANDS.get(opcode)
    if (operand === undefined) {
      const text = `Expected a pickle instruction, found byte ${opcodeName(opcode)}`
      throw failure('TORCH_CHECKPOINT_CORRUPT', { path: source.path, offset: at }, text)
    }
    if ('bytes' in operand) scanner.skip(operand.bytes)
    else if ('lengthBytes' in operand) scanner.skip(scanner.length(operand.lengthBytes))
    else for (let line = 0; line < operand.lines; line++) await scanner.skipLine()

    if (scanner.position > limits.pickleBytes) {
      const fail = failAt({ path: source.path, offset: at })
      throw pastLimit(fail, limits, 'pickleBytes', `The pickles have at least ${scanner.position} bytes`)
    }
    if (opcode === OP.STOP) return scanner.position
  }
}

class Scanner {
  position: number
  readonly #source: ByteSource
  #window: Uint8Array = new Uint8Array(0)
  #view = new DataView(this.#window.buffer)
  #windowAt: number

  constructor(source: ByteSource, start: number) {
    this.position = start
    this.#source = source
    this.#windowAt = start
  }

  /** Tells whether the next instruction may reach past the window, and there is more in the file. */
  needsWindow(): boolean {
    const end = this.#windowAt + this.#window.length
    return this.position + MAX_HEAD_BYTES > end && end < this.#source.size
  }

  async moveWindow(): Promise<void> {
    const { size } = this.#source
    const at = Math.min(this.position, size)
    this.#window = await this.#source.read(at, Math.min(WINDOW_BYTES, size - at))
    this.#view = new DataView(this.#window.buffer, this.#window.byteOffset, this.#window.length)
    this.#windowAt = at
    // Reading from memory does not let the event loop run.
    await setImmediate()
  }

  uint8(): number {
    return this.#view.getUint8(this.#advance(1))
  }

  /** Lengths beyond 2^53 lose digits, but none of them passes the comparison with the size of the file. */
  length(width: 1 | 4 | 8): number {
    const at = this.#advance(width)
    if (width === 1) return this.#view.getUint8(at)
    return width === 4 ? this.#view.getUint32(at, true) : Number(this.#view.getBigUint64(at, true))
  }

  skip(count: number): void {
    this.position += count
    if (this.position > this.#source.size) throw this.#truncated()
  }

  async skipLine(): Promise<void> {
    for (;;) {
      const from = this.position - this.#windowAt
      const length = this.#window.subarray(from).indexOf(NEWLINE)
      if (length >= 0) {
        this.position += length + 1
        return
      }
      this.position = this.#windowAt + this.#window.length
      if (this.position >= this.#source.size) throw this.#truncated()
      await this.moveWindow()
    }
  }

  /** Gives where in the window the next bytes begin. */
  #advance(count: number): number {
    const from = this.position - this.#windowAt
    this.position += count
    if (from + count > this.#window.length) throw this.#truncated()
    return from
  }

  #truncated(): Error {
    const { path, size } = this.#source
    return failure('TORCH_CHECKPOINT_CORRUPT', { path, offset: size }, 'The file is truncated: it ends in a pickle')
  }
}

function sized(operand: OperandSize, ...opcodes: readonly number[]): [number, OperandSize][] {
  return opcodes.map((opcode) => [opcode, operand])
}
