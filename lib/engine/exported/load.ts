import { failure } from '../../checkpoint/failure.js'
import type { CheckpointLimits } from '../../checkpoint/limits.js'
import { loadFound } from '../../checkpoint/load.js'
import { readCheckpoint } from '../../checkpoint/read.js'
import { checkBoolean, checkOptions } from '../../util/check.js'
import type { FileInput } from '../../util/file_input.js'
import { makeProgram, type ExportedProgram } from './program.js'
import { Steps } from './steps.js'

/** Options of {@link loadExportedProgram}. */
export interface LoadExportedProgramOptions {
  /** Map the file instead of reading it: its pages are read when touched and shared between processes. Default: `false`. */
  readonly mmap?: boolean | undefined
  /** Limits other than the defaults. */
  readonly limits?: Partial<CheckpointLimits> | undefined
}

/**
 * Loads a `.pt2` file: a model with its graph, as `torch.export.save(torch.export.export(model, inputs), file)` writes it in
 * PyTorch 2.13. Nothing of the file is code, and nothing of it is run as code: its graph names operators of libtorch,
 * which are looked up and checked here. The tensors are on the CPU. Follows `torch.export.load`.
 *
 * Operators of a higher order (`torch.cond`), custom ones, those that draw random numbers, and programs that change their own
 * parameters or buffers are refused by name.
 *
 * @example
 * using program = await loadExportedProgram('model.pt2')
 * const output = await program.run({ tokens: tensor([[1, 5, 2]], { dtype: 'int64' }) })
 *
 * @param file - A path, a `file:` URL, bytes, a `Blob`, a `Response`, or a stream of bytes.
 * @throws {CheckpointError} `TORCH_FILE`, `TORCH_CHECKPOINT_FORMAT` if it is another kind of file, `TORCH_CHECKPOINT_CORRUPT`,
 * `TORCH_CHECKPOINT_UNSUPPORTED` or `TORCH_CHECKPOINT_LIMIT`; nothing is left alive.
 */
export async function loadExportedProgram(
  file: FileInput,
  options: LoadExportedProgramOptions = {},
): Promise<ExportedProgram> {
  checkOptions('options', options, ['mmap', 'limits'])
  const { mmap = false, limits } = options
  checkBoolean('mmap', mmap)
  const { program, path, format } = await readCheckpoint(file, { limits })
  const place = path ?? undefined
  if (program === undefined) {
    const text = `Is a checkpoint (${format}), expected a program of torch.export.save`
    throw failure('TORCH_CHECKPOINT_FORMAT', { path: place }, text)
  }
  // What cannot be run is refused before its weights are read.
  new Steps(program, place)
  const tensors = new Map([...program.weights, ...program.constants])
  const state = await loadFound({ source: '', tensors, metadata: null }, { mmap })
  try {
    return makeProgram(program, state, place)
  } catch (error) {
    state.dispose()
    throw error
  }
}
