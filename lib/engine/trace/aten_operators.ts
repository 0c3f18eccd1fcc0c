import { native, type AtenSchema } from '../../libtorch/binding.js'
import type { TensorHandle } from '../../libtorch/handles.js'
import { findSchema, refusalOf } from '../../tensor/aten_schema.js'
import type { Value } from '../graph.js'
import { update } from './in_place.js'
import { infer, type Inferred } from './infer.js'
import type { Recorder } from './recorder.js'
import { isHandle, symbolicOf } from './symbolic.js'

type Arguments = readonly unknown[]

/** What a graph may hold of the operators that only `ops.aten` and the functions that are made of it call. */
export function isGraphOperator(schema: string): boolean {
  const operator = findSchema(schema)
  if (operator === null || refusalOf(schema, operator) !== null) return false
  // Those that begin with an underscore are internal to libtorch, and `empty` shows what was in the memory before.
  const isInternal = !/^aten::[a-z]/.test(schema) || /^aten::(new_)?empty/.test(schema)
  const isPure = operator.arguments.every(({ isWritten }) => !isWritten) && !operator.draws && !operator.readsElements
  return !isInternal && isPure && operator.results.every(({ type }) => type === 'Tensor' || type === 'Tensor[]')
}

/** Refuses what no trace can record, whatever the tensors are. */
export function checkOperator({ calls }: Recorder, schema: string, args: Arguments): void {
  const operator = findSchema(schema)
  if (operator !== null && drawsWith(operator, args)) {
    throw calls.failure(`${schema} draws random numbers, of which each run would need others`)
  }
}

/** Gives the tensor that a call of an operator changes, null for none. */
export function writtenBy(schema: string, [first]: Arguments): TensorHandle | null {
  const isWriting = findSchema(schema)?.arguments.some(({ isWritten }) => isWritten) ?? false
  return isWriting && isHandle(first) ? first : null
}

/** Records a call of an operator by its schema, of whose tensors one is symbolic at least. */
export function callAten(
  recorder: Recorder,
  schema: string,
  ...args: Arguments
): (TensorHandle | TensorHandle[] | null)[] {
  const { calls } = recorder
  const operator = findSchema(schema)
  if (operator === null) throw calls.failure(`${schema} is no operator of this libtorch`)
  const { results, readsElements } = operator
  const isReading = results.some(({ type }) => type !== 'Tensor' && type !== 'Tensor[]')
  if (readsElements || isReading) {
    throw calls.failure(`${schema} needs elements that are known only when the model runs`)
  }
  if (operator.arguments.some(({ isWritten }) => isWritten)) return [changed(recorder, schema, operator, args)]

  const inferred = inferResults(recorder, schema, args)
  const isList = results.length === 1 && results[0]?.type === 'Tensor[]'
  if (!isList && inferred.length !== results.length) throw calls.failure(`${schema} leaves out one of its results`)
  const handles = record(recorder, schema, args, inferred)
  return isList ? [handles] : handles
}

/** An operator in place is the one without the underscore, whose result the tensor takes over. */
function changed(recorder: Recorder, schema: string, operator: AtenSchema, args: Arguments): null {
  const functional = schema.replace(/_(?=\.|$)/, '')
  const twin = functional === schema ? null : findSchema(functional)
  const [target] = args
  const isFirstAlone = operator.arguments.every(({ isWritten }, index) => isWritten === (index === 0))
  if (twin?.arguments.length !== operator.arguments.length || !isFirstAlone || !isHandle(target)) {
    throw recorder.calls.failure(
      `${schema} changes a tensor, and libtorch has no operator that gives a new one instead`,
    )
  }
  const compute = (): TensorHandle => native.callAten(functional, ...args)[0] as TensorHandle
  update(recorder, { name: schema, target, compute, check: () => void inferResults(recorder, schema, args) })
  return null
}

/** Runs the operator on stand-ins: of zeros, or of ones where it refuses those, such as integers divided by them. */
function inferResults({ addon }: Recorder, schema: string, args: Arguments): Inferred[] {
  try {
    return infer(addon, 'callAten', [schema, ...args])
  } catch (error) {
    try {
      return infer(addon, 'callAten', [schema, ...args], 1)
    } catch {
      throw error
    }
  }
}

function record(recorder: Recorder, schema: string, args: Arguments, inferred: readonly Inferred[]): TensorHandle[] {
  const [first, ...others] = args
  const shared = symbolicOf(first)
  const emit = (value: Value | null): readonly Value[] => {
    const read = (argument: unknown): ReturnType<Recorder['argument']> => recorder.argument(argument)
    const rest = others.map(read)
    return recorder.emitResults(
      { schema, args: [value === null ? read(first) : { value }, ...rest] },
      inferred.map(({ facts }) => facts),
    )
  }
  if (shared === null || inferred.every(({ sharesStorage }) => !sharesStorage)) {
    const values = emit(null)
    return inferred.map(({ facts }, index) => recorder.tensor(values[index] ?? recorder.unknown('callAten'), facts))
  }
  // Views of one tensor come of one node, and of another one only after that tensor has been changed.
  const made = new Map<Value, readonly Value[]>()
  const of = (whole: Value): readonly Value[] => {
    const values = made.get(whole) ?? emit(whole)
    made.set(whole, values)
    return values
  }
  return inferred.map((view, index) => {
    const derive = (whole: Value): Value => of(whole)[index] ?? recorder.unknown('callAten')
    return recorder.view(shared, { ...view, isWhole: false, derive })
  })
}

/** Operators for training draw only if they are told to: by their probability, or the mode. */
export function drawsWith({ draws, arguments: declared }: AtenSchema, args: Arguments): boolean {
  if (!draws) return false
  const valueOf = (...names: readonly string[]): unknown => args[declared.findIndex(({ name }) => names.includes(name))]
  if (declared.some(({ name }) => name === 'train' || name === 'training'))
    return valueOf('train', 'training') !== false
  const isDropping = declared.some(({ name }) => name === 'dropout_p')
  return !isDropping || (valueOf('dropout_p') ?? 0) !== 0
}
