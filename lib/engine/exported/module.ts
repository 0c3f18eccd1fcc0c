import type { Program } from '../../checkpoint/pt2/program.js'
import { failure } from '../../checkpoint/failure.js'
import { isTensor } from '../../nn/checks.js'
import { Module } from '../../nn/module.js'
import { Parameter } from '../../nn/parameter.js'
import type { StateDict } from '../../tensor/state_dict.js'
import type { Tensor } from '../../tensor/tensor.js'
import { expected, quote } from '../../util/check.js'
import { isFloatingPoint } from '../../util/dtype.js'
import { TorchError } from '../../util/errors.js'
import { finish } from '../../util/slices.js'
import { bindInputs } from './inputs.js'
import type { Steps, RunValues } from './steps.js'

/** Modules in modules. Stops a key of a million points. */
const MAX_DEPTH = 32

/** Modules of a program. */
const MAX_PARTS = 50_000

/** A module of the model that was exported: it holds parameters, and its name stands in errors and explanations. */
export class ExportedPart extends Module<unknown> {
  #body: () => unknown = () => undefined

  constructor() {
    super()
    this.training = false
  }

  override forward(): unknown {
    return this.#body()
  }

  /** Runs `body` as this module's `forward`. */
  callIn<T>(body: () => T): T {
    this.#body = body
    return this.forward() as T
  }
}

/** What an {@link ExportedModule} is made of. */
export interface ExportedModuleParts {
  readonly program: Program
  readonly steps: Steps
  /** Tensors of the program by their keys. */
  readonly tensors: StateDict
  readonly path: string | undefined
}

/**
 * An exported program of one input and one output as a module: it can be called, compiled and quantized like one that was
 * written in TypeScript. Its parameters and buffers have the keys that they had in Python. **It is in eval mode for good.**
 */
export class ExportedModule extends Module {
  readonly #program: Program
  readonly #steps: Steps
  readonly #state: RunValues = new Map()
  readonly #parts = new Map<string, ExportedPart>()

  constructor({ program, steps, tensors, path }: ExportedModuleParts) {
    super()
    this.training = false
    this.#program = program
    this.#steps = steps
    const held = new Map<string, Tensor>()
    for (const [key, tensor] of tensors) {
      try {
        held.set(key, this.#hold(key, tensor, program))
      } catch (cause) {
        throw failure('TORCH_CHECKPOINT_CORRUPT', { path }, `${quote(key)} cannot be the key of a tensor`, cause)
      }
    }
    for (const spec of program.inputs) {
      if (spec.kind === 'user' || spec.kind === 'literal') continue
      const tensor = held.get(spec.key)
      if (tensor !== undefined) this.#state.set(spec.name, tensor)
    }
  }

  /**
   * Computes the output for a batch.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless the program takes one tensor and gives one, and `input` is for it.
   */
  override forward(input: Tensor): Tensor {
    const { inputs, outputs } = this.#program
    const given = inputs.filter(({ kind }) => kind === 'user')
    const results = outputs.filter(({ changes }) => changes === null)
    if (given.length !== 1 || results.length !== 1) {
      const text = `The program takes ${given.length} inputs and gives ${results.length} outputs: use run() for other than one`
      throw new TorchError('TORCH_INVALID_ARGUMENT', text)
    }
    const values = bindInputs(this.#program, input)
    const [output] = finish(this.#steps.run(this.withState(values), (module, body) => this.#callIn(module, body)))
    if (!isTensor(output)) throw new TorchError('TORCH_INVALID_ARGUMENT', 'The program gives no tensor')
    return output
  }

  /** @throws {TorchError} `TORCH_INVALID_ARGUMENT` for training mode: the program was exported for inference. */
  override train(mode = true): this {
    if (mode) throw expected('false', 'mode of an exported program', mode)
    return this
  }

  /** Adds the program's own tensors to the inputs of a run. */
  withState(values: RunValues): RunValues {
    for (const [name, tensor] of this.#state) values.set(name, tensor)
    return values
  }

  #callIn<T>(module: string, body: () => T): T {
    const part = this.#parts.get(module)
    return part === undefined ? body() : part.callIn(body)
  }

  #hold(key: string, tensor: Tensor, { weights }: Program): Tensor {
    const at = key.lastIndexOf('.')
    const owner = at < 0 ? this : this.#part(key.slice(0, at))
    const name = key.slice(at + 1)
    const stored = weights.get(key)
    if (stored?.isParameter === true) {
      const requiresGrad = stored.requiresGrad && isFloatingPoint(tensor.dtype)
      const parameter = new Parameter(tensor, { requiresGrad })
      tensor.dispose()
      owner.registerParameter(name, parameter)
      return parameter
    }
    owner.registerBuffer(name, tensor, { persistent: stored !== undefined })
    return tensor
  }

  #part(path: string): ExportedPart {
    const known = this.#parts.get(path)
    if (known !== undefined) return known
    const names = path.split('.', MAX_DEPTH + 1)
    if (names.length > MAX_DEPTH || this.#parts.size >= MAX_PARTS)
      throw expected('fewer modules', 'the program', names.length)
    const at = path.lastIndexOf('.')
    const parent = at < 0 ? this : this.#part(path.slice(0, at))
    const part = new ExportedPart()
    parent.registerModule(path.slice(at + 1), part)
    this.#parts.set(path, part)
    return part
  }
}
