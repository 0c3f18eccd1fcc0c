import { checkInteger, expected } from '../util/check.js'
import type { DType } from '../util/dtype.js'
import { isMap, isPlainObject } from '../util/realm.js'
import type { Tensor } from '../tensor/tensor.js'
import { Module } from './module.js'
import { isParameter, Parameter } from './parameter.js'

/** Values by their names, in order: an object, a map, or pairs. */
export type Named<T> = Readonly<Record<string, T>> | Iterable<readonly [name: string, value: T]>

/** The names that PyTorch has for types of tensors. */
const TYPE_NAMES: Readonly<Record<DType, string>> = {
  ...{ float32: 'Float', float64: 'Double', float16: 'Half', bfloat16: 'BFloat16', int8: 'Char', int16: 'Short' },
  ...{ int32: 'Int', int64: 'Long', uint8: 'Byte', bool: 'Bool' },
}

/**
 * Holds modules by name, for a `forward` that says how they are called. Follows `torch.nn.ModuleDict`, **from which nothing can be
 * taken out**.
 *
 * State keys: those of the modules below their names.
 */
export class ModuleDict<M extends Module<unknown> = Module> extends Module {
  constructor(modules: Named<M> = []) {
    super()
    this.update(modules)
  }

  /** Number of modules. */
  get size(): number {
    return this.entries().length
  }

  [Symbol.iterator](): Iterator<[string, M]> {
    return this.entries().values()
  }

  /**
   * Gives the module of a name.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if there is none.
   */
  get(name: string): M {
    const found = this.entries().find(([key]) => key === name)
    if (found === undefined) throw expected(`one of ${this.keys().join(', ')}`, 'name', name)
    return found[1]
  }

  has(name: string): boolean {
    return this.keys().includes(name)
  }

  /** Adds a module, or replaces the one of that name, which keeps its place. */
  set(name: string, module: M): this {
    this.registerModule(name, module)
    return this
  }

  /** Adds or replaces modules by their names. */
  update(modules: Named<M>): this {
    for (const [name, module] of pairsOf('modules', modules)) this.set(name, module)
    return this
  }

  /** Names of the modules, in order. */
  keys(): string[] {
    return this.entries().map(([name]) => name)
  }

  /** The modules, in order. */
  values(): M[] {
    return this.entries().map(([, module]) => module)
  }

  /** The modules with their names, in order. */
  entries(): [string, M][] {
    return this.namedChildren({ removeDuplicate: false }) as [string, M][]
  }
}

/**
 * Holds parameters in a list. A tensor becomes a parameter. Follows `torch.nn.ParameterList`, **which holds anything there**.
 *
 * State keys: `0`, `1`, ...
 */
export class ParameterList extends Module {
  constructor(values: Iterable<Tensor> = []) {
    super()
    this.extend(values)
  }

  /** Number of parameters. */
  get length(): number {
    return this.#list().length
  }

  [Symbol.iterator](): Iterator<Parameter> {
    return this.#list().values()
  }

  /**
   * Gives the parameter at `index`; a negative one counts from the end.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if there is none.
   */
  at(index: number): Parameter {
    const parameter = this.#list().at(checkInteger('index', index))
    const { length } = this
    if (parameter === undefined) throw expected(`an index from ${-length} to ${length - 1}`, 'index', index)
    return parameter
  }

  /** Replaces the parameter at `index`; a negative one counts from the end. */
  set(index: number, value: Tensor): this {
    this.at(index)
    this.registerParameter(String(index < 0 ? index + this.length : index), asParameter(value))
    return this
  }

  /** Adds a parameter at the end. */
  append(value: Tensor): this {
    this.registerParameter(String(this.length), asParameter(value))
    return this
  }

  /** Adds parameters at the end. */
  extend(values: Iterable<Tensor>): this {
    for (const value of values) this.append(value)
    return this
  }

  override extraRepr(): string {
    const lines = this.#list().map((parameter, index) =>
      describeParameter(index, parameter, `torch.${parameter.dtype}`),
    )
    return lines.join('\n')
  }

  #list(): Parameter[] {
    return this.namedParameters({ recurse: false, removeDuplicate: false }).map(([, parameter]) => parameter)
  }
}

/**
 * Holds parameters by name. A tensor becomes a parameter. Follows `torch.nn.ParameterDict`, **which holds anything there, and from
 * which nothing can be taken out here**.
 *
 * State keys: the names.
 */
export class ParameterDict extends Module {
  constructor(values: Named<Tensor> = []) {
    super()
    this.update(values)
  }

  /** Number of parameters. */
  get size(): number {
    return this.entries().length
  }

  [Symbol.iterator](): Iterator<[string, Parameter]> {
    return this.entries().values()
  }

  /**
   * Gives the parameter of a name.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if there is none.
   */
  get(name: string): Parameter {
    return this.parameter(name)
  }

  has(name: string): boolean {
    return this.keys().includes(name)
  }

  /** Adds a parameter, or replaces the one of that name, which keeps its place. */
  set(name: string, value: Tensor): this {
    this.registerParameter(name, asParameter(value))
    return this
  }

  /** Adds or replaces parameters by their names. */
  update(values: Named<Tensor>): this {
    for (const [name, value] of pairsOf('values', values)) this.set(name, value)
    return this
  }

  /** Names of the parameters, in order. */
  keys(): string[] {
    return this.entries().map(([name]) => name)
  }

  /** The parameters, in order. */
  values(): Parameter[] {
    return this.entries().map(([, parameter]) => parameter)
  }

  /** The parameters with their names, in order. */
  entries(): [string, Parameter][] {
    return this.namedParameters({ recurse: false, removeDuplicate: false })
  }

  override extraRepr(): string {
    const lines = this.entries().map(([name, parameter]) => {
      const device = parameter.device === 'cpu' ? '' : 'cuda.'
      return describeParameter(name, parameter, `torch.${device}${TYPE_NAMES[parameter.dtype]}Tensor`)
    })
    return lines.join('\n')
  }
}

function asParameter(value: Tensor): Parameter {
  return isParameter(value) ? value : new Parameter(value)
}

function describeParameter(key: string | number, { shape, device }: Parameter, type: string): string {
  const where = device === 'cpu' ? '' : ` (${device.replace('cuda:', 'GPU ')})`
  return `  (${key}): Parameter containing: [${type} of size ${shape.join('x')}${where}]`
}

function pairsOf<T>(name: string, given: Named<T>): Iterable<readonly [string, T]> {
  if (isMap(given)) return given as ReadonlyMap<string, T>
  if (isPlainObject(given)) return Object.entries(given)
  if (!Array.isArray(given)) throw expected('an object, a map, or an array of pairs', name, given)
  return given as readonly (readonly [string, T])[]
}
