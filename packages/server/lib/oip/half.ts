let table: Float32Array | undefined

/** Converts little-endian float16 numbers to float32. */
export function halfToFloat(bytes: Uint8Array): Float32Array {
  table ??= makeTable()
  const floats = new Float32Array(bytes.length / 2)
  for (let index = 0; index < floats.length; index++) {
    floats[index] = table[(bytes[2 * index] ?? 0) | ((bytes[2 * index + 1] ?? 0) << 8)] ?? 0
  }
  return floats
}

/** All 65,536 values: a lookup takes a nanosecond. */
function makeTable(): Float32Array {
  return Float32Array.from({ length: 65_536 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1
    const exponent = (bits >> 10) & 31
    const fraction = bits & 1023
    if (exponent === 0) return sign * fraction * 2 ** -24
    if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
  })
}
