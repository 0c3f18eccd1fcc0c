import { native, type NativeBinding } from '../../libtorch/binding.js'
import type { TensorHandle } from '../../libtorch/handles.js'
import { isFloatingPoint } from '../../util/dtype.js'
import { OPS } from '../ops/index.js'
import { callAten, checkOperator } from './aten_operators.js'
import { DRAWS, FACTS, READS } from './facts.js'
import { IN_PLACE } from './in_place.js'
import { infer } from './infer.js'
import { anyOperator } from './layer_facts.js'
import type { Recorder } from './recorder.js'
import { symbolicsIn } from './symbolic.js'
import type { Table } from './table.js'
import { VIEWS } from './views.js'

/** Calls that have nodes of their own. */
const LAYERS: Table = Object.assign({}, ...Object.values(OPS).map(({ record }) => record)) as Table

/** Calls with rules of their own. All others are recorded as operators of libtorch's dispatcher. */
const TABLE: Table = { ...FACTS, ...VIEWS, ...LAYERS, ...IN_PLACE, div, topk, callAten }

/** Makes a binding that records each call with a symbolic tensor, and sends all others to the addon. */
export function recordingBinding(recorder: Recorder): NativeBinding {
  const names = Object.keys(recorder.addon) as (keyof NativeBinding)[]
  const functions = names.map((name) => [name, (...args: readonly unknown[]) => dispatch(recorder, name, args)])
  return Object.fromEntries(functions) as NativeBinding
}

function dispatch(recorder: Recorder, name: keyof NativeBinding, args: readonly unknown[]): unknown {
  const { calls, constants } = recorder
  if (DRAWS.has(name)) throw calls.failure(`${name}() draws random numbers, of which each run would need others`)
  if (name === 'callAten') checkOperator(recorder, String(args[0]), args.slice(1))
  if (symbolicsIn(args).length === 0) return constants.call(name, args)
  const read = READS[name]
  if (read !== undefined) throw calls.failure(`${read} needs elements that are known only when the model runs`)
  const record = TABLE[name] as ((recorder: Recorder, ...args: readonly unknown[]) => unknown) | undefined
  return record === undefined ? anyOperator(recorder, name, args) : record(recorder, ...args)
}

function topk(recorder: Recorder, ...args: Parameters<NativeBinding['topk']>): [TensorHandle, TensorHandle] {
  const inferred = infer(recorder.addon, 'topk', args)
  const facts = inferred.map((result) => result.facts)
  const [values, indices] = recorder.emitCall('topk', args, facts)
  return [values ?? recorder.unknown('topk'), indices ?? recorder.unknown('topk')]
}

function div(recorder: Recorder, ...args: Parameters<NativeBinding['div']>): TensorHandle {
  const [tensor, other, mode] = args
  const [inferred] = infer(recorder.addon, 'div', args, 1)
  const { facts } = inferred ?? recorder.unknown('div')
  if (mode !== 'trunc' || isFloatingPoint(facts.dtype)) {
    const [output] = recorder.emitCall('div', args, [facts])
    return output ?? recorder.unknown('div')
  }
  // As the addon does: libtorch's own truncation of integers ends the process where the lowest one is divided by -1.
  const floor = native.div(tensor, other, 'floor')
  const isInexact = native.ne(native.mul(floor, other), tensor)
  return native.add(floor, native.mul(native.lt(floor, 0), isInexact), 1)
}
