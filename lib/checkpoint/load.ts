import { checkBoolean, checkOptions, expected } from '../util/check.js'
import { scope } from '../util/scope.js'
import type { FileInput } from '../util/file_input.js'
import { StateDict } from '../tensor/state_dict.js'
import type { Tensor } from '../tensor/tensor.js'
import { findStateDict, type FoundStateDict } from './state_dict/find.js'
import type { CheckpointLimits } from './limits.js'
import { readCheckpoint } from './read.js'
import type { FoldableTensor } from './state_dict/fold.js'
import { StoredTensor } from './stored.js'
import { stripPrefixOf } from './state_dict/strip_prefix.js'
import { checkElementType, materialize, type MaterializeOptions } from './materialize.js'

/** Options of {@link loadCheckpoint}. */
export interface LoadCheckpointOptions {
  /** Where the state dict lies in the file, such as `ema` or `model.state_dict`. Default: it is found by itself. */
  readonly key?: string | undefined
  /**
   * Take a module that was pickled as a whole for its state dict: its parameters and buffers are read out of its
   * attributes, and nothing of its code is run. Default: `false`, such a checkpoint is refused.
   */
  readonly wholeModule?: boolean | undefined
  /**
   * What to take away from the front of every key that begins with it, such as `module.`; `true` takes away what
   * DataParallel, torch.compile and Lightning put before every key. Default: nothing.
   */
  readonly stripPrefix?: string | boolean | undefined
  /** Map the file instead of reading it: its pages are read when touched and shared between processes. Default: `false`. */
  readonly mmap?: boolean | undefined
  /** Limits other than the defaults. */
  readonly limits?: Partial<CheckpointLimits> | undefined
}

/**
 * Loads the state dict of a checkpoint that `torch.save` wrote: a bare one, or one inside a training checkpoint, where
 * `source` of the result says which was chosen. Follows `torch.load(weights_only=True)`; nothing of the file is run.
 *
 * The tensors are on the CPU and belong to the caller: dispose the result when a module has copied them. Those that
 * shared memory in Python share it here. With `mmap` the file must not be changed while they live.
 *
 * @param file - A path, a `file:` URL, bytes, a `Blob`, a `Response`, or a stream of bytes.
 * @throws {CheckpointError} `TORCH_FILE`, `TORCH_CHECKPOINT_FORMAT`, `TORCH_CHECKPOINT_CORRUPT`,
 * `TORCH_CHECKPOINT_UNSAFE`, `TORCH_CHECKPOINT_UNSUPPORTED` or `TORCH_CHECKPOINT_LIMIT`; nothing is left alive.
 */
export async function loadCheckpoint(file: FileInput, options: LoadCheckpointOptions = {}): Promise<StateDict> {
  checkOptions('options', options, ['key', 'wholeModule', 'stripPrefix', 'mmap', 'limits'])
  const { key, wholeModule = false, stripPrefix = false, mmap = false, limits } = options
  checkBoolean('mmap', mmap)
  checkBoolean('wholeModule', wholeModule)
  if (typeof stripPrefix !== 'string' && typeof stripPrefix !== 'boolean') {
    throw expected('a string or a boolean', 'stripPrefix', stripPrefix)
  }
  const checkpoint = await readCheckpoint(file, { limits })
  const place = { path: checkpoint.path ?? undefined }
  return loadFound(stripPrefixOf(findStateDict(checkpoint, { key, wholeModule, limits }), stripPrefix, place), { mmap })
}

/** A state dict to load: its tensors are in the file, or computed from some that are. */
export type LoadableStateDict = Omit<FoundStateDict, 'tensors' | 'skipped'> & {
  readonly tensors: ReadonlyMap<string, FoldableTensor>
}

/** Loads a state dict that was found in a checkpoint, as {@link loadCheckpoint} does. */
export async function loadFound(
  found: LoadableStateDict,
  { mmap }: MaterializeOptions = { mmap: false },
): Promise<StateDict> {
  for (const [name, tensor] of found.tensors) {
    for (const input of inputsOf(tensor)) checkElementType(input, `Tensor ${name}`)
  }
  const loaded = await materialize([...found.tensors.values()].flatMap(inputsOf), { mmap })
  const state = new StateDict()
  state.source = found.source
  state.metadata = found.metadata
  let next = 0
  for (const [name, tensor] of found.tensors) {
    const parts = loaded.slice(next, next + inputsOf(tensor).length)
    next += parts.length
    const [only] = parts
    if (tensor instanceof StoredTensor) {
      if (only !== undefined) state.set(name, only)
      continue
    }
    state.set(
      name,
      scope(() => tensor.compute(parts)),
    )
    for (const part of parts) part.dispose()
  }
  return state
}

function inputsOf(tensor: FoldableTensor): readonly StoredTensor[] {
  return tensor instanceof StoredTensor ? [tensor] : tensor.inputs
}

/** Options of {@link loadTensors}. */
export interface LoadTensorsOptions {
  /** As in {@link LoadCheckpointOptions}. Default: `false`. */
  readonly mmap?: boolean | undefined
}

/**
 * Reads tensors that {@link readCheckpoint} found, in the same order. Those that shared memory in Python share it here,
 * if they are asked for together. They are on the CPU and belong to the caller.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_UNSUPPORTED` for an element type outside `DTYPES`; `TORCH_FILE` or
 * `TORCH_CHECKPOINT_CORRUPT` if the file has changed. Nothing is left alive.
 */
export async function loadTensors(stored: Iterable<StoredTensor>, options: LoadTensorsOptions = {}): Promise<Tensor[]> {
  checkOptions('options', options, ['mmap'])
  const { mmap = false } = options
  checkBoolean('mmap', mmap)
  if (typeof stored !== 'object' || (stored as unknown) === null || !(Symbol.iterator in stored)) {
    throw expected('tensors of readCheckpoint', 'stored', stored)
  }
  const all = [...stored]
  if (!all.every((value) => value instanceof StoredTensor)) throw expected('tensors of readCheckpoint', 'stored', all)
  return materialize(all, { mmap })
}
