import type { DType } from '../util/dtype.js'
import type { TensorHandle, WeightsHandle } from './handles.js'

// The specification of a plan, as the addon reads it.

/** Images in the memory of a {@link NetworkStep}: those of a chunk, or the whole batch. */
export interface NetworkBuffer {
  readonly batch: number
  readonly channels: number
  readonly height: number
  readonly width: number
  /** Zeros on every side. */
  readonly border: number
  /** Buffers of one slot share their memory, and have the same layout. */
  readonly slot: number
}

/** Windows of a pooling. */
export interface NetworkWindows {
  readonly kernelSize: Pair
  readonly stride: Pair
  readonly padding: Pair
  readonly dilation: Pair
}

/** What native kernels do with buffers, by their indices. */
export type NetworkOperation =
  | {
      readonly kind: 'conv2d'
      /** Name of native/engine/network/convolution.cc. */
      readonly algorithm: string
      readonly weights: number
      /** A buffer; with `nchw` an index into those of the step. */
      readonly input: number
      readonly output: number
      readonly residual: number | null
      readonly relu: boolean
      /** Of what the convolution gives; with `nchw` alone. */
      readonly pool: NetworkWindows | null
    }
  | ({ readonly kind: 'maxPool2d'; readonly input: number; readonly output: number } & NetworkWindows)
  | { readonly kind: 'globalAvgPool'; readonly input: number; readonly output: number }
  | {
      readonly kind: 'linear'
      readonly weights: number
      readonly input: number
      readonly output: number
      readonly relu: boolean
    }
  | {
      readonly kind: 'add'
      readonly left: number
      readonly right: number
      readonly output: number
      readonly relu: boolean
    }

/** Operations through which the batch goes in chunks. */
export interface NetworkSegment {
  readonly chunk: number
  readonly operations: readonly NetworkOperation[]
}

/** A value of the plan, and the buffer that holds its elements. */
export interface NetworkPort {
  readonly value: number
  readonly buffer: number
}

/** A part of the model that native kernels compute in float32: native/engine/network/network.h. */
export interface NetworkStep {
  readonly kind: 'network'
  readonly batch: number
  readonly weights: readonly WeightsHandle[]
  readonly buffers: readonly NetworkBuffer[]
  /** Values (N, C, H, W) that convolutions read as they are. */
  readonly nchw: Shape
  readonly inputs: readonly NetworkPort[]
  readonly segments: readonly NetworkSegment[]
  readonly outputs: readonly NetworkPort[]
  readonly dead: Shape
}

/** A value of a plan, for each run a tensor. */
export interface PlanValue {
  readonly shape: Shape
  readonly dtype: DType
}

/** An argument of an operator; a value is its index in {@link PlanSpec.values}. */
export type PlanArgument =
  | { readonly value: number }
  | { readonly values: readonly (number | TensorHandle)[] }
  | { readonly constant: TensorHandle }
  | { readonly literal: null | boolean | number | bigint | string | readonly (number | boolean | null)[] }
  /** What the schema says where nothing is given. */
  | { readonly default: true }

/** A step of a plan. After it the memory of the values in `dead` is released. */
export type PlanStep =
  | {
      readonly kind: 'aten'
      /** Name and overload. */
      readonly schema: string
      readonly args: readonly PlanArgument[]
      readonly outputs: Shape
      readonly dead: Shape
    }
  /** As `aten`, unless a plan that ran in the same engine has a value of that key already: then it is that one. */
  | {
      readonly kind: 'shared'
      readonly key: string
      readonly schema: string
      readonly args: readonly PlanArgument[]
      readonly outputs: readonly [number]
      readonly dead: Shape
    }
  | NetworkStep
  | Uint8Step

/** A step on uint8: native/engine/network/quantized.h. */
export type Uint8Step =
  | {
      readonly kind: 'quantize' | 'dequantize' | 'meanOfBytes'
      readonly input: number
      readonly output: number
      readonly scale: number
      readonly zeroPoint: number
      readonly dead: Shape
    }
  | ({
      readonly kind: 'maxPoolBytes'
      readonly input: number
      readonly output: number
      readonly dead: Shape
    } & NetworkWindows)

/** What native/engine/plan/plan_reader.cc reads. */
export interface PlanSpec {
  /** Where the steps compute; null for the CPU, in the memory of JavaScript itself. */
  readonly device: string | null
  /** Whether libtorch measures which algorithms are fastest there. */
  readonly tuned: boolean
  readonly values: readonly PlanValue[]
  readonly input: number
  readonly output: number
  readonly outputDtype: DType
  /** Run once, before the first run. */
  readonly preparation: readonly PlanStep[]
  readonly steps: readonly PlanStep[]
}

type Pair = readonly [number, number]
type Shape = readonly number[]
