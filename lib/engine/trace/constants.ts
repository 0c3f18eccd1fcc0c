import type { NativeBinding } from '../../libtorch/binding.js'
import type { TensorHandle } from '../../libtorch/handles.js'
import type { TorchError } from '../../util/errors.js'
import type { Module } from '../../nn/module.js'
import { HELD, keep } from '../../util/scope.js'
import { handleOf } from '../../tensor/handle.js'
import { Tensor } from '../../tensor/tensor.js'
import { writtenBy } from './aten_operators.js'
import { callByName } from './call_by_name.js'
import { isHandle, symbolicOf } from './symbolic.js'

/** The tensors that are real while a model is traced: its parameters and buffers, and what follows from them alone. */
export class TracedConstants {
  /** Those that had to be copied, as they are not the model's own. */
  readonly owned: Tensor[] = []
  readonly #addon: NativeBinding
  readonly #known = new Map<TensorHandle, Tensor>()
  readonly #storagesOfModel: ReadonlySet<bigint>
  /** Makes an error for what a call does. */
  readonly #failure: (reason: string) => TorchError

  constructor(model: Module<unknown>, addon: NativeBinding, failure: (reason: string) => TorchError) {
    this.#addon = addon
    this.#failure = failure
    const tensors = model[HELD]().filter((tensor) => isLive(addon, handleOf(tensor)))
    for (const tensor of tensors) this.#known.set(handleOf(tensor), tensor)
    this.#storagesOfModel = new Set(tensors.map((tensor) => addon.storageId(handleOf(tensor))))
  }

  /** Gives the tensor of a native handle. What the model makes as it runs is copied, as it will be disposed or written to. */
  of(handle: TensorHandle): Tensor {
    const known = this.#known.get(handle)
    if (known !== undefined) return known
    const copy = keep(new Tensor(this.#addon.clone(handle)))
    this.owned.push(copy)
    this.#known.set(handle, copy)
    return copy
  }

  /** Calls a function of the addon with tensors that are all real. */
  call(name: keyof NativeBinding, args: readonly unknown[]): unknown {
    const [target, ...rest] = args
    if (name.endsWith('_') && isHandle(target)) this.#checkWrite(name, target)
    const written = name === 'callAten' ? writtenBy(String(target), rest) : null
    if (written !== null) this.#checkWrite(String(target), written)
    return callByName(this.#addon, name, args)
  }

  #checkWrite(name: string, target: TensorHandle): void {
    if (this.#storagesOfModel.has(this.#addon.storageId(target))) {
      throw this.#failure(`${name}() changes a parameter, a buffer or another tensor of the model`)
    }
    // What was copied is out of date, and so may be the copies of its views.
    const copies = new Set(this.owned)
    for (const [handle, tensor] of this.#known) if (copies.has(tensor)) this.#known.delete(handle)
  }
}

/** A model may keep in a field what it made in an earlier call, or in an earlier trace. */
function isLive(addon: NativeBinding, handle: TensorHandle): boolean {
  return symbolicOf(handle) === null && !addon.isDisposed(handle)
}
