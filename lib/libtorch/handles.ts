// Objects of the addon, as JavaScript holds them. Only functions of the addon make and read them.

declare const HANDLE: unique symbol
declare const GENERATOR: unique symbol
declare const ENGINE: unique symbol
declare const PLAN: unique symbol
declare const WEIGHTS: unique symbol

/** A native tensor. Only {@link native} makes and reads one. */
export interface TensorHandle {
  readonly [HANDLE]: true
}

/** A native random number generator. */
export interface GeneratorHandle {
  readonly [GENERATOR]: true
}

/** A share in the native executor with a certain number of threads: its jobs are done in order. */
export interface EngineHandle {
  readonly [ENGINE]: true
}

/** A native plan. */
export interface PlanHandle {
  readonly [PLAN]: true
}

/** The weights of a convolution in the forms that native kernels read. */
export interface WeightsHandle {
  readonly [WEIGHTS]: true
}
