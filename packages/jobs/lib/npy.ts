// NPY 1.0, https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html: a magic number, a version, the length of a
// header, the header as a Python literal, and the numbers in row-major order.

const MAGIC = Buffer.from('\x93NUMPY\x01\x00', 'latin1')
const LENGTH_BYTES = 2

/** The numbers begin at a multiple of this, so that the file can be mapped. */
const ALIGNMENT = 64

/** More than the longest header that this package writes. */
const MAX_HEADER_BYTES = 1024

/** Shape of an array of float32 in a file, and the position of its numbers. */
export interface NpyHeader {
  readonly rows: number
  readonly columns: number
  /** Position of the numbers, in bytes. */
  readonly offset: number
}

/** Makes the header of an array (rows, columns) of float32. */
export function npyHeader(rows: number, columns: number): Uint8Array {
  const literal = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`
  const unpadded = MAGIC.length + LENGTH_BYTES + literal.length + 1
  const header = `${literal.padEnd(literal.length + ((ALIGNMENT - (unpadded % ALIGNMENT)) % ALIGNMENT))}\n`
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt16LE(header.length)
  return Buffer.concat([MAGIC, length, Buffer.from(header, 'latin1')])
}

/** Reads a header that {@link npyHeader} made from the beginning of a file; null if it is another one. */
export function readNpyHeader(bytes: Uint8Array): NpyHeader | null {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, MAX_HEADER_BYTES))
  if (!start.subarray(0, MAGIC.length).equals(MAGIC) || start.length < MAGIC.length + LENGTH_BYTES) return null
  const offset = MAGIC.length + LENGTH_BYTES + start.readUInt16LE(MAGIC.length)
  const header = start.subarray(MAGIC.length + LENGTH_BYTES, offset).toString('latin1')
  const shape = /^\{'descr': '<f4', 'fortran_order': False, 'shape': \((\d+), (\d+)\), \} *\n$/.exec(header)
  return shape === null ? null : { rows: Number(shape[1]), columns: Number(shape[2]), offset }
}

/** Returns the bytes of numbers as the file has them: little-endian on every machine. */
export function npyBytes(values: Float32Array): Uint8Array {
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  return isLittleEndian() ? bytes : Buffer.from(bytes).swap32()
}

function isLittleEndian(): boolean {
  return new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
}
