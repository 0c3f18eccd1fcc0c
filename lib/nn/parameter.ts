import { native } from '../libtorch/binding.js'
import { checkBoolean } from '../util/check.js'
import type { Device } from '../util/device.js'
import type { DType } from '../util/dtype.js'
import { Signature } from '../util/signature.js'
import { empty } from '../tensor/creation.js'
import { checkCanRequireGrad } from '../tensor/gradients.js'
import { formatParameter } from '../tensor/tensor_str.js'
import { handleOf } from '../tensor/handle.js'
import { Tensor } from '../tensor/tensor.js'
import { skipInit } from './init.js'

/** Options of {@link Parameter}. */
export interface ParameterOptions {
  /** Whether training changes it. Default: `true`. */
  readonly requiresGrad?: boolean | undefined
}

/** Of what and where a layer makes its parameters and buffers. */
export interface FactoryOptions {
  /** A dtype of floats. Default: `float32`. */
  readonly dtype?: DType | undefined
  /** Default: `cpu`. */
  readonly device?: Device | undefined
}

const PARAMETER = new Signature<ParameterOptions>('new Parameter', ['data'], { requiresGrad: 'name' })

/**
 * A tensor that belongs to a module: a module that has one in a field counts it among its parameters.
 *
 * It shares the memory of the tensor that it is made of, and is disposed by itself. Follows `torch.nn.Parameter`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if it requires a gradient and `data` does not hold floats.
 */
export class Parameter<D extends DType = DType> extends Tensor<D> {
  /** Exists for the compiler alone, to which a tensor is no parameter. */
  declare protected readonly isOfModule: true

  constructor(data: Tensor<D>, options?: ParameterOptions)
  constructor(data: Tensor<D>, ...given: readonly unknown[]) {
    const { requiresGrad = true } = PARAMETER.read([data], given)
    handleOf(data, 'data')
    checkBoolean('requiresGrad', requiresGrad)
    checkCanRequireGrad(data.dtype, requiresGrad)
    super(native.detach(handleOf(data)))
    this.requiresGrad = requiresGrad
  }

  override toString(): string {
    return formatParameter(this.formatInput())
  }
}

/** Tells whether `value` is a parameter, of whatever dtype. */
export function isParameter(value: unknown): value is Parameter {
  return value instanceof Parameter
}

/** Calls of {@link withoutMemory} that are under way. */
let placeholders = 0

/**
 * Builds modules whose parameters have shapes but no memory, for those that take over the tensors of a file: each has one element
 * that stands for all, is not to be written to, and is not drawn.
 */
export function withoutMemory<T>(make: () => T): T {
  placeholders++
  try {
    return skipInit(make)
  } finally {
    placeholders--
  }
}

/** Whether modules are built {@link withoutMemory}. */
export function areParametersPlaceholders(): boolean {
  return placeholders > 0
}

/** Makes a parameter whose elements are not set. */
export function emptyParameter(shape: readonly number[], { dtype, device }: FactoryOptions): Parameter {
  const data = placeholders > 0 ? placeholder(shape, { dtype, device }) : empty<DType>(shape, { dtype, device })
  try {
    return new Parameter(data)
  } finally {
    data.dispose()
  }
}

function placeholder(shape: readonly number[], { dtype, device }: FactoryOptions): Tensor {
  const one = empty<DType>([], { dtype, device })
  try {
    return one.expand(shape)
  } finally {
    one.dispose()
  }
}
