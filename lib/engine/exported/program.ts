import { inGradMode } from '../../libtorch/grad_mode.js'
import type { Program, Tree } from '../../checkpoint/pt2/program.js'
import { failure } from '../../checkpoint/failure.js'
import { checkSignal } from '../../util/abort.js'
import { checkOptions } from '../../util/check.js'
import { TorchError } from '../../util/errors.js'
import { HELD, scope } from '../../util/scope.js'
import { Slices } from '../../util/slices.js'
import type { StateDict } from '../../tensor/state_dict.js'
import type { Tensor } from '../../tensor/tensor.js'
import { compile } from '../compile.js'
import type { CompileOptions } from '../compile_options.js'
import type { Engine } from '../engine.js'
import { bindInputs, type ExportedInputs } from './inputs.js'
import { ExportedModule } from './module.js'
import { assemble, type ExportedOutput } from './outputs.js'
import { signatureOf, type ExportedSignature } from './signature.js'
import { Steps } from './steps.js'

/** Options of {@link ExportedProgram.run}. */
export interface ExportedRunOptions {
  /** Ends the run between two operators; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link ExportedProgram.compile}. */
export type ExportedCompileOptions = Omit<CompileOptions, 'input'> & {
  /** Shape of one sample. Default: that of the program's input, if only the size of its batches is dynamic. */
  readonly input?: readonly number[] | undefined
}

/**
 * A model that was exported in Python by `torch.export` and is run here, without Python: a graph of ATen operators and its
 * weights. Made by `loadExportedProgram()`; dispose it when it is no longer needed.
 */
export class ExportedProgram implements Disposable {
  /** What it takes and gives. */
  readonly signature: ExportedSignature
  /** Version of PyTorch that exported it. */
  readonly torchVersion: string
  /** The operators of its graph, and how often each stands in it. */
  readonly operators: ReadonlyMap<string, number>
  /** The program as a module, for one input and one output: what `compile()` and `quantize()` take. */
  readonly module: ExportedModule
  readonly #program: Program
  readonly #steps: Steps

  /** @internal Programs are made by `loadExportedProgram()`. */
  constructor(program: Program, steps: Steps, module: ExportedModule) {
    this.#program = program
    this.#steps = steps
    this.module = module
    this.signature = signatureOf(program)
    this.torchVersion = program.torchVersion
    this.operators = countOperators(program)
  }

  /** Parameters and persistent buffers by their keys in Python. **They are the program's own.** */
  stateDict(): StateDict {
    return this.module.stateDict()
  }

  /**
   * Computes the outputs with the eager operators of libtorch, one after the other; the event loop goes on in between.
   *
   * @param inputs - The arguments of Python's `forward`: a tensor for a single one, an array in their order, or an object by
   * their names ({@link ExportedSignature.arguments}), in which tuples and lists are arrays and dicts are objects. An object
   * may also have the inputs by their own names, such as `pair.0`.
   * @returns What `forward` gives: tuples and lists as arrays, dicts and named tuples as objects, sizes as numbers. The
   * tensors belong to the caller.
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if an input has another dtype or shape than the program was exported for;
   * `TORCH_OPERATOR` with the node at which it happened.
   */
  async run(inputs: ExportedInputs, options: ExportedRunOptions = {}): Promise<ExportedOutput> {
    checkOptions('run()', options, ['signal'])
    const slices = new Slices(checkSignal(options.signal))
    const values = bindInputs(this.#program, inputs)
    return inGradMode('disabled', () =>
      scope(async () => {
        const outputs = await slices.run(this.#steps.run(this.module.withState(values)))
        return assemble(this.#program.result, outputs)
      }),
    )
  }

  /**
   * Compiles the program into an {@link Engine}, as `compile()` does a module: with the same passes and kernels. It must take
   * one tensor of floats (N, …) and give one, for any N.
   *
   * @throws {TorchError} `TORCH_TRACE` if it does not, and what `compile()` throws.
   */
  async compile(options: ExportedCompileOptions = {}): Promise<Engine> {
    const input = options.input ?? this.#sample()
    const batch = this.#batchRange()
    const most = Math.min(options.maxBatchSize ?? Infinity, batch[1])
    return compile(this.module, { ...options, input, ...(Number.isFinite(most) ? { maxBatchSize: most } : {}) })
  }

  /** Disposes the tensors of the program. Engines that were made of it go on. */
  dispose(): void {
    this.module.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** What a scope keeps alive if this is its result. */
  [HELD](): Tensor[] {
    return this.module[HELD]()
  }

  /** The shape of a sample, after the size of the batch. */
  #sample(): readonly number[] {
    const { inputs, outputs } = this.signature
    const [input] = inputs
    if (input === undefined || inputs.length !== 1 || outputs.length !== 1) {
      const text = `it takes ${inputs.length} inputs and gives ${outputs.length} outputs, where one of each is expected; run() takes any`
      throw new TorchError('TORCH_TRACE', `Cannot compile the exported program: ${text}`)
    }
    const [, ...sizes] = input.shape
    if (sizes.every((size) => typeof size === 'number')) return sizes
    const text = `${input.name} has the sizes (${input.shape.join(', ')}): pass the shape of a sample as input`
    throw new TorchError('TORCH_INVALID_ARGUMENT', `Cannot compile the exported program: ${text}`)
  }

  /** Smallest and largest size of a batch. */
  #batchRange(): readonly [number, number] {
    const { inputs, ranges } = this.signature
    const size = inputs[0]?.shape[0]
    if (typeof size !== 'number') return (size === undefined ? undefined : ranges[size]) ?? [0, Infinity]
    const text = `it was exported for batches of ${size} alone; in Python: torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim('batch')},))`
    throw new TorchError('TORCH_TRACE', `Cannot compile the exported program: ${text}`)
  }
}

/** Makes a program of what was read and its tensors, which it takes over. */
export function makeProgram(program: Program, tensors: StateDict, path: string | undefined): ExportedProgram {
  checkTrees(program, path)
  const steps = new Steps(program, path)
  return new ExportedProgram(program, steps, new ExportedModule({ program, steps, tensors, path }))
}

function checkTrees({ arguments: declared, result }: Program, path: string | undefined): void {
  const trees = [...declared.map(({ tree }) => tree), result]
  const type = trees.map(foreignType).find((found) => found !== null)
  if (type === undefined || type === null) return
  const text = `The program takes or gives values of the class ${type}, which has no counterpart here: give a dict or a tuple`
  throw failure('TORCH_CHECKPOINT_UNSUPPORTED', { path }, text)
}

function foreignType(tree: Tree): string | null {
  if (tree.kind === 'unsupported') return tree.type
  const below = tree.kind === 'list' ? tree.items : tree.kind === 'dict' ? tree.entries.map(([, item]) => item) : []
  return below.map(foreignType).find((type) => type !== null) ?? null
}

/** Counts the operators of a program, those that stand in it most often first. */
export function countOperators({ nodes }: Pick<Program, 'nodes'>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { target } of nodes) counts.set(target, (counts.get(target) ?? 0) + 1)
  return new Map([...counts].sort(([, one], [, other]) => other - one))
}
