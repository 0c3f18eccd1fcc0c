import type { TensorHandle } from '../../libtorch/handles.js'
import type { DType } from '../../util/dtype.js'
import type { Value } from '../graph.js'

/** What the binding tells about a tensor. */
export interface Facts {
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  readonly storageOffset: number
  readonly dtype: DType
  readonly device: string
}

/** Makes the part of a storage that a view shows of the whole. */
export type Derive = (whole: Value) => Value

/** The memory that views share: what is written into one shows in all. */
export class SymbolicStorage {
  readonly shape: readonly number[]
  #value: Value
  #version = 0

  constructor(value: Value) {
    this.shape = value.shape
    this.#value = value
  }

  /** The elements that it holds now. */
  get value(): Value {
    return this.#value
  }

  /** Grows with every {@link write}. */
  get version(): number {
    return this.#version
  }

  write(value: Value): void {
    this.#value = value
    this.#version++
  }
}

/** Stands for a tensor while a model is traced. */
export class SymbolicTensor {
  readonly facts: Facts
  readonly storage: SymbolicStorage
  /** How its elements follow from those of the storage. */
  readonly derive: Derive
  /** Whether it shows all elements of the storage in their order, if in another shape. */
  readonly isWhole: boolean
  isDisposed = false
  #value: Value
  #version: number

  constructor(facts: Facts, storage: SymbolicStorage, view: { value: Value; derive: Derive; isWhole: boolean }) {
    this.facts = facts
    this.storage = storage
    this.derive = view.derive
    this.isWhole = view.isWhole
    this.#value = view.value
    this.#version = storage.version
  }

  /** The elements that it shows now. */
  get value(): Value {
    if (this.#version !== this.storage.version) {
      this.#value = this.derive(this.storage.value)
      this.#version = this.storage.version
    }
    return this.#value
  }

  /** What the tensors of this package take for a native one. */
  get handle(): TensorHandle {
    return this as unknown as TensorHandle
  }
}

/** Gives the symbolic tensor that an argument of the binding is, if it is one. */
export function symbolicOf(argument: unknown): SymbolicTensor | null {
  return argument instanceof SymbolicTensor ? argument : null
}

/** Lists the symbolic tensors among the arguments of a call. */
export function symbolicsIn(args: readonly unknown[]): SymbolicTensor[] {
  return args.flat().filter((argument) => argument instanceof SymbolicTensor)
}

/** Tells whether an argument of an operator is a tensor, symbolic or native: they are its only objects beside arrays. */
export function isHandle(argument: unknown): argument is TensorHandle {
  return typeof argument === 'object' && argument !== null && !Array.isArray(argument)
}
