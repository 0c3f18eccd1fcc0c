/** Makes the bytes of an IDX file. */
export function idx(shape: readonly number[], data: Uint8Array, type = 0x08): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length)
  header.set([0, 0, type, shape.length])
  for (const [dim, size] of shape.entries()) header.writeUInt32BE(size, 4 + 4 * dim)
  return Buffer.concat([header, data])
}
