import { TorchError } from '../util/errors.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import type { Tensor } from '../tensor/tensor.js'

/** A model without its last linear layer: its output is the input of that layer, (N, features). The model is not changed. */
export class Headless extends Module {
  readonly model: Module
  readonly #head: Module<unknown>

  /** @throws {TorchError} `TORCH_ARCHITECTURE` if the model has no linear layer. */
  constructor(model: Module) {
    super()
    this.model = model
    this.training = false
    const head = model.modules().findLast((module) => module instanceof Linear)
    if (head === undefined) {
      throw new TorchError(
        'TORCH_ARCHITECTURE',
        `${model.constructor.name} has no linear layer whose input could be its features`,
      )
    }
    this.#head = head
  }

  override forward(images: Tensor): Tensor {
    const hook = this.#head.registerForwardHook((_head, [features]) => features)
    try {
      return this.model.forward(images)
    } finally {
      hook.remove()
    }
  }
}
