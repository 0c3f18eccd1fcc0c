import { checkInteger, expected } from '../util/check.js'
import { isPlainObject } from '../util/realm.js'
import type { Tensor } from '../tensor/tensor.js'
import { Module } from './module.js'
import { moduleListRepr } from './repr.js'

/** What {@link Sequential} and {@link ModuleList} share: children in an order, `0`, `1`, ... by default. */
abstract class ModuleSequence<M extends Module<unknown>> extends Module {
  /** Number of modules. */
  get length(): number {
    return this.#entries().length
  }

  [Symbol.iterator](): Iterator<M> {
    return this.#entries()
      .map(([, module]) => module)
      .values()
  }

  /**
   * Gives the module at `index`; a negative one counts from the end.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if there is none.
   */
  at(index: number): M {
    return this.#entryAt(index)[1]
  }

  /** Replaces the module at `index`, which keeps its name; a negative index counts from the end. */
  set(index: number, module: M): this {
    this.registerModule(this.#entryAt(index)[0], module)
    return this
  }

  /** Adds a module at the end. */
  append(module: M): this {
    this.registerModule(String(this.length), module)
    return this
  }

  /** Adds modules at the end. */
  extend(modules: Iterable<M>): this {
    for (const module of modules) this.append(module)
    return this
  }

  /**
   * Puts a module before the one at `index`, and moves the others up.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the modules have names other than `0`, `1`, ...
   */
  insert(index: number, module: M): this {
    const entries = this.#entries()
    if (entries.some(([name], position) => name !== String(position))) {
      throw expected('modules without names', 'insert()', this.constructor.name)
    }
    const modules = entries.map(([, present]) => present)
    modules.splice(position(index, modules.length, modules.length), 0, module)
    modules.forEach((present, place) => this.registerModule(String(place), present))
    return this
  }

  /** Names and modules from `start` to before `end`, as `Array.slice` counts. */
  protected entriesOf(start?: number, end?: number): [string, M][] {
    return this.#entries().slice(start, end)
  }

  #entries(): [string, M][] {
    // A subclass that has fields with modules of another kind deceives only itself.
    return this.namedChildren({ removeDuplicate: false }) as [string, M][]
  }

  #entryAt(index: number): [string, M] {
    const entries = this.#entries()
    const entry = entries[position(index, entries.length, entries.length - 1)]
    if (entry === undefined) throw expected('an index of a module', 'index', index)
    return entry
  }
}

/** Modules by their names, in order. */
export type NamedModules = Iterable<readonly [name: string, module: Module]>

/**
 * Passes its input through modules, one after the other. Follows `torch.nn.Sequential`, **which takes no list**.
 *
 * State keys: those of the modules below `0.`, `1.`, ..., or below the names that are given with them.
 *
 * @example
 * new Sequential(new Conv2d(1, 20, 5), new ReLU())
 * new Sequential([new Conv2d(1, 20, 5), new ReLU()])
 * new Sequential(new Map<string, Module>([['conv1', new Conv2d(1, 20, 5)], ['relu1', new ReLU()]]))
 */
export class Sequential extends ModuleSequence<Module> {
  constructor(...modules: Module[])
  constructor(modules: Iterable<Module>)
  constructor(modules: NamedModules)
  constructor(...modules: readonly unknown[]) {
    super()
    const [first] = modules
    if (isPlainObject(first)) throw expected('modules', 'Sequential', first, 'new Sequential(Object.entries(modules))')
    const members: Iterable<unknown> = modules.length === 1 && isList(first) ? first : modules
    let index = 0
    for (const member of members) {
      const [name, module] = Array.isArray(member) ? (member as readonly unknown[]) : [String(index), member]
      // What is no name or no module is refused there.
      this.registerModule(name as string, module as Module)
      index++
    }
  }

  override forward(input: Tensor): Tensor {
    let output = input
    for (const module of this) output = module.forward(output)
    return output
  }

  /** Gives the modules from `start` to before `end`, shared and under their names, as a Sequential. */
  slice(start?: number, end?: number): Sequential {
    return new Sequential(new Map(this.entriesOf(start, end)))
  }
}

/**
 * Holds modules in a list, for a `forward` that says how they are called. Follows `torch.nn.ModuleList`.
 *
 * State keys: those of the modules below `0.`, `1.`, ...
 */
export class ModuleList<M extends Module<unknown> = Module> extends ModuleSequence<M> {
  constructor(modules?: Iterable<M>)
  constructor(...given: readonly unknown[]) {
    super()
    const [modules = []] = given
    if (!isList(modules) || given.length > 1) {
      throw expected(
        'one list of modules',
        'ModuleList',
        isList(modules) ? given[1] : modules,
        'new ModuleList([a, b])',
      )
    }
    this.extend(modules as Iterable<M>)
  }

  /** Gives the modules from `start` to before `end`, shared and counted from 0, as a ModuleList. */
  slice(start?: number, end?: number): ModuleList<M> {
    return new ModuleList(this.entriesOf(start, end).map(([, module]) => module))
  }

  override toString(): string {
    return moduleListRepr(
      this.constructor.name,
      Array.from(this, (module) => module.toString()),
    )
  }
}

function isList(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value && !(value instanceof Module)
}

/** Turns an index, negative from the end, into a place from 0 to `last`. */
function position(index: number, length: number, last: number): number {
  const place = checkInteger('index', index) < 0 ? index + length : index
  if (place < 0 || place > last) throw expected(`an index from ${-length} to ${last}`, 'index', index)
  return place
}
