export { TorchError, StateDictError, CheckpointError, ERROR_CODES } from './errors.js'
export type { TorchErrorCode, TorchErrorOptions, CheckpointErrorOptions, ShapeMismatch } from './errors.js'

export { DTYPES } from './dtype.js'
export type { DType, ItemOf, TypedArrayOf } from './dtype.js'
export type { Device } from './device.js'
export { scope, keep } from './scope.js'

export { Tensor } from './tensor.js'
export type { DimOptions, ReduceOptions, TopkOptions } from './tensor.js'
export type { MemoryFormat, NestedArray } from './tensor/handle.js'
export type { ToOptions } from './tensor/views.js'
export type { Operand, RoundingMode } from './tensor/arithmetic.js'
export type { TensorData } from './tensor/data.js'
export {
  arange,
  cat,
  empty,
  fromArray,
  full,
  ones,
  onesLike,
  rand,
  randint,
  randn,
  stack,
  tensor,
  zeros,
  zerosLike,
} from './tensor/creation.js'
export type { DTypeOfData, RandomOptions, TensorOptions } from './tensor/creation.js'
export { Generator, manualSeed } from './random.js'
export type { GeneratorOptions } from './random.js'

export { getNumThreads, memory, setNumThreads, version } from './runtime.js'
export type { MemoryUse, RuntimeVersion } from './runtime.js'
export * as cuda from './cuda.js'

export { StateDict } from './state_dict.js'
