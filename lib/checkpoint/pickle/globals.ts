import type { Fail } from '../failure.js'
import { pastLimit, type CheckpointLimits } from '../limits.js'
import { COMPAT_MODULES, COMPAT_NAMES } from './compat_names.js'
import { stepsToAdd } from './keys.js'
import { buildNumpy, NUMPY_CONSTRUCTORS } from './numpy_globals.js'
import { StoredTensor } from '../stored.js'
import { TORCH_CONSTRUCTORS } from './torch_globals.js'
import { leadsOut, refuseUnsafe } from './unsafe.js'
import {
  describeValue,
  NumpyArray,
  NumpyDType,
  OrderedDict,
  PickledGlobal,
  PickledObject,
  PickleTuple,
  UnreadableTensor,
  type CheckpointValue,
} from '../values.js'
import { isMap, isSet, isUint8Array } from '../../util/realm.js'

/** What a constructor needs beside its arguments. */
export interface Construction {
  readonly limits: CheckpointLimits
  readonly fail: Fail
  /**
   * Counts elements or bytes that are copied or looked at beyond those of the instruction: a few bytes can name a remembered value
   * over and over. `bytesEach` is what one takes.
   *
   * @throws {CheckpointError} `TORCH_CHECKPOINT_LIMIT` past `memoryRatio` or `workRatio`.
   */
  readonly charge: (count: number, bytesEach?: number) => void
  /** Counts steps that take no memory. */
  readonly work: (steps: number) => void
  /** Does what {@link resolveGlobal} does, and remembers what came of it. */
  readonly resolve: (module: string, name: string, isOld: boolean) => PickledGlobal
  /** Shapes and strides by their text: most tensors of a file share a few. */
  readonly sizes: Map<string, readonly number[]>
}

/** Makes the value that a Python callable stands for. It reads its arguments and nothing else. */
export type Constructor = (args: readonly CheckpointValue[], construction: Construction) => CheckpointValue

const CONSTRUCTORS: ReadonlyMap<string, Constructor> = new Map<string, Constructor>([
  ['collections.OrderedDict', makeOrderedDict],
  ['collections.Counter', makeDict],
  ['collections.defaultdict', (args, context) => makeDict(args.slice(1, 2), context)],
  ['collections.deque', ([items = []], context) => [...elements(items, 'collections.deque', context)]],
  ['builtins.set', ([items = []], context) => makeSet(items, 'set', context)],
  ['builtins.frozenset', ([items = []], context) => makeSet(items, 'frozenset', context)],
  ['builtins.bytes', makeBytes],
  ['builtins.bytearray', makeBytes],
  ['builtins.getattr', attribute],
  ['builtins.type', typeOf],
  ...['operator', '_operator'].flatMap((module): [string, Constructor][] => [
    [`${module}.attrgetter`, byAttribute('attrgetter')],
    [`${module}.methodcaller`, byAttribute('methodcaller')],
  ]),
  ['_codecs.encode', makeBytes],
  ['copyreg._reconstructor', reconstruct],
  ['copyreg.__newobj__', callNew],
  ...TORCH_CONSTRUCTORS,
  ...NUMPY_CONSTRUCTORS,
])

/** Callables whose arguments are looked at even where named ones follow. */
const CHECKED: ReadonlySet<string> = new Set([
  'builtins.getattr',
  'builtins.type',
  'operator.methodcaller',
  '_operator.methodcaller',
])

/** More arguments than any callable here takes. */
const MAX_FREE_ARGUMENTS = 16

/** How {@link resolveGlobal} reads a name. */
export interface ResolveOptions {
  /** The pickle may use names of Python 2, as those of protocols 0 to 2 do: `fix_imports` of Python's pickle. */
  readonly isOld: boolean
  readonly limits: CheckpointLimits
  readonly fail: Fail
}

/**
 * Gives the name that a pickle asks for, as a name.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_UNSAFE` if no honest checkpoint asks for it; `TORCH_CHECKPOINT_LIMIT` if it
 * is longer than a line may be.
 */
export function resolveGlobal(module: string, name: string, { isOld, limits, fail }: ResolveOptions): PickledGlobal {
  const length = module.length + name.length
  if (length > 2 * limits.lineBytes) throw pastLimit(fail, limits, 'lineBytes', `A name has ${length} characters`)
  if (module === '' || name === '') throw fail('TORCH_CHECKPOINT_CORRUPT', 'Expected the name of a class or function')
  const global = isOld ? renamed(module, name) : new PickledGlobal(module, name)
  refuseUnsafe(global, fail)
  return global
}

/** Gives the Python 3 name of what Python 2 called otherwise. */
function renamed(module: string, name: string): PickledGlobal {
  const path = `${module}.${name}`
  const [newModule, newName] = Object.hasOwn(COMPAT_NAMES, path) ? (COMPAT_NAMES[path] ?? []) : []
  if (newModule !== undefined && newName !== undefined) return new PickledGlobal(newModule, newName)
  return new PickledGlobal(Object.hasOwn(COMPAT_MODULES, module) ? (COMPAT_MODULES[module] ?? module) : module, name)
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
  return callable instanceof PickledObject && callable.path === 'functools.partial'
    ? callPartial(callable, args, context)
    : newObject(callable, args, null, context)
}

/**
 * Calls that need named arguments go through a partial before protocol 4: `partial(cls.__new__, cls, *args, **kwargs)()`
 * makes an object, `partial(methodcaller, 'name', key=1)()` a getter. The state is (function, arguments, names, attributes).
 */
function callPartial(partial: PickledObject, args: PickleTuple, context: Construction): CheckpointValue {
  const [callable, first, names] = partial.state instanceof PickleTuple ? partial.state : []
  const given = [...(first instanceof PickleTuple ? first : []), ...args]
  context.charge(given.length)
  const kwargs = isMap(names) && names.size > 0 ? names : null
  const [type] = given
  const makesObject = callable instanceof PickledGlobal && callable.name.endsWith('.__new__')
  return makesObject ? newObject(type, given.slice(1), kwargs, context) : newObject(callable, given, kwargs, context)
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
  const constructor = kwargs === null || CHECKED.has(type.path) ? CONSTRUCTORS.get(type.path) : undefined
  // What is no record looks at its arguments, of which there are few, unless a remembered tuple of many is passed again and again.
  if (constructor !== undefined && args.length > MAX_FREE_ARGUMENTS) context.work(args.length)
  if (kwargs !== null && constructor !== undefined) {
    constructor(args, context)
    return new PickledObject(type, args, kwargs)
  }
  return constructor === undefined ? new PickledObject(type, args, kwargs) : constructor(args, context)
}

/** Hands an object its state, as the BUILD instruction asks. Records keep it as data. */
export function build(target: CheckpointValue | undefined, state: CheckpointValue, context: Construction): void {
  const { fail } = context
  if (target instanceof OrderedDict && isMap(state)) {
    target.attributes = copyEntries(state, target.attributes ?? new Map(), context)
  } else if (target instanceof PickledObject) {
    target.state = state
  } else if (target instanceof UnreadableTensor) {
    // Its state would be of use with its elements alone.
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

function makeOrderedDict([items]: readonly CheckpointValue[], context: Construction): OrderedDict {
  const { fail, charge } = context
  const dict = new OrderedDict()
  if (items === undefined) return dict
  if (isMap(items)) return copyEntries(items, dict, context)
  // Python 2 gave a list of pairs.
  if (!Array.isArray(items))
    throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected pairs for an OrderedDict, found ${describeValue(items)}`)
  charge(items.length)
  for (const pair of items) {
    const key = Array.isArray(pair) ? pair[0] : undefined
    const value = Array.isArray(pair) ? pair[1] : undefined
    if (key === undefined || value === undefined) {
      throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a pair in an OrderedDict, found ${describeValue(pair)}`)
    }
    context.work(stepsToAdd(key, dict.size))
    dict.set(key, value)
  }
  return dict
}

function makeDict([items]: readonly CheckpointValue[], context: Construction): Map<CheckpointValue, CheckpointValue> {
  if (items === undefined) return new Map()
  if (isMap(items)) return copyEntries(items, new Map<CheckpointValue, CheckpointValue>(), context)
  throw context.fail('TORCH_CHECKPOINT_CORRUPT', `Expected a dict, found ${describeValue(items)}`)
}

function makeSet(items: CheckpointValue, of: string, context: Construction): Set<CheckpointValue> {
  const set = new Set<CheckpointValue>()
  for (const item of elements(items, of, context)) {
    context.work(stepsToAdd(item, set.size))
    set.add(item)
  }
  return set
}

function copyEntries<M extends Map<CheckpointValue, CheckpointValue>>(
  from: ReadonlyMap<CheckpointValue, CheckpointValue>,
  to: M,
  { charge, work }: Construction,
): M {
  charge(from.size)
  for (const [key, value] of from) {
    work(stepsToAdd(key, to.size))
    to.set(key, value)
  }
  return to
}

function elements(items: CheckpointValue, of: string, { fail, charge }: Construction): Iterable<CheckpointValue> {
  if (Array.isArray(items) || isSet(items)) {
    charge(Array.isArray(items) ? items.length : items.size)
    return items
  }
  throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a list of elements for ${of}, found ${describeValue(items)}`)
}

/** Protocol 2 has no bytes: they come as a string of characters 0 to 255 and the name of that encoding. */
function makeBytes([value = '', encoding]: readonly CheckpointValue[], { fail, charge }: Construction): Uint8Array {
  if (isUint8Array(value) && encoding === undefined) return value
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

/**
 * Protocols below 4 name a class that is nested in another, and a method of a class, by `getattr(Outer, 'inner')`; a method of an
 * object is `getattr(object, 'method')`. Neither is looked up: the one is a name, the other a record.
 */
function attribute(args: readonly CheckpointValue[], context: Construction): CheckpointValue {
  const { fail } = context
  const [owner = null, name] = args
  const isPlain = args.length === 2 && typeof name === 'string'
  if (isPlain && !leadsOut(attributesOf(name, context))) {
    if (!(owner instanceof PickledGlobal))
      return new PickledObject({ module: 'builtins', name: 'getattr' }, [owner, name])
    // A name is put together anew for each use, as long as it is.
    context.charge(owner.name.length + name.length, 1)
    return context.resolve(owner.module, `${owner.name}.${name}`, false)
  }
  // Of a class, and only to be called by a partial that has named arguments.
  if (isPlain && name === '__new__' && owner instanceof PickledGlobal) {
    refuseUnsafe(owner, fail)
    return new PickledGlobal(owner.module, `${owner.name}.__new__`)
  }
  const text = `The file asks Python for getattr(${describeValue(owner)}, ${describeValue(name)}), which is how attacks reach functions`
  throw fail('TORCH_CHECKPOINT_UNSAFE', text)
}

/** Splits a dotted name of attributes, as long as one may be: a few bytes of a pickle can name a remembered text. */
function attributesOf(name: string, { limits, fail, work }: Construction): string[] {
  if (name.length > limits.lineBytes) throw pastLimit(fail, limits, 'lineBytes', `A name has ${name.length} characters`)
  work(name.length / CHARACTERS_PER_STEP)
  return name.split('.')
}

/** Characters that are split at dots, or looked up, while a machine does one instruction. */
const CHARACTERS_PER_STEP = 4

/** `type(None)` is how Python writes NoneType. With three arguments it makes a class, which no checkpoint needs. */
function typeOf(args: readonly CheckpointValue[], { fail }: Construction): CheckpointValue {
  const [value = null] = args
  if (args.length > 1) {
    throw fail('TORCH_CHECKPOINT_UNSAFE', 'The file asks Python to make a class, which is how attacks hide functions')
  }
  if (value === null) return new PickledGlobal('types', 'NoneType')
  return new PickledObject({ module: 'builtins', name: 'type' }, args)
}

/** `attrgetter` and `methodcaller` hold names of attributes, which must not lead out of what they are applied to. */
function byAttribute(callable: string): Constructor {
  return (args, context) => {
    const names = args.filter((arg) => typeof arg === 'string')
    if (!names.some((name) => leadsOut(attributesOf(name, context))))
      return new PickledObject({ module: 'operator', name: callable }, args)
    const text = `The file asks Python for the attribute ${describeValue(names[0])}, which is how attacks reach functions`
    throw context.fail('TORCH_CHECKPOINT_UNSAFE', text)
  }
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
