import { relu } from '../../nn/functional.js'
import type { Tensor } from '../../tensor/tensor.js'

/** What the engine knows of an activation function. */
export interface ActivationFacts {
  /** Computes it with the eager operator. */
  readonly eager: (input: Tensor) => Tensor
  /** Name in libtorch's dispatcher of the operator, and of the one that overwrites its input. */
  readonly schema: string
  readonly schemaInPlace: string
  /** Whether applying it twice is applying it once. */
  readonly isIdempotent: boolean
  /**
   * How libtorch's int8 operators name it as a post-op of oneDNN; null if they do not fuse it. **Those of floats do not**:
   * oneDNN's relu is `max(x, 0)`, which gives 0 for NaN, and so are its other post-ops with bounds.
   */
  readonly int8: PostOp | null
  /** Whether native kernels fuse it. */
  readonly isNative: boolean
}

/** A post-op of `onednn::qconv2d_pointwise` and its like. */
export interface PostOp {
  readonly attribute: string
  readonly scalars: readonly number[]
  readonly algorithm: string
}

const TABLE = {
  relu: {
    eager: relu,
    schema: 'aten::relu',
    schemaInPlace: 'aten::relu_',
    isIdempotent: true,
    int8: { attribute: 'relu', scalars: [], algorithm: '' },
    isNative: true,
  },
} satisfies Record<string, ActivationFacts>

/** Name of an activation: that of the function in the binding that applies it, and of the kind of nodes that do so. */
export type ActivationKind = keyof typeof TABLE

/**
 * The activations that layers absorb. One with an entry in the table is traced, fused, and computed by every set of kernels.
 */
export const ACTIVATIONS: Readonly<Record<ActivationKind, ActivationFacts>> = TABLE

/** What a node does to its result before it stores it. */
export type Activation = 'none' | ActivationKind

/** Gives what is known of an activation, null for none. */
export function factsOfActivation(activation: Activation): ActivationFacts | null {
  return activation === 'none' ? null : ACTIVATIONS[activation]
}

/** Applies an activation with the eager operator. */
export function activated(tensor: Tensor, activation: Activation): Tensor {
  return factsOfActivation(activation)?.eager(tensor) ?? tensor
}
