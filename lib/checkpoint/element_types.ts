/** How elements of a type lie in a storage. */
export interface ElementType {
  /** Bytes of one element, or of {@link packed} elements. */
  readonly bytes: number
  /** Elements in those bytes: more than 1 only for the packed quantized types. */
  readonly packed: number
  /** Bytes that change places when the byte order does: those of a real or imaginary part. */
  readonly swapped: number
}

function element(bytes: number, { packed = 1, swapped = bytes } = {}): ElementType {
  return { bytes, packed, swapped }
}

/** Every element type that PyTorch 2.13 writes, whether or not a Tensor of it can be made here. */
export const ELEMENT_TYPES: ReadonlyMap<string, ElementType> = new Map([
  ['float32', element(4)],
  ['float64', element(8)],
  ['float16', element(2)],
  ['bfloat16', element(2)],
  ['int8', element(1)],
  ['int16', element(2)],
  ['int32', element(4)],
  ['int64', element(8)],
  ['uint8', element(1)],
  ['bool', element(1)],
  ['uint16', element(2)],
  ['uint32', element(4)],
  ['uint64', element(8)],
  ['complex32', element(4, { swapped: 2 })],
  ['complex64', element(8, { swapped: 4 })],
  ['complex128', element(16, { swapped: 8 })],
  ['float8_e4m3fn', element(1)],
  ['float8_e4m3fnuz', element(1)],
  ['float8_e5m2', element(1)],
  ['float8_e5m2fnuz', element(1)],
  ['float8_e8m0fnu', element(1)],
  ['float4_e2m1fn_x2', element(1)],
  ['quint8', element(1)],
  ['qint8', element(1)],
  ['qint32', element(4)],
  ['quint4x2', element(1, { packed: 2 })],
  ['quint2x4', element(1, { packed: 4 })],
])
