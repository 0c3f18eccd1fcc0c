import { native, type NativeBinding } from '../../libtorch/binding.js'
import type { TensorHandle } from '../../libtorch/handles.js'
import type { Value } from '../graph.js'
import { infer } from './infer.js'
import type { Recorder } from './recorder.js'
import { isHandle, type SymbolicTensor } from './symbolic.js'
import type { Table } from './table.js'

/** What changes its first argument: in a graph a new value, which all that shares the memory shows from then on. */
export const IN_PLACE: Table = {
  add_: (recorder, ...args) => updateByName(recorder, 'add_', args, () => native.add(...args)),
  sub_: (recorder, ...args) => updateByName(recorder, 'sub_', args, () => native.sub(...args)),
  mul_: (recorder, ...args) => updateByName(recorder, 'mul_', args, () => native.mul(...args)),
  div_: (recorder, ...args) => updateByName(recorder, 'div_', args, () => native.div(...args)),
  relu_: (recorder, ...args) => updateByName(recorder, 'relu_', args, () => native.relu(...args)),
  copy_: (recorder, ...args) => updateByName(recorder, 'copy_', args, () => broadcast(recorder, args)),
  fill_: (recorder, ...args) => updateByName(recorder, 'fill_', args, () => filled(recorder, args)),
}

/** A change of a tensor. */
interface Update {
  /** As an error names it. */
  readonly name: string
  readonly target: TensorHandle
  /** Makes what the tensor is to hold. */
  readonly compute: () => TensorHandle
  /** Throws what libtorch throws where the change is not possible. */
  readonly check: () => void
}

/** Records a change of a whole tensor. */
export function update(recorder: Recorder, { name, target: handle, compute, check }: Update): void {
  const target = recorder.symbolic(handle)
  if (!target.isWhole) throw recorder.calls.failure(`${name} changes a part of a tensor`)
  check()

  const result = recorder.symbolic(compute())
  const { dtype } = target.facts
  const value = result.facts.dtype === dtype ? result.value : converted(recorder, result.value, target)
  recorder.write(target, value)
}

function updateByName(
  recorder: Recorder,
  name: keyof NativeBinding,
  args: readonly [TensorHandle, ...unknown[]],
  compute: () => TensorHandle,
): void {
  const check = (): void => {
    // Large tensors are seldom changed in another way than these two, which cannot fail: they are worth not to be run.
    const isPlain = name === 'relu_' || (name === 'add_' && isLike(args[1], recorder.symbolic(args[0])))
    if (!isPlain) infer(recorder.addon, name, args, name === 'div_' ? 1 : 0)
  }
  update(recorder, { name: `${name}()`, target: args[0], compute, check })
}

function isLike(other: unknown, { facts }: SymbolicTensor): boolean {
  if (!isHandle(other)) return false
  const { shape, dtype } = { shape: native.shape(other), dtype: native.dtype(other) }
  return (
    dtype === facts.dtype &&
    shape.length === facts.shape.length &&
    shape.every((size, dim) => size === facts.shape[dim])
  )
}

/** The source of `copy_` in the shape of the target. */
function broadcast(recorder: Recorder, [target, source]: readonly [TensorHandle, TensorHandle]): TensorHandle {
  const { facts } = recorder.symbolic(target)
  const shape = native.shape(target)
  const args = [recorder.argument(source), { literal: shape }, { literal: false }]
  const dtype = native.dtype(source)
  return recorder.tensor(recorder.emitAten('aten::expand', args, { shape, dtype }), { ...facts, dtype })
}

function filled(recorder: Recorder, [target, value]: Parameters<NativeBinding['fill_']>): TensorHandle {
  const { facts } = recorder.symbolic(target)
  const unset = { literal: null }
  const args = [recorder.argument(target), { literal: value }, unset, unset, unset, unset, unset]
  return recorder.tensor(recorder.emitAten('aten::full_like', args, facts), facts)
}

function converted(recorder: Recorder, value: Value, { facts }: SymbolicTensor): Value {
  const args = [{ value }, ...[facts.dtype, false, false, null].map((argument) => recorder.argument(argument))]
  return recorder.emitAten('aten::to.dtype', args, { shape: value.shape, dtype: facts.dtype })
}
