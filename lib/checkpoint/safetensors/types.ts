/** An element type of the safetensors format. */
export interface SafetensorsType {
  readonly name: string
  /** PyTorch's name. */
  readonly dtype: string
  /** Bits of one element. */
  readonly bits: number
}

/**
 * The element types of safetensors 0.8 that PyTorch has too, in the order of the reference implementation: it writes
 * tensors of the last ones first, which aligns each to its size.
 */
export const SAFETENSORS_TYPES: readonly SafetensorsType[] = [
  { name: 'BOOL', dtype: 'bool', bits: 8 },
  // An element of PyTorch's type is a pair of them.
  { name: 'F4', dtype: 'float4_e2m1fn_x2', bits: 4 },
  { name: 'U8', dtype: 'uint8', bits: 8 },
  { name: 'I8', dtype: 'int8', bits: 8 },
  { name: 'F8_E5M2', dtype: 'float8_e5m2', bits: 8 },
  { name: 'F8_E4M3', dtype: 'float8_e4m3fn', bits: 8 },
  { name: 'F8_E8M0', dtype: 'float8_e8m0fnu', bits: 8 },
  { name: 'F8_E4M3FNUZ', dtype: 'float8_e4m3fnuz', bits: 8 },
  { name: 'F8_E5M2FNUZ', dtype: 'float8_e5m2fnuz', bits: 8 },
  { name: 'I16', dtype: 'int16', bits: 16 },
  { name: 'U16', dtype: 'uint16', bits: 16 },
  { name: 'F16', dtype: 'float16', bits: 16 },
  { name: 'BF16', dtype: 'bfloat16', bits: 16 },
  { name: 'I32', dtype: 'int32', bits: 32 },
  { name: 'U32', dtype: 'uint32', bits: 32 },
  { name: 'F32', dtype: 'float32', bits: 32 },
  { name: 'C64', dtype: 'complex64', bits: 64 },
  { name: 'F64', dtype: 'float64', bits: 64 },
  { name: 'I64', dtype: 'int64', bits: 64 },
  { name: 'U64', dtype: 'uint64', bits: 64 },
]

/** Key of the header under which texts stand instead of a tensor. */
export const METADATA_KEY = '__metadata__'
