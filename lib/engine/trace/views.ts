import { native, type NativeBinding } from '../../libtorch/binding.js'
import type { TensorHandle } from '../../libtorch/handles.js'
import type { Value } from '../graph.js'
import { atenCall } from './aten_calls.js'
import { infer, type Inferred } from './infer.js'
import type { Recorder } from './recorder.js'
import type { SymbolicTensor } from './symbolic.js'
import type { Table } from './table.js'

/** What changes how elements are seen or stored, and not what they are; how they lie is no concern of a graph. */
export const VIEWS: Table = {
  alias: (recorder, tensor) => sameElements(recorder, 'alias', tensor),
  detach: (recorder, tensor) => sameElements(recorder, 'detach', tensor),
  contiguous: (recorder, tensor, ...rest) => sameElements(recorder, 'contiguous', tensor, ...rest),
  clone: (recorder, tensor) => sameElements(recorder, 'clone', tensor),
  to: (recorder, tensor, ...rest) => to(recorder, tensor, ...rest),
  view: (recorder, tensor, ...rest) => reshaped(recorder, 'view', tensor, ...rest),
  reshape: (recorder, tensor, ...rest) => reshaped(recorder, 'reshape', tensor, ...rest),
  flatten: (recorder, tensor, ...rest) => reshaped(recorder, 'flatten', tensor, ...rest),
  squeeze: (recorder, tensor, ...rest) => reshaped(recorder, 'squeeze', tensor, ...rest),
  unsqueeze: (recorder, tensor, ...rest) => reshaped(recorder, 'unsqueeze', tensor, ...rest),
  permute: (recorder, tensor, ...rest) => part(recorder, 'permute', tensor, ...rest),
  transpose: (recorder, tensor, ...rest) => part(recorder, 'transpose', tensor, ...rest),
  expand: (recorder, tensor, ...rest) => part(recorder, 'expand', tensor, ...rest),
  select: (recorder, tensor, ...rest) => part(recorder, 'select', tensor, ...rest),
  slice: (recorder, tensor, ...rest) => part(recorder, 'slice', tensor, ...rest),
  split,
}

type TailOfTo = Parameters<NativeBinding['to']> extends [TensorHandle, ...infer Tail] ? Tail : never

function sameElements(
  recorder: Recorder,
  name: keyof NativeBinding,
  tensor: TensorHandle,
  ...rest: unknown[]
): TensorHandle {
  const symbolic = recorder.symbolic(tensor)
  const inferred = look(recorder, name, symbolic, rest)
  return recorder.view(symbolic, { ...inferred, isWhole: true, derive: (value) => value })
}

function to(recorder: Recorder, tensor: TensorHandle, ...rest: TailOfTo): TensorHandle {
  const symbolic = recorder.symbolic(tensor)
  const [dtype, device, copy] = rest
  const inferred = look(recorder, 'to', symbolic, rest)
  if (device !== null && inferred.facts.device !== symbolic.facts.device) {
    throw recorder.calls.failure(`to() moves a tensor from ${symbolic.facts.device} to ${inferred.facts.device}`)
  }
  if (inferred.facts.dtype === symbolic.facts.dtype) {
    return recorder.view(symbolic, { ...inferred, isWhole: true, derive: (value) => value })
  }
  const { facts } = inferred
  const args = [tensor, dtype, false, copy, null].map((argument) => recorder.argument(argument))
  return recorder.tensor(recorder.emitAten('aten::to.dtype', args, facts), facts)
}

function reshaped(
  recorder: Recorder,
  name: keyof NativeBinding,
  tensor: TensorHandle,
  ...rest: unknown[]
): TensorHandle {
  const symbolic = recorder.symbolic(tensor)
  const inferred = look(recorder, name, symbolic, rest)
  const derive = (value: Value): Value => recorder.reshape(value, inferred.facts.shape)
  return recorder.view(symbolic, { ...inferred, isWhole: true, derive })
}

function part(recorder: Recorder, name: keyof NativeBinding, tensor: TensorHandle, ...rest: unknown[]): TensorHandle {
  const symbolic = recorder.symbolic(tensor)
  const inferred = look(recorder, name, symbolic, rest)
  const derive = (value: Value): Value => {
    const { schema, args } = atenCall(name, [tensor, ...rest]) ?? recorder.unknown(name)
    const others = args.slice(1).map((argument) => recorder.argument(argument))
    return recorder.emitAten(schema, [{ value }, ...others], inferred.facts)
  }
  return recorder.view(symbolic, { ...inferred, isWhole: false, derive })
}

function split(recorder: Recorder, tensor: TensorHandle, size: number, dim: number): TensorHandle[] {
  const symbolic = recorder.symbolic(tensor)
  infer(recorder.addon, 'split', [symbolic, size, dim], null)
  const total = symbolic.facts.shape.at(dim) ?? 0
  const parts: TensorHandle[] = []
  let start = 0
  do {
    parts.push(native.slice(tensor, dim, start, start + size, 1))
    start += size
  } while (start < total)
  return parts
}

/** Finds out about a view without looking at elements. */
function look(
  recorder: Recorder,
  name: keyof NativeBinding,
  tensor: SymbolicTensor,
  rest: readonly unknown[],
): Inferred {
  const [inferred] = infer(recorder.addon, name, [tensor, ...rest], null)
  return inferred ?? recorder.unknown(name)
}
