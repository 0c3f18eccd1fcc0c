import { checkBoolean, checkOptions, describe, expected } from '../util/check.js'
import type { Device } from '../util/device.js'
import type { DType } from '../util/dtype.js'
import { TorchError } from '../util/errors.js'
import { Signature } from '../util/signature.js'
import { HELD, synchronousScope } from '../util/scope.js'
import { releaseAfter } from '../tensor/release.js'
import { StateDict } from '../tensor/state_dict.js'
import type { Tensor } from '../tensor/tensor.js'
import { zeroGradOf, type ZeroGradOptions } from '../tensor/zero_grad.js'
import { isTensor } from './checks.js'
import { convertTensors, type ModuleToOptions } from './convert.js'
import { locateError } from './error_path.js'
import { Hooks, type ForwardHook, type ForwardPreHook, type RemovableHandle } from './hooks.js'
import {
  loadStateDict,
  type IncompatibleKeys,
  type LoadableState,
  type LoadStateDictOptions,
} from './load_state_dict.js'
import {
  checkMemberName,
  distinct,
  fieldsOf,
  joinPath,
  splitPath,
  withRegistered,
  type DistinctOptions,
  type MemberOptions,
} from './members.js'
import { isParameter, type Parameter } from './parameter.js'
import { moduleRepr } from './repr.js'
import { summarize } from './summary.js'

const REGISTER_BUFFER = new Signature<{ readonly persistent?: boolean | undefined }>(
  'registerBuffer',
  ['name', 'tensor'],
  { persistent: 'name' },
)

interface Buffer {
  readonly tensor: Tensor | null
  readonly persistent: boolean
}

/**
 * Base of all layers and networks: it knows its parameters, buffers and child modules, and gives them PyTorch's keys.
 *
 * **Members.** A field that holds a `Module` or a `Parameter` is a child or parameter under the field's own name, in the
 * order in which the fields are declared; no call is needed. The `register…` methods add members without a field, listed
 * after the fields: use them for buffers, and for names that cannot be fields. A `Tensor` in a field is not part of the state.
 *
 * **Calling.** A subclass defines `forward` as a method. Calling `forward` on an instance, from wherever, runs the forward
 * pre-hooks, that method, and the forward hooks; it is PyTorch's `module(x)`. **All tensors that are made meanwhile are
 * disposed, except the result** (`keep()` saves others); inputs, parameters and buffers are not touched, also where the
 * result is one of them. `forward` is synchronous.
 *
 * Follows `torch.nn.Module`.
 *
 * @typeParam Output What `forward` gives. Default: a tensor.
 */
export abstract class Module<Output = Tensor> implements Disposable {
  /** Whether dropout drops and batch normalization learns: see {@link train}. */
  training = true

  /**
   * Version of the layout of this module's own state, as checkpoints store it: PyTorch's `_version`. A subclass whose
   * layout has changed says so here.
   */
  readonly stateVersion: number = 1

  readonly #modules = new Map<string, Module<unknown>>()
  readonly #parameters = new Map<string, Parameter | null>()
  readonly #buffers = new Map<string, Buffer>()
  readonly #hooks = new Hooks()

  constructor() {
    const forward = this.forward.bind(this)
    const value = (...inputs: Tensor[]): Output => {
      try {
        return synchronousScope(() => this.#hooks.run(this, forward, inputs))
      } catch (error) {
        locateError(error, this, inputs)
        throw error
      }
    }
    Object.defineProperty(this, 'forward', { value, configurable: true, writable: true, enumerable: false })
  }

  /** Computes the output. */
  forward(..._inputs: Tensor[]): Output {
    const text = `Module [${this.constructor.name}] is missing the required "forward" function`
    throw new TorchError('TORCH_INVALID_ARGUMENT', text)
  }

  /** Adds a child, or replaces one that was registered by that name. */
  registerModule(name: string, module: Module<unknown>): void {
    if (!(module instanceof Module))
      throw new TorchError('TORCH_INVALID_ARGUMENT', `${describe(module)} is not a Module subclass`)
    checkMemberName('module', name, this.#isTaken(name, this.#modules))
    this.#modules.set(name, module)
  }

  /** Adds a parameter, or replaces one that was registered by that name; `null` stands for one that is left out. */
  registerParameter(name: string, parameter: Parameter | null): void {
    if (parameter !== null && !isParameter(parameter)) throw expected('a Parameter or null', name, parameter)
    checkMemberName('parameter', name, this.#isTaken(name, this.#parameters))
    this.#parameters.set(name, parameter)
  }

  /** Adds a tensor that is state but is not trained, or replaces one; `null` stands for one that is left out. */
  registerBuffer(
    name: string,
    tensor: Tensor | null,
    options?: {
      /** Part of the state dict. Default: `true`. */
      readonly persistent?: boolean | undefined
    },
  ): void
  registerBuffer(name: string, tensor: Tensor | null, ...given: readonly unknown[]): void {
    const { persistent = true } = REGISTER_BUFFER.read([name, tensor], given)
    if (tensor !== null && !isTensor(tensor)) throw expected('a tensor or null', name, tensor)
    checkMemberName('buffer', name, this.#isTaken(name, this.#buffers))
    this.#buffers.set(name, { tensor, persistent: checkBoolean('persistent', persistent) })
  }

  /**
   * Gives this module's own parameter of that name.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if there is none.
   */
  parameter(name: string): Parameter {
    return this.#ownParameters().get(name) ?? this.#lacks(name)
  }

  /**
   * Gives this module's own buffer of that name.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if there is none.
   */
  buffer(name: string): Tensor {
    return this.#buffers.get(name)?.tensor ?? this.#lacks(name)
  }

  /** Lists the child modules. */
  children(options: DistinctOptions = {}): Module<unknown>[] {
    return this.namedChildren(options).map(([, module]) => module)
  }

  /** Lists the child modules with their names. */
  namedChildren(options: DistinctOptions = {}): [string, Module<unknown>][] {
    return distinct(this.#ownModules(), options)
  }

  /** Lists this module and all below it, each before its children. */
  modules(options: DistinctOptions = {}): Module<unknown>[] {
    return this.namedModules(options).map(([, module]) => module)
  }

  /** Lists this module and all below it with their paths, such as `layer1.0.conv1`; this one's is `''`. */
  namedModules(options: DistinctOptions = {}): [string, Module<unknown>][] {
    return distinct(this.#walk(), options)
  }

  /** Lists the parameters. One that has several names is listed once. */
  parameters(options: MemberOptions = {}): Parameter[] {
    return this.namedParameters(options).map(([, parameter]) => parameter)
  }

  /** Lists the parameters with their paths. */
  namedParameters(options: MemberOptions = {}): [string, Parameter][] {
    return this.#members((module) => module.#ownParameters(), options)
  }

  /** Lists the buffers, those outside the state dict too. */
  buffers(options: MemberOptions = {}): Tensor[] {
    return this.namedBuffers(options).map(([, tensor]) => tensor)
  }

  /** Lists the buffers with their paths. */
  namedBuffers(options: MemberOptions = {}): [string, Tensor][] {
    return this.#members((module) => module.#ownBuffers(), options)
  }

  /**
   * Gives the module at a path such as `layer1.0`; `''` is this one.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if there is none.
   */
  getSubmodule(target: string): Module<unknown> {
    return this.#resolve(target)
  }

  /**
   * Puts a module in the place of the one at a path such as `layer1.0.conv1`; where that is a field, the field is set. The old
   * module is not disposed. Follows `torch.nn.Module.set_submodule`.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if there is no module at the path, or for the path `''`.
   */
  setSubmodule(target: string, module: Module<unknown>): void {
    if (!(module instanceof Module)) throw expected('a module', 'module', module)
    const [path, name] = splitPath(target)
    const parent = this.#resolve(path)
    if (!parent.#ownModules().has(name)) parent.#lacks(name)
    if (Object.hasOwn(parent, name)) Object.assign(parent, { [name]: module })
    else parent.registerModule(name, module)
  }

  /** Gives the parameter at a path such as `layer1.0.conv1.weight`, or throws as {@link getSubmodule} does. */
  getParameter(target: string): Parameter {
    const [path, name] = splitPath(target)
    return this.#resolve(path).parameter(name)
  }

  /** Gives the buffer at a path such as `bn1.running_mean`, or throws as {@link getSubmodule} does. */
  getBuffer(target: string): Tensor {
    const [path, name] = splitPath(target)
    return this.#resolve(path).buffer(name)
  }

  /** Counts the elements of all parameters. */
  parameterCount(
    options: {
      /** Leave frozen parameters out. Default: `false`. */
      readonly trainableOnly?: boolean | undefined
    } = {},
  ): number {
    checkOptions('parameterCount()', options, ['trainableOnly'])
    const { trainableOnly = false } = options
    const counted = this.parameters().filter(({ requiresGrad }) => requiresGrad || !trainableOnly)
    return counted.reduce((count, { numel }) => count + numel, 0)
  }

  /** Puts this module and all below it into training mode, which new modules are in, or with `false` out of it. */
  train(mode = true): this {
    this.training = checkBoolean('mode', mode)
    for (const child of this.children()) child.train(mode)
    return this
  }

  /** Puts this module and all below it into evaluation mode: do so before inference. */
  eval(): this {
    return this.train(false)
  }

  /** Freezes all parameters with `false`, thaws them with `true`. */
  requiresGrad_(requiresGrad = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad_(requiresGrad)
    return this
  }

  /**
   * Takes the gradients of all parameters away, or with `setToNone: false` fills them with zeros. Follows
   * `torch.nn.Module.zero_grad`.
   */
  zeroGrad(options: ZeroGradOptions = {}): void {
    zeroGradOf(this.parameters(), options)
  }

  /** Calls `fn` with all modules below, then with this one. */
  apply(fn: (module: Module<unknown>) => void): this {
    for (const child of this.children()) child.apply(fn)
    fn(this)
    return this
  }

  /**
   * Converts all parameters and buffers in place: those of floats to the dtype, all to the device. Parameters keep their
   * identity. If one cannot be converted, all stay as they are.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the dtype is not one of floats; `TORCH_CUDA_UNAVAILABLE` if the device
   * is CUDA's and there is none.
   */
  to(target: DType | Device | ModuleToOptions): this
  to(...given: readonly unknown[]): this {
    convertTensors([...this.parameters(), ...this.buffers()], given)
    return this
  }

  /** Moves to the CPU. */
  cpu(): this {
    return this.to('cpu')
  }

  /** Moves to a CUDA device. Default: the current one. */
  cuda(index?: number): this {
    return this.to(index === undefined ? 'cuda' : `cuda:${index}`)
  }

  /** Converts floats to float32. */
  float(): this {
    return this.to('float32')
  }

  /** Converts floats to float64. */
  double(): this {
    return this.to('float64')
  }

  /** Converts floats to float16. */
  half(): this {
    return this.to('float16')
  }

  /** Converts floats to bfloat16. */
  bfloat16(): this {
    return this.to('bfloat16')
  }

  /** Gives parameters and persistent buffers by PyTorch's keys. **They are the module's own**: disposing them breaks it. */
  stateDict(): StateDict {
    const state = new StateDict()
    state.metadata = new Map()
    for (const [path, module] of this.#walk()) {
      state.metadata.set(path, new Map([['version', module.stateVersion]]))
      for (const [name, tensor] of module.#ownState()) state.set(joinPath(path, name), tensor)
    }
    return state
  }

  /**
   * Copies the elements of a state dict into this module's tensors, converted to their dtypes. Everything is compared
   * first: **on failure nothing has been changed**, where PyTorch copies what fits.
   *
   * @throws {StateDictError} `TORCH_STATE_DICT` with every missing key, unexpected key and wrong shape, in PyTorch's words;
   * wrong shapes also if not `strict`.
   */
  loadStateDict(state: LoadableState, options?: LoadStateDictOptions): IncompatibleKeys
  loadStateDict(state: LoadableState, ...given: readonly unknown[]): IncompatibleKeys {
    const targets = Array.from(this.#walk(), ([path, module]) => ({
      path,
      state: module.#ownState(),
      children: () => new Set(module.#ownModules().keys()),
      forgivesMissing: (name: string, version: number | null) => module.forgivesMissing(name, version),
    }))
    return loadStateDict(this.constructor.name, targets, state, given)
  }

  /** Calls `hook` before `forward` with the inputs, which it may replace by what it returns. It runs in the scope of the call. */
  registerForwardPreHook(hook: ForwardPreHook<this>): RemovableHandle {
    return this.#hooks.addBefore(hook)
  }

  /** Calls `hook` after `forward` with inputs and output, which it may replace by what it returns. It runs in the scope of the call. */
  registerForwardHook(hook: ForwardHook<this, Output>): RemovableHandle {
    return this.#hooks.addAfter(hook)
  }

  /** Disposes all parameters and buffers; the module cannot be used any more. */
  dispose(): void {
    releaseAfter(() => {
      for (const tensor of [...this.parameters(), ...this.buffers()]) tensor.dispose()
    })
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** What stands between the parentheses when it is printed. A subclass says its options here. */
  extraRepr(): string {
    return ''
  }

  /** Prints the tree of modules as Python does. */
  toString(): string {
    const children = this.namedChildren({ removeDuplicate: false })
    return moduleRepr({
      name: this.constructor.name,
      extra: this.extraRepr(),
      children: children.map(([name, module]) => [name, module.toString()]),
    })
  }

  /**
   * Runs zeros of the given shapes, one for each input, through the module in evaluation mode, and gives a table of the
   * modules that were called: name, class, output shape and own parameters; then totals and memory.
   */
  summary(...inputShapes: readonly (readonly number[])[]): string {
    return summarize(this, inputShapes)
  }

  /** What `console.log` shows. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }

  /** What a scope keeps alive if this is its result. */
  [HELD](): Tensor[] {
    const loose = this.modules().flatMap((module) => fieldsOf(module).map(([, value]) => value))
    return [...this.parameters(), ...this.buffers(), ...loose.filter(isTensor)]
  }

  /**
   * Tells whether a state dict that was saved by an older version of this module may lack an entry; null is no version.
   * A subclass whose layout has changed overrides it.
   */
  protected forgivesMissing(_name: string, _version: number | null): boolean {
    return false
  }

  #ownModules(): Map<string, Module<unknown>> {
    const found = new Map<string, Module<unknown>>()
    for (const [name, value] of fieldsOf(this)) if (value instanceof Module) found.set(name, value)
    return withRegistered(found, this.#modules)
  }

  #ownParameters(): Map<string, Parameter> {
    const found = new Map<string, Parameter>()
    for (const [name, value] of fieldsOf(this)) if (isParameter(value)) found.set(name, value)
    return withRegistered(found, this.#parameters)
  }

  #ownBuffers(isListed: (buffer: Buffer) => boolean = () => true): Map<string, Tensor> {
    const found = new Map<string, Tensor>()
    for (const [name, buffer] of this.#buffers) {
      if (buffer.tensor !== null && isListed(buffer)) found.set(name, buffer.tensor)
    }
    return found
  }

  #ownState(): Map<string, Tensor> {
    return new Map<string, Tensor>([...this.#ownParameters(), ...this.#ownBuffers(({ persistent }) => persistent)])
  }

  *#walk(path = '', above: readonly Module<unknown>[] = []): Generator<[string, Module<unknown>]> {
    if (above.includes(this)) {
      const text = `Module [${this.constructor.name}] contains itself as "${path}"`
      throw new TorchError('TORCH_INVALID_ARGUMENT', text)
    }
    yield [path, this]
    for (const [name, module] of this.#ownModules()) yield* module.#walk(joinPath(path, name), [...above, this])
  }

  #members<T extends Tensor>(
    listOf: (module: Module<unknown>) => ReadonlyMap<string, T>,
    options: MemberOptions,
  ): [string, T][] {
    const { recurse = true, ...rest } = options
    const modules: Iterable<[string, Module<unknown>]> = recurse ? this.namedModules(rest) : [['', this]]
    const members: [string, T][] = []
    for (const [path, module] of modules) {
      for (const [name, member] of listOf(module)) members.push([joinPath(path, name), member])
    }
    return distinct(members, rest)
  }

  #resolve(path: string): Module<unknown> {
    const names = path === '' ? [] : path.split('.')
    return names.reduce<Module<unknown>>((module, name) => module.#ownModules().get(name) ?? module.#lacks(name), this)
  }

  #lacks(name: string): never {
    throw new TorchError('TORCH_INVALID_ARGUMENT', `${this.constructor.name} has no attribute \`${name}\``)
  }

  /** Methods are no obstacle, as registered members are not properties. */
  #isTaken(name: string, registered: ReadonlyMap<string, unknown>): boolean {
    const others = [this.#modules, this.#parameters, this.#buffers].filter((members) => members !== registered)
    return Object.hasOwn(this, name) || others.some((members) => members.has(name))
  }
}
