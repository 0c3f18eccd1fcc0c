import { Budget, TENSOR_BYTES } from '../budget.js'
import { failure, type Fail, type FaultLocation } from '../failure.js'
import { build, newObject, reduce, resolveGlobal, type Construction } from './globals.js'
import { pastLimit, type CheckpointLimits, type LimitName } from '../limits.js'
import { NEWEST_PROTOCOL, OP, opcodeName } from './opcodes.js'
import { PickleInput } from './input.js'
import { INSTRUCTIONS } from './instructions.js'
import { stepsToAdd } from './keys.js'
import { StoredTensor } from '../stored.js'
import { describeValue, type PickledGlobal, PickledObject, PickleTuple, type CheckpointValue } from '../values.js'
import { isMap, isSet } from '../../util/realm.js'

/**
 * What values cost in memory with all that is kept around them, in bytes: what V8 took at most for millions of each, such
 * as dicts and lists of one element, on the stack and then in a list or tuple.
 */
const COSTS = { value: 32, container: 224, entry: 64, bytes: 232, integer: 136, memo: 52 } as const

/** The first protocol that only Python 3 writes: older ones use names of Python 2. */
const FIRST_PYTHON_3 = 3

/** How a pickle is read. */
export interface UnpickleOptions {
  readonly limits: CheckpointLimits
  /** What the file may still cost. Default: that of a file of nothing but this pickle. */
  readonly budget?: Budget | undefined
  /** File and entry, for messages. */
  readonly place: FaultLocation
  /** Byte at which the pickle begins. Default: 0. */
  readonly start?: number
  /** Gives the value that a persistent id stands for: in a checkpoint, a storage. Default: none is allowed. */
  readonly persistentLoad?: (id: CheckpointValue, fail: Fail) => CheckpointValue
}

/** The value of a pickle and the byte after it. */
export interface Unpickled {
  readonly value: CheckpointValue
  readonly end: number
}

/**
 * The state of a pickle that is being read: a stack, its marks and a memo. It can make data and names, and has no way to
 * call or import. Its methods are what the instructions in pickle_instructions.ts are made of.
 */
export class PickleMachine {
  readonly #input: PickleInput
  readonly #place: FaultLocation
  readonly limits: CheckpointLimits
  readonly #persistentLoad: UnpickleOptions['persistentLoad']
  readonly #construction: Construction
  readonly #budget: Budget
  readonly #stack: CheckpointValue[] = []
  /** Heights of the stack at the open marks. */
  readonly #marks: number[] = []
  /** Remembered values by number: picklers count from 0 without a gap, and a map of them would take three times the memory. */
  readonly #memo: CheckpointValue[] = []
  /** Those whose numbers leave a gap. */
  readonly #memoBeyond = new Map<number, CheckpointValue>()
  #protocol = 0
  #opcode = 0
  #opcodeAt = 0
  #opcodes = 0
  #containers = 0
  #tensors = 0
  #memory: number
  /** Copies and what else instructions do beyond their own bytes. */
  #work = 0
  /** Bytes that the budget of the file counts, and the limit of the pickle does not: what dicts keep beside their entries, and what tensors take once they are loaded. */
  #moreMemory = 0
  readonly #memoryLeft: number
  readonly #workLeft: number
  /** Names that were resolved, by module and name: a verdict costs more than the few bytes that ask for it again. */
  readonly #globals = {
    old: new Map<string, Map<string, PickledGlobal>>(),
    new: new Map<string, Map<string, PickledGlobal>>(),
  }

  /** Makes an error at the present instruction. */
  readonly fail: Fail = (code, text) => {
    return failure(code, { ...this.#place, offset: this.#opcodeAt, opcode: opcodeName(this.#opcode) }, text)
  }

  constructor(bytes: Uint8Array, options: UnpickleOptions) {
    const { limits, place, start = 0, persistentLoad } = options
    const budget = options.budget ?? new Budget(limits, bytes.length - start)
    this.#input = new PickleInput(bytes, start, limits, this.fail)
    this.#place = place
    this.limits = limits
    this.#persistentLoad = persistentLoad
    this.#budget = budget
    this.#memoryLeft = budget.memoryLeft
    this.#workLeft = budget.workLeft
    const charge: Construction['charge'] = (count, bytesEach) => this.#charge(count, bytesEach)
    const resolve: Construction['resolve'] = (module, name, isOld) => this.#resolve(module, name, isOld)
    const work: Construction['work'] = (steps) => {
      this.#work += steps
      this.#check()
    }
    this.#construction = { limits, fail: this.fail, charge, work, resolve, sizes: new Map() }
    // Strings and bytes are copied out of the pickle.
    this.#memory = 2 * (bytes.length - start)
  }

  /** Runs up to `budget` instructions; gives the result once the pickle has ended. */
  run(budget: number): Unpickled | undefined {
    const { opcodes, stackDepth, pickleMemory } = this.limits
    for (let left = budget; left > 0; left--) {
      this.#opcodeAt = this.#input.position
      this.#opcode = OP.STOP
      this.#opcode = this.#input.uint8()
      if (++this.#opcodes > opcodes) throw this.#pastLimit('opcodes', `The pickle has ${this.#opcodes} instructions`)
      if (this.#opcode === OP.STOP) return this.#stop()
      this.#step(this.#opcode)
      if (this.#memory > pickleMemory)
        throw this.#pastLimit('pickleMemory', `The pickle takes at least ${this.#memory} bytes of memory`)
      if (this.#memory + this.#moreMemory > this.#memoryLeft || this.#opcodes + this.#work > this.#workLeft)
        this.#settle()
      if (this.#stack.length > stackDepth)
        throw this.#pastLimit('stackDepth', `The stack has ${this.#stack.length} values`)
    }
    return undefined
  }

  #step(opcode: number): void {
    const instruction = INSTRUCTIONS[opcode]
    if (instruction === undefined) {
      throw this.fail('TORCH_CHECKPOINT_CORRUPT', `Expected a pickle instruction, found byte ${opcodeName(opcode)}`)
    }
    instruction(this, this.#input)
  }

  #stop(): Unpickled {
    const [value] = this.popMany(1)
    if (value === undefined || this.#stack.length > 0 || this.#marks.length > 0) {
      throw this.fail('TORCH_CHECKPOINT_CORRUPT', `The pickle ends with ${this.#stack.length} unused values`)
    }
    this.#settle()
    return { value, end: this.#input.position }
  }

  /** Takes what the pickle has cost out of the budget of the file. */
  #settle(): void {
    this.#budget.takeMemory(this.#memory + this.#moreMemory, this.fail)
    this.#budget.takeWork(this.#opcodes + this.#work, this.fail)
  }

  protocol(version: number): void {
    this.#protocol = version
    if (version <= NEWEST_PROTOCOL) return
    throw this.fail(
      'TORCH_CHECKPOINT_UNSUPPORTED',
      `Expected a pickle protocol of 0 to ${NEWEST_PROTOCOL}, found ${version}`,
    )
  }

  /** Frames only help Python to read ahead; a length that cannot be true is a sign of damage. */
  frame(length: number): void {
    if (length <= this.#input.size - this.#input.position) return
    throw this.fail('TORCH_CHECKPOINT_CORRUPT', `The pickle is truncated: a frame of ${length} bytes runs past its end`)
  }

  mark(): void {
    this.#marks.push(this.#stack.length)
    if (this.#marks.length > this.limits.marks) throw this.#pastLimit('marks', `${this.#marks.length} marks are open`)
  }

  push(value: CheckpointValue): void {
    this.#memory += COSTS.value
    this.#stack.push(value)
  }

  /** Pushes a value that the pickle spells out, of any length: bytes and large integers are objects of their own. */
  pushSpelled(value: string | Uint8Array | number | bigint | boolean): void {
    if (typeof value === 'bigint') this.#memory += COSTS.integer
    else if (typeof value === 'object') this.#memory += COSTS.bytes
    this.push(value)
  }

  pushContainer(value: CheckpointValue): void {
    if (++this.#containers > this.limits.containers) {
      throw this.#pastLimit('containers', `The pickle makes ${this.#containers} containers`)
    }
    this.#memory += COSTS.container
    this.push(value)
  }

  /** The top of the stack, above the last open mark. */
  top(): CheckpointValue {
    const top = this.#stack.length > (this.#marks.at(-1) ?? 0) ? this.#stack.at(-1) : undefined
    if (top === undefined) throw this.fail('TORCH_CHECKPOINT_CORRUPT', 'Expected a value on the stack, which is empty')
    return top
  }

  popMany(count: number): CheckpointValue[] {
    const from = this.#stack.length - count
    if (from < (this.#marks.at(-1) ?? 0)) {
      throw this.fail('TORCH_CHECKPOINT_CORRUPT', `Expected ${count} values on the stack, which has fewer`)
    }
    return this.#stack.splice(from)
  }

  popMark(): CheckpointValue[] {
    const from = this.#marks.pop()
    if (from === undefined) throw this.fail('TORCH_CHECKPOINT_CORRUPT', 'Expected an open mark, found none')
    return this.#stack.splice(from)
  }

  /** As Python does, takes an open mark for a value. */
  drop(): void {
    if (this.#marks.at(-1) === this.#stack.length) this.#marks.pop()
    else this.popMany(1)
  }

  append(items: readonly CheckpointValue[]): void {
    const target = this.top()
    if (target instanceof PickledObject) {
      target.items ??= []
      for (const item of items) target.items.push(item)
    } else if (Array.isArray(target) && !(target instanceof PickleTuple)) {
      for (const item of items) target.push(item)
    } else {
      throw this.fail('TORCH_CHECKPOINT_CORRUPT', `Expected a list to append to, found ${describeValue(target)}`)
    }
  }

  setItemsOfTop(items: readonly CheckpointValue[]): void {
    const target = this.top()
    if (target instanceof PickledObject) {
      target.entries = this.setItems(target.entries ?? new Map(), items)
    } else if (isMap(target)) {
      this.setItems(target, items)
    } else {
      throw this.fail('TORCH_CHECKPOINT_CORRUPT', `Expected a dict to set entries of, found ${describeValue(target)}`)
    }
  }

  setItems<M extends Map<CheckpointValue, CheckpointValue>>(target: M, items: readonly CheckpointValue[]): M {
    for (let index = 0; index < items.length; index += 2) {
      const key = items[index]
      const value = items[index + 1]
      if (key === undefined || value === undefined) {
        throw this.fail('TORCH_CHECKPOINT_CORRUPT', `Expected pairs of key and value, found ${items.length} values`)
      }
      this.#moreMemory += COSTS.entry
      this.#work += stepsToAdd(key, target.size)
      this.#check()
      target.set(key, value)
    }
    return target
  }

  addItemsOfTop(items: readonly CheckpointValue[]): void {
    const target = this.top()
    if (!isSet(target)) {
      throw this.fail('TORCH_CHECKPOINT_CORRUPT', `Expected a set to add to, found ${describeValue(target)}`)
    }
    this.addItems(target, items)
  }

  addItems(target: Set<CheckpointValue>, items: readonly CheckpointValue[]): Set<CheckpointValue> {
    for (const item of items) {
      this.#moreMemory += COSTS.entry
      this.#work += stepsToAdd(item, target.size)
      this.#check()
      target.add(item)
    }
    return target
  }

  memoIndex(): number {
    const line = this.#input.line()
    if (!/^\d{1,10}$/.test(line))
      throw this.fail('TORCH_CHECKPOINT_CORRUPT', 'Expected the number of a remembered value')
    return Number(line)
  }

  remember(index: number): void {
    // Python's pickler counts from 0, and its reader too takes memory for all numbers below.
    if (index >= this.limits.memoEntries) {
      throw this.#pastLimit('memoEntries', `The pickle remembers a value as number ${index}`)
    }
    this.#memory += COSTS.memo
    if (index > this.#memo.length) {
      this.#memoBeyond.set(index, this.top())
    } else {
      this.#memo[index] = this.top()
      this.#memoBeyond.delete(index)
    }
    const size = this.#memoSize
    if (size > this.limits.memoEntries) throw this.#pastLimit('memoEntries', `The pickle remembers ${size} values`)
  }

  memoize(): void {
    this.remember(this.#memoSize)
  }

  get #memoSize(): number {
    return this.#memo.length + this.#memoBeyond.size
  }

  recall(index: number): void {
    const value = index < this.#memo.length ? this.#memo[index] : this.#memoBeyond.get(index)
    if (value === undefined) throw this.fail('TORCH_CHECKPOINT_CORRUPT', `Nothing was remembered as number ${index}`)
    this.push(value)
  }

  global(module: string, name: string): void {
    this.pushContainer(this.#resolve(module, name, this.#protocol < FIRST_PYTHON_3))
  }

  stackGlobal([module, name]: readonly CheckpointValue[]): void {
    if (typeof module === 'string' && typeof name === 'string') {
      this.global(module, name)
      return
    }
    const found = `${describeValue(module)} and ${describeValue(name)}`
    throw this.fail('TORCH_CHECKPOINT_CORRUPT', `Expected the names of a module and a class, found ${found}`)
  }

  reduce([callable, args]: readonly CheckpointValue[]): void {
    this.#pushConstructed(reduce(callable, args, this.#construction))
  }

  newObjectWithNames([type, args, kwargs]: readonly CheckpointValue[]): void {
    if (!(args instanceof PickleTuple) || !isMap(kwargs)) {
      throw this.fail('TORCH_CHECKPOINT_CORRUPT', 'Expected a tuple and a dict of arguments')
    }
    this.#pushConstructed(newObject(type, args, kwargs.size === 0 ? null : kwargs, this.#construction))
  }

  object([type, ...args]: readonly CheckpointValue[]): void {
    this.#pushConstructed(newObject(type, args, null, this.#construction))
  }

  instance(module: string, name: string): void {
    const args = this.popMark()
    this.#pushConstructed(
      newObject(this.#resolve(module, name, this.#protocol < FIRST_PYTHON_3), args, null, this.#construction),
    )
  }

  /** The strings of a name that is asked for again are the same, and their places in a Map known: only the first time costs more. */
  #resolve(module: string, name: string, isOld: boolean): PickledGlobal {
    const globals = this.#globals[isOld ? 'old' : 'new']
    const names = globals.get(module)
    const known = names?.get(name)
    if (known !== undefined) return known
    const { limits, fail } = this
    const global = resolveGlobal(module, name, { isOld, limits, fail })
    this.#moreMemory += COSTS.memo + 2 * (module.length + name.length)
    if (names === undefined) globals.set(module, new Map([[name, global]]))
    else names.set(name, global)
    return global
  }

  #pushConstructed(value: CheckpointValue): void {
    if (value instanceof StoredTensor) {
      if (++this.#tensors > this.limits.tensors) {
        throw this.#pastLimit('tensors', `The checkpoint has ${this.#tensors} tensors`)
      }
      this.#moreMemory += TENSOR_BYTES
    }
    this.pushContainer(value)
  }

  build([state = null]: readonly CheckpointValue[]): void {
    build(this.top(), state, this.#construction)
  }

  persistent([id = null]: readonly CheckpointValue[]): void {
    if (this.#persistentLoad === undefined) {
      throw this.fail('TORCH_CHECKPOINT_CORRUPT', 'Refers to data outside of the pickle, which has none')
    }
    this.push(this.#persistentLoad(id, this.fail))
  }

  #charge(count: number, bytesEach: number = COSTS.value): void {
    this.#memory += count * bytesEach
    this.#work += (count * bytesEach) / COSTS.value
    this.#check()
  }

  #check(): void {
    if (this.#opcodes + this.#work > this.#workLeft || this.#memory + this.#moreMemory > this.#memoryLeft)
      this.#settle()
  }

  #pastLimit(name: LimitName, what: string): Error {
    return pastLimit(this.fail, this.limits, name, what)
  }
}
