import { native, withBinding } from '../../libtorch/binding.js'
import { inGradModeNow } from '../../libtorch/grad_mode.js'
import { checkShape, describe } from '../../util/check.js'
import { checkDType, isFloatingPoint, type DType } from '../../util/dtype.js'
import { isTensor } from '../../nn/checks.js'
import type { Module } from '../../nn/module.js'
import { scope } from '../../util/scope.js'
import { handleOf } from '../../tensor/handle.js'
import { Tensor } from '../../tensor/tensor.js'
import { Graph, type Value } from '../graph.js'
import { recordingBinding } from './dispatch.js'
import { Recorder } from './recorder.js'
import { symbolicOf } from './symbolic.js'

/**
 * Calls `model` once with a tensor that has a shape and no elements, hooks included, and records the operators that it
 * applies. `dtype` is that of the input. Default: that of the model's first parameter or buffer of floats,
 * else float32.
 *
 * The graph holds for this shape only: what the model does may depend on it. Layouts in memory leave no trace.
 *
 * @throws {TorchError} `TORCH_TRACE` if the model is in training mode, takes several inputs, reads elements, draws random
 * numbers, changes its own state, or gives other than one tensor that follows from the input; and errors of `forward`.
 */
export function trace(model: Module<unknown>, inputShape: readonly number[], dtype?: DType): Graph {
  return inGradModeNow('disabled', () => traceModel(model, inputShape, dtype))
}

function traceModel(model: Module<unknown>, inputShape: readonly number[], dtype: DType | undefined): Graph {
  const shape = Object.freeze([...checkShape('inputShape', inputShape)])
  if (dtype !== undefined) checkDType('dtype', dtype)
  const recorder = new Recorder(model, native)
  checkModel(recorder, model)
  const first = [...model.parameters(), ...model.buffers()].find(({ dtype }) => isFloatingPoint(dtype))
  const input = recorder.input(shape, dtype ?? first?.dtype ?? 'float32', first?.device ?? 'cpu')
  // The scope ends inside, where symbolic tensors can be disposed.
  return withBinding(recordingBinding(recorder), () =>
    scope(() => {
      const inputs = [input.value]
      const result = recorder.calls.follow(() => model.forward(new Tensor(input.handle)))
      const outputs = [outputOf(recorder, result)]
      return new Graph({ inputs, nodes: recorder.nodes, outputs, owned: recorder.constants.owned })
    }),
  )
}

function checkModel({ calls }: Recorder, model: Module<unknown>): void {
  const training = model.namedModules().find(([, module]) => module.training)
  if (training !== undefined) {
    const [path, module] = training
    const where = path === '' ? 'it' : `${path} (${module.constructor.name})`
    throw calls.failure(`${where} is in training mode, call eval() first`)
  }
  // Of the class: the instance has one that takes any number.
  const { forward } = Object.getPrototypeOf(model) as { readonly forward: (...inputs: Tensor[]) => unknown }
  if (forward.length > 1) throw calls.failure(`its forward() takes ${forward.length} inputs, where one is expected`)
}

function outputOf(recorder: Recorder, result: unknown): Value {
  const { calls } = recorder
  if (!isTensor(result)) throw calls.failure(`its forward() gives ${describe(result)}, where one tensor is expected`)
  const symbolic = symbolicOf(handleOf(result))
  if (symbolic === null) throw calls.failure('its forward() gives a tensor that does not depend on the input')
  return recorder.valueOf(symbolic.handle)
}
