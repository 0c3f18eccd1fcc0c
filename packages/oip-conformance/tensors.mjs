// Tensors for any model, made from what its metadata say.

const BYTES_OF = {
  BOOL: 1,
  UINT8: 1,
  INT8: 1,
  UINT16: 2,
  INT16: 2,
  FP16: 2,
  BF16: 2,
  UINT32: 4,
  INT32: 4,
  FP32: 4,
  UINT64: 8,
  INT64: 8,
  FP64: 8,
}

const WRITE = {
  BOOL: (view, at, value) => view.setUint8(at, value ? 1 : 0),
  UINT8: (view, at, value) => view.setUint8(at, value),
  INT8: (view, at, value) => view.setInt8(at, value),
  UINT16: (view, at, value) => view.setUint16(at, value, true),
  INT16: (view, at, value) => view.setInt16(at, value, true),
  UINT32: (view, at, value) => view.setUint32(at, value, true),
  INT32: (view, at, value) => view.setInt32(at, value, true),
  UINT64: (view, at, value) => view.setBigUint64(at, BigInt(value), true),
  INT64: (view, at, value) => view.setBigInt64(at, BigInt(value), true),
  FP32: (view, at, value) => view.setFloat32(at, value, true),
  FP64: (view, at, value) => view.setFloat64(at, value, true),
}

/** Tells whether JSON and bytes can both carry a datatype here. */
export function isKnown(datatype) {
  return datatype in WRITE
}

/** A tensor for an input of the metadata: sizes that are free are 1, but the first is `batch`. */
export function makeTensor({ name, datatype, shape }, batch = 1) {
  const sizes = shape.map((size, dim) => (size >= 0 ? size : dim === 0 ? batch : 1))
  const numel = sizes.reduce((product, size) => product * size, 1)
  const isFloat = datatype.startsWith('FP')
  const values = Array.from({ length: numel }, (_, index) => {
    if (datatype === 'BOOL') return index % 2 === 0
    // Few digits: the same in JSON and in float32.
    return isFloat ? ((index * 37) % 64) / 64 : (index * 37) % 64
  })
  return { name, datatype, shape: sizes, values }
}

/** The elements as little-endian bytes. */
export function toBytes({ datatype, values }) {
  const size = BYTES_OF[datatype]
  const bytes = new Uint8Array(values.length * size)
  const view = new DataView(bytes.buffer)
  values.forEach((value, index) => WRITE[datatype](view, index * size, value))
  return bytes
}

/** The elements nested as deep as the shape. */
export function nest(values, shape) {
  if (shape.length <= 1) return values
  const length = values.length / shape[0]
  return Array.from({ length: shape[0] }, (_, row) =>
    nest(values.slice(row * length, (row + 1) * length), shape.slice(1)),
  )
}

/** The elements of an output that came as float32 bytes. */
export function floatsOf(bytes) {
  return [...new Float32Array(bytes.slice().buffer)]
}
