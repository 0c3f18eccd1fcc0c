import { readFileSync } from 'node:fs'

/** Reads a file of float32. */
export function readInputs(file: string): Float32Array {
  const bytes = readFileSync(file)
  const copy = new Float32Array(bytes.byteLength / Float32Array.BYTES_PER_ELEMENT)
  new Uint8Array(copy.buffer).set(bytes)
  return copy
}
