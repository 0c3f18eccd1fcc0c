import { inGradModeNow } from '../libtorch/grad_mode.js'
import { Linear } from '../nn/linear.js'
import type { Module } from '../nn/module.js'
import { StateDict } from '../tensor/state_dict.js'
import type { Tensor } from '../tensor/tensor.js'
import { TorchError } from '../util/errors.js'
import { withoutScope } from '../util/scope.js'

/** The parts of a model that are trained. */
export interface TunedParts {
  readonly head: Linear
  readonly headPath: string
  /** The last parts below the head, of which all parameters are trained. */
  readonly stages: readonly Module<unknown>[]
  /** What the keys of the trained parts begin with. */
  readonly prefixes: readonly string[]
}

/**
 * Puts a new linear layer of `numClasses` outputs in the place of the last one, freezes all else, and finds the last `count` parts with
 * parameters before it.
 *
 * @throws {TorchError} `TORCH_ARCHITECTURE` if the model has no linear layer.
 */
export function replaceHead(model: Module, numClasses: number, count: number): TunedParts {
  const [headPath, old] = model.namedModules().findLast(([, module]) => module instanceof Linear) ?? []
  if (headPath === undefined || !(old instanceof Linear) || headPath === '') {
    const text = `${model.constructor.name} has no linear layer that could be replaced for other classes`
    throw new TorchError('TORCH_ARCHITECTURE', text)
  }
  const head = withoutScope(() => new Linear(old.inFeatures, numClasses))
  model.setSubmodule(headPath, head)
  old.dispose()
  model.requiresGrad_(false)
  head.requiresGrad_(true)
  const before = partsBefore(model, headPath).slice(-count)
  return {
    ...{ head, headPath },
    stages: before.map(([, module]) => module),
    prefixes: [headPath, ...before.map(([path]) => path)].map((path) => `${path}.`),
  }
}

/** The children with parameters beside the one that holds the head, in their order. */
function partsBefore(model: Module, headPath: string): readonly (readonly [string, Module<unknown>])[] {
  return model.namedChildren().filter(([name, module]) => {
    const holdsHead = headPath === name || headPath.startsWith(`${name}.`)
    return !holdsHead && module.parameters().length > 0
  })
}

/** The state of the trained parts: the tensors are the model's own. */
export function tunedState(model: Module, { prefixes }: TunedParts): StateDict {
  const state = new StateDict()
  for (const [key, tensor] of model.stateDict()) {
    if (prefixes.some((prefix) => key.startsWith(prefix))) state.set(key, tensor)
  }
  return state
}

/** Copies a state, into tensors that belong to no scope. */
export function copyState(state: Iterable<readonly [string, Tensor]>): StateDict {
  return inGradModeNow('disabled', () =>
    withoutScope(() => {
      const copy = new StateDict()
      for (const [key, tensor] of state) copy.set(key, tensor.clone())
      return copy
    }),
  )
}
