import type { Fail } from '../failure.js'
import type { CheckpointLimits } from '../limits.js'
import { buildNumpy, NUMPY_CONSTRUCTORS } from './numpy_globals.js'
import { StoredTensor } from '../stored.js'
import { TORCH_CONSTRUCTORS } from './torch_globals.js'
import { refuseUnsafe } from './unsafe.js'
import {
  describeValue,
  NumpyArray,
  NumpyDType,
  OrderedDict,
  PickledGlobal,
  PickledObject,
  PickleTuple,
  type CheckpointValue,
} from '../values.js'

/** What a constructor needs beside its arguments. */
export interface Construction {
  readonly limits: CheckpointLimits
  readonly fail: Fail
  /**
   * Counts elements or bytes that are copied. In an honest pickle each was an instruction once, so that the copies stay
   * below the size of the pickle; past it a few bytes multiply a remembered value. `bytesEach` is what one takes.
   *
   * @throws {CheckpointError} `TORCH_CHECKPOINT_LIMIT`
   */
  readonly charge: (count: number, bytesEach?: number) => void
}

/** Makes the value that a Python callable stands for. It reads its arguments and nothing else. */
export type Constructor = (args: readonly CheckpointValue[], construction: Construction) => CheckpointValue

/** Python 2 names that pickles of protocol 2 still use, by their Python 3 names; `pickle.fix_imports`. */
const RENAMED_MODULES: ReadonlyMap<string, string> = new Map([
  ['__builtin__', 'builtins'],
  ['copy_reg', 'copyreg'],
  ['exceptions', 'builtins'],
  ['cPickle', 'pickle'],
])

const CONSTRUCTORS: ReadonlyMap<string, Constructor> = new Map<string, Constructor>([
  ['collections.OrderedDict', makeOrderedDict],
  ['collections.Counter', makeDict],
  ['collections.defaultdict', (args, context) => makeDict(args.slice(1, 2), context)],
  ['collections.deque', ([items = []], context) => [...elements(items, 'collections.deque', context)]],
  ['builtins.set', ([items = []], context) => new Set(elements(items, 'set', context))],
  ['builtins.frozenset', ([items = []], context) => new Set(elements(items, 'frozenset', context))],
  ['builtins.bytes', makeBytes],
  ['builtins.bytearray', makeBytes],
  ['builtins.getattr', nestedClass],
  ['_codecs.encode', makeBytes],
  ['copyreg._reconstructor', reconstruct],
  ['copyreg.__newobj__', callNew],
  ...TORCH_CONSTRUCTORS,
  ...NUMPY_CONSTRUCTORS,
])

/**
 * Gives the name that a pickle asks for, as a name.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_UNSAFE` if no honest checkpoint asks for it.
 */
export function resolveGlobal(module: string, name: string, fail: Fail): PickledGlobal {
  if (module === '' || name === '') throw fail('TORCH_CHECKPOINT_CORRUPT', 'Expected the name of a class or function')
  const global = new PickledGlobal(RENAMED_MODULES.get(module) ?? module, name)
  refuseUnsafe(global, fail)
  return global
}

/** Gives what `callable(*args)` stands for: a value of ours for the names that we know, else an inert record. */
export function reduce(
  callable: CheckpointValue | undefined,
  args: CheckpointValue | undefined,
  context: Construction,
): CheckpointValue {
  if (!(args instanceof PickleTuple)) {
    throw context.fail('TORCH_CHECKPOINT_CORRUPT', `Expected a tuple of arguments, found ${describeValue(args)}`)
  }
  return newObject(callable, args, null, context)
}

/** Does what {@link reduce} does, for the instructions that make an object of a class. */
export function newObject(
  type: CheckpointValue | undefined,
  args: readonly CheckpointValue[],
  kwargs: Map<CheckpointValue, CheckpointValue> | null,
  context: Construction,
): CheckpointValue {
  if (!(type instanceof PickledGlobal)) {
    throw context.fail(
      'TORCH_CHECKPOINT_CORRUPT',
      `Expected the name of a class or function, found ${describeValue(type)}`,
    )
  }
  const constructor = kwargs === null ? CONSTRUCTORS.get(type.path) : undefined
  return constructor === undefined ? new PickledObject(type, args, kwargs) : constructor(args, context)
}

/** Hands an object its state, as the BUILD instruction asks. Records keep it as data. */
export function build(target: CheckpointValue | undefined, state: CheckpointValue, context: Construction): void {
  const { fail } = context
  if (target instanceof OrderedDict && state instanceof Map) {
    context.charge(state.size)
    target.attributes ??= new Map()
    for (const [key, value] of state) target.attributes.set(key, value)
  } else if (target instanceof PickledObject) {
    target.state = state
  } else if (target instanceof NumpyArray || target instanceof NumpyDType) {
    buildNumpy(target, state, context)
  } else if (target instanceof PickledGlobal) {
    throw fail(
      'TORCH_CHECKPOINT_UNSAFE',
      `The file asks Python to change ${target.path} itself, which is how attacks work`,
    )
  } else if (target instanceof StoredTensor) {
    throw fail('TORCH_CHECKPOINT_UNSUPPORTED', 'The file gives a tensor its state after making it, as PyTorch 0.1 did')
  } else {
    throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected an object that can have a state, found ${describeValue(target)}`)
  }
}

function makeOrderedDict([items]: readonly CheckpointValue[], { fail, charge }: Construction): OrderedDict {
  const dict = new OrderedDict()
  if (items === undefined) return dict
  if (items instanceof Map) {
    charge(items.size)
    for (const [key, value] of items) dict.set(key, value)
    return dict
  }
  // Python 2 gave a list of pairs.
  if (!Array.isArray(items))
    throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected pairs for an OrderedDict, found ${describeValue(items)}`)
  charge(items.length)
  for (const pair of items) {
    const [key, value] = Array.isArray(pair) ? pair : []
    if (key === undefined || value === undefined) {
      throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a pair in an OrderedDict, found ${describeValue(pair)}`)
    }
    dict.set(key, value)
  }
  return dict
}

function makeDict(
  [items]: readonly CheckpointValue[],
  { fail, charge }: Construction,
): Map<CheckpointValue, CheckpointValue> {
  if (items === undefined) return new Map()
  if (items instanceof Map) {
    charge(items.size)
    return new Map(items)
  }
  throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a dict, found ${describeValue(items)}`)
}

function elements(items: CheckpointValue, of: string, { fail, charge }: Construction): Iterable<CheckpointValue> {
  if (Array.isArray(items) || items instanceof Set) {
    charge(Array.isArray(items) ? items.length : items.size)
    return items
  }
  throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a list of elements for ${of}, found ${describeValue(items)}`)
}

/** Protocol 2 has no bytes: they come as a string of characters 0 to 255 and the name of that encoding. */
function makeBytes([value = '', encoding]: readonly CheckpointValue[], { fail, charge }: Construction): Uint8Array {
  if (value instanceof Uint8Array && encoding === undefined) return value
  if (typeof value !== 'string')
    throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected bytes or a string, found ${describeValue(value)}`)
  if (value === '') return new Uint8Array(0)
  if (encoding !== 'latin1' && encoding !== 'latin-1') {
    throw fail('TORCH_CHECKPOINT_UNSUPPORTED', `Expected bytes in encoding latin1, found ${describeValue(encoding)}`)
  }
  charge(value.length, 1)
  for (let index = 0; index < value.length; index++) {
    if (value.charCodeAt(index) > 0xff)
      throw fail('TORCH_CHECKPOINT_CORRUPT', 'A byte string holds a character above 255')
  }
  return new Uint8Array(Buffer.from(value, 'latin1'))
}

/** Protocols below 4 name a class that is nested in another by `getattr(Outer, 'Inner')`. Only that use is read. */
function nestedClass([outer, name]: readonly CheckpointValue[], { fail }: Construction): PickledGlobal {
  if (outer instanceof PickledGlobal && outer.module !== 'builtins' && typeof name === 'string') {
    return resolveGlobal(outer.module, `${outer.name}.${name}`, fail)
  }
  const text = `The file asks Python for getattr(${describeValue(outer)}, ${describeValue(name)}), which is how attacks reach functions`
  throw fail('TORCH_CHECKPOINT_UNSAFE', text)
}

/** What protocols 0 and 1 write for NEWOBJ: the class stands before its arguments. */
function callNew(args: readonly CheckpointValue[], context: Construction): CheckpointValue {
  context.charge(args.length)
  return newObject(args[0], args.slice(1), null, context)
}

/** Protocols 0 and 1: `_reconstructor(class, base, value of the base)`. */
function reconstruct([type, , base = null]: readonly CheckpointValue[], context: Construction): CheckpointValue {
  return newObject(type, base === null ? [] : [base], null, context)
}
