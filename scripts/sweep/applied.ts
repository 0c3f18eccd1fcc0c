import { Module, type Tensor } from 'napi-torch'

/** A model in evaluation mode whose `forward` is a function, and whose children have the names of `members`. */
export class Applied extends Module {
  readonly #body: (input: Tensor) => Tensor

  constructor(body: (input: Tensor) => Tensor, members: Readonly<Record<string, Module>>) {
    super()
    this.#body = body
    for (const [name, module] of Object.entries(members)) this.registerModule(name, module)
    this.eval()
  }

  override forward(input: Tensor): Tensor {
    return this.#body(input)
  }
}
