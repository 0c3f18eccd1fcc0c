import type { NativeBinding } from '../../libtorch/binding.js'
import type { TensorHandle } from '../../libtorch/handles.js'
import type { DType } from '../../util/dtype.js'
import { TorchError } from '../../util/errors.js'
import type { Module } from '../../nn/module.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Node, Value } from '../graph.js'
import type { AtenArgument, AtenNode } from '../ops/aten.js'
import { atenCall } from './aten_calls.js'
import { ModuleCalls } from './calls.js'
import { TracedConstants } from './constants.js'
import { contiguousStrides } from './layout.js'
import { isHandle, symbolicOf, SymbolicStorage, SymbolicTensor, type Facts } from './symbolic.js'

/** A node before its path and its output are known. */
type UnplacedNode<N> = N extends AtenNode ? never : Omit<N, 'path' | 'output'>

/** What is known of a view beside the tensor that it is a view of. */
export interface View {
  readonly facts: Facts
  /** Whether it shares the memory: else it is a copy, into which can be written without changing the other. */
  readonly sharesStorage: boolean
  /** Whether it is the same elements in the same order. */
  readonly isWhole: boolean
  /** Makes its elements of the other's. */
  readonly derive: (value: Value) => Value
}

/** The graph of a model that is being called, as far as it has come. */
export class Recorder {
  readonly addon: NativeBinding
  readonly calls: ModuleCalls
  readonly constants: TracedConstants
  readonly nodes: Node[] = []
  #values = 0

  constructor(model: Module<unknown>, addon: NativeBinding) {
    this.addon = addon
    this.calls = new ModuleCalls(model)
    this.constants = new TracedConstants(model, addon, (reason) => this.calls.failure(reason))
  }

  /** Makes the symbolic tensor that stands for the input of the model. */
  input(shape: readonly number[], dtype: DType, device: string): SymbolicTensor {
    const facts = { shape, strides: contiguousStrides(shape), storageOffset: 0, dtype, device }
    return this.#tensor(this.#value(shape, dtype), facts)
  }

  /**
   * Gives the elements that a tensor shows at this moment.
   *
   * @throws {TorchError} `TORCH_DISPOSED` if it is disposed, `TORCH_TRACE` if it is a real one.
   */
  valueOf(handle: TensorHandle): Value {
    return this.symbolic(handle).value
  }

  /** Gives the symbolic tensor of a handle, or throws as {@link valueOf} does. */
  symbolic(handle: TensorHandle): SymbolicTensor {
    const symbolic = symbolicOf(handle)
    if (symbolic === null) {
      throw this.calls.failure('the result would be stored in a tensor that does not depend on the input')
    }
    if (symbolic.isDisposed) {
      throw new TorchError('TORCH_DISPOSED', 'Expected a live tensor for tensor, received a disposed one')
    }
    return symbolic
  }

  /** Adds a node, and gives the value that it makes. */
  emit(node: UnplacedNode<Node>, shape: readonly number[], dtype: DType): Value {
    const output = this.#value(shape, dtype)
    this.nodes.push({ ...node, path: this.calls.path, output })
    return output
  }

  /** Adds a node of libtorch's dispatcher that makes one value. */
  emitAten(schema: string, args: readonly AtenArgument[], result: Pick<Facts, 'shape' | 'dtype'>): Value {
    const [output] = this.emitResults({ schema, args }, [result])
    return output ?? this.unknown('callAten')
  }

  /** Records a call of the binding as what it is in libtorch's dispatcher, and gives the tensors that it makes. */
  emitCall(name: keyof NativeBinding, args: readonly unknown[], results: readonly Facts[]): TensorHandle[] {
    const { schema, args: given } = atenCall(name, args) ?? this.unknown(name)
    const outputs = this.emitResults({ schema, args: given.map((argument) => this.argument(argument)) }, results)
    return outputs.map((output, index) => this.tensor(output, results[index] ?? this.unknown(name)))
  }

  /** Adds a node of libtorch's dispatcher, and gives the values that it makes. */
  emitResults(
    { schema, args }: Pick<AtenNode, 'schema' | 'args'>,
    results: readonly Pick<Facts, 'shape' | 'dtype'>[],
  ): Value[] {
    const outputs = results.map(({ shape, dtype }) => this.#value(shape, dtype))
    this.nodes.push({ kind: 'aten', path: this.calls.path, schema, args, outputs })
    return outputs
  }

  /** Turns an argument of the binding into one of a schema. */
  argument(argument: unknown): AtenArgument {
    if (argument === undefined) return { default: true }
    if (isHandle(argument)) {
      const symbolic = symbolicOf(argument)
      return symbolic === null ? { constant: this.constants.of(argument) } : { value: this.valueOf(argument) }
    }
    if (Array.isArray(argument) && argument.length > 0 && argument.every(isHandle)) {
      const entryOf = (entry: TensorHandle): Value | Tensor =>
        symbolicOf(entry) === null ? this.constants.of(entry) : this.valueOf(entry)
      return { values: argument.map(entryOf) }
    }
    return { literal: argument as Extract<AtenArgument, { literal: unknown }>['literal'] }
  }

  /** Throws the error for an operator of which a trace knows nothing. */
  unknown(name: keyof NativeBinding): never {
    throw this.calls.failure(`${name}() is no operator that can be compiled`)
  }

  /** Gives the same elements in another shape. */
  reshape(value: Value, shape: readonly number[]): Value {
    const isSame = shape.length === value.shape.length && shape.every((size, dim) => size === value.shape[dim])
    return isSame ? value : this.emit({ kind: 'reshape', input: value }, shape, value.dtype)
  }

  /** Makes a tensor in memory of its own. */
  tensor(value: Value, facts: Facts): TensorHandle {
    return this.#tensor(value, facts).handle
  }

  /** Makes a tensor that shows another, or a copy of it. */
  view(of: SymbolicTensor, { facts, sharesStorage, isWhole, derive }: View): TensorHandle {
    const value = derive(of.value)
    if (!sharesStorage) return this.tensor(value, facts)
    const view = { value, derive: (whole: Value) => derive(of.derive(whole)), isWhole: isWhole && of.isWhole }
    return new SymbolicTensor(facts, of.storage, view).handle
  }

  /** Writes a value of its shape and dtype into a tensor, and so into all that share its memory. */
  write(target: SymbolicTensor, value: Value): void {
    target.storage.write(this.reshape(value, target.storage.shape))
  }

  #tensor(value: Value, facts: Facts): SymbolicTensor {
    return new SymbolicTensor(facts, new SymbolicStorage(value), { value, derive: (whole) => whole, isWhole: true })
  }

  #value(shape: readonly number[], dtype: DType): Value {
    return { id: this.#values++, shape, dtype }
  }
}
