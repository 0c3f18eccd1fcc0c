import { expected } from '../util/check.js'
import type { Tensor } from '../tensor/tensor.js'
import { isPromise } from '../util/realm.js'

/** Runs before `forward`. The inputs that it returns replace those that it got. */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a hook may have no return statement
export type ForwardPreHook<M> = (module: M, inputs: readonly Tensor[]) => Tensor | readonly Tensor[] | undefined | void

/** Runs after `forward`. The output that it returns replaces the one that it got. */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a hook may have no return statement
export type ForwardHook<M, Output> = (module: M, inputs: readonly Tensor[], output: Output) => Output | undefined | void

/** What takes a hook away again. */
export interface RemovableHandle extends Disposable {
  remove(): void
}

// Methods, as their parameters may be narrower: a module stores only hooks that take itself and its output.
interface Before {
  run(module: unknown, inputs: readonly Tensor[]): unknown
}

interface After {
  run(module: unknown, inputs: readonly Tensor[], output: unknown): unknown
}

/** The forward hooks of a module, in the order in which they were added. */
export class Hooks {
  readonly #before = new Set<Before>()
  readonly #after = new Set<After>()

  /** Calls `forward` with its hooks around it. */
  run<Output>(module: object, forward: (...inputs: Tensor[]) => Output, inputs: Tensor[]): Output {
    let changed = inputs
    for (const hook of this.#before) {
      const result = hook.run(module, changed) as Tensor | Tensor[] | undefined
      if (result !== undefined) changed = Array.isArray(result) ? result : [result]
    }
    let output = forward(...changed)
    if (isPromise(output)) {
      output.catch(() => undefined) // When it goes on its tensors are gone; that error would end the process.
      throw expected('a synchronous forward()', module.constructor.name, output)
    }
    for (const hook of this.#after) {
      const result = hook.run(module, changed, output) as Output | undefined
      if (result !== undefined) output = result
    }
    return output
  }

  addBefore<M>(run: ForwardPreHook<M>): RemovableHandle {
    return add(this.#before, { run: checkHook(run) })
  }

  addAfter<M, Output>(run: ForwardHook<M, Output>): RemovableHandle {
    return add(this.#after, { run: checkHook(run) })
  }
}

function checkHook<T>(hook: T): T {
  if (typeof hook !== 'function') throw expected('a function', 'hook', hook)
  return hook
}

function add<T>(hooks: Set<T>, hook: T): RemovableHandle {
  hooks.add(hook)
  const remove = (): void => void hooks.delete(hook)
  return { remove, [Symbol.dispose]: remove }
}
