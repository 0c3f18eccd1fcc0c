import type { LoadableStateDict } from '../checkpoint/load.js'
import { moduleFacts, type FileFacts } from '../checkpoint/facts.js'
import { checkLimits } from '../checkpoint/limits.js'
import { findStateDict, type FoundStateDict } from '../checkpoint/state_dict/find.js'
import { readCheckpoint } from '../checkpoint/read.js'
import { foldState, type FoldableTensor } from '../checkpoint/state_dict/fold.js'
import { joinAttention } from '../checkpoint/state_dict/join_attention.js'
import type { Architecture, ModelArchitecture } from '../models/architecture.js'
import type { StemOption } from '../models/recognize/stems.js'
import { recognize } from '../models/recognize/recognize.js'
import { checkOptions, checkString, expected } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import type { FileInput } from '../util/file_input.js'
import { readNetworkConfig } from './network_config.js'
import { selectPreset, type PresetOptions, type SelectedPreset } from './preset.js'

/** How {@link readModel} finds the model in a checkpoint. */
export interface ReadModelOptions extends PresetOptions {
  /** Where the state dict lies in the file, such as `model.ema`. Default: it is searched. */
  readonly key?: string | undefined
  /** Take the weights of a module that was pickled as a whole, without running its code. Default: `false`. */
  readonly wholeModule?: boolean | undefined
  /**
   * Which network is meant, where the state dict holds several: what stands before its keys, such as `student.`. Default: the only
   * one.
   */
  readonly prefix?: string | undefined
  /**
   * Whether a max-pool follows the first convolution: `maxpool` or `no-maxpool`. Needed where the stem is a 3×3 convolution under
   * torchvision's keys, which do not show it. Default: what the architecture has.
   */
  readonly stem?: StemOption | undefined
  /** Refuse a checkpoint of another architecture, such as `resnet18`. Default: accept any that is recognized. */
  readonly arch?: string | undefined
  /**
   * A JavaScript or TypeScript file whose default export builds the model, for an architecture that is not recognized: see
   * `buildModuleFile`. **Its code is run.** Default: the architecture is recognized.
   */
  readonly module?: string | undefined
}

/** What a checkpoint says about its model, apart from the values of its tensors. */
export interface ModelDescription extends SelectedPreset {
  /** Architecture that was recognized from keys and shapes. */
  readonly architecture: ModelArchitecture
  /** Where the state dict lies in the file; `''` if it is the whole file. */
  readonly source: string
  /** Texts that the writer of the file attached: safetensors' `__metadata__`. Null where there are none. */
  readonly metadata: ReadonlyMap<string, string> | null
  /** Keys of the model, each with the key that the file has for it, where they differ by more than the prefix. */
  readonly renamed: ReadonlyMap<string, string>
  /** Keys beside the network's own, which were not used. */
  readonly unused: readonly string[]
}

/** The names of {@link ReadModelOptions}. */
export const READ_MODEL_OPTIONS = [
  'key',
  'wholeModule',
  'prefix',
  'stem',
  'arch',
  'module',
  'preset',
  'labels',
  'activation',
  'exifOrientation',
  'invert',
] as const

/** A description, and the tensors that it describes, still in the file. */
export interface FoundModel {
  readonly description: ModelDescription & { readonly architecture: Architecture }
  /** The state dict of the network alone, under the keys of the model that is built. */
  readonly stored: LoadableStateDict
  /** What the file says about the modules, where it holds more than tensors. */
  readonly facts: FileFacts | null
  /** Paths of modules in the file, each with that in the model. */
  readonly modules: ReadonlyMap<string, string>
  /** The `eps` of the network's LayerNorms; null for the usual one. */
  readonly layerNormEps: number | null
}

/**
 * Reads what a checkpoint says about its model: architecture, preset and labels. It needs no libtorch and reads no tensor, so
 * that a checkpoint that could not be used is refused early.
 *
 * @param file - A path, a `file:` URL, bytes, a `Blob`, a `Response`, or a stream of bytes.
 * @throws {TorchError} `TORCH_ARCHITECTURE` if it is no known model, or not the one that `arch` names; `TORCH_LABELS` if the labels
 * do not fit; `TORCH_INVALID_ARGUMENT`; and what `readCheckpoint` throws.
 */
export async function readModel(file: FileInput, options: ReadModelOptions = {}): Promise<ModelDescription> {
  checkOptions('readModel()', options, READ_MODEL_OPTIONS)
  if (options.module !== undefined)
    throw expected('nothing, as readModel() opens no libtorch,', 'module', options.module)
  return (await findModel(file, options)).description
}

/** Gives what {@link readModel} does, and the tensors, still in the file. Options are not checked for unknown names. */
export async function findModel(
  file: FileInput,
  { key, wholeModule, prefix, stem, arch, ...selection }: ReadModelOptions,
): Promise<FoundModel> {
  if (arch !== undefined) checkString('arch', arch)
  const checkpoint = await readCheckpoint(file)
  const found = findStateDict(checkpoint, { key, wholeModule })
  const tensors = joinAttention(foldState(found.tensors, { path: checkpoint.path ?? undefined }))
  const { architecture, keys, unused } = recognize(tensors, { prefix, stem })
  if (arch !== undefined && architecture.name !== arch) {
    const message = `Expected the architecture ${arch} in ${checkpoint.path ?? 'the checkpoint'}, found ${architecture.name}`
    throw new TorchError('TORCH_ARCHITECTURE', message)
  }
  const facts = moduleFacts(checkpoint, found.source, checkLimits(undefined))
  const layerNormEps = await readNetworkConfig(checkpoint.path, architecture)
  const selected = await selectPreset(checkpoint, architecture, selection)
  const { source } = found
  const renamed = renamings(keys, architecture.prefix)
  const description = { architecture, source, metadata: checkpoint.metadata, renamed, unused, ...selected }
  return { description, stored: renameState(found, tensors, keys), facts, modules: moduleNames(keys), layerNormEps }
}

/** Gives the keys whose names differ by more than the prefix: ours, each with the file's. */
export function renamings(keys: ReadonlyMap<string, string>, prefix: string): Map<string, string> {
  return new Map([...keys].filter(([ours, theirs]) => theirs !== prefix + ours))
}

/**
 * Gives the paths of modules with tensors: theirs, each with ours.
 *
 * @param keys - Keys of the model, each with the key that the file has for it.
 */
export function moduleNames(keys: ReadonlyMap<string, string>): Map<string, string> {
  const parent = (key: string): string => key.slice(0, Math.max(0, key.lastIndexOf('.')))
  return new Map([...keys].map(([ours, theirs]) => [parent(theirs), parent(ours)]))
}

/** Versions of modules go by their old paths: none is kept. */
function renameState(
  { source }: FoundStateDict,
  tensors: ReadonlyMap<string, FoldableTensor>,
  keys: ReadonlyMap<string, string>,
): LoadableStateDict {
  const renamed = new Map<string, FoldableTensor>()
  for (const [ours, theirs] of keys) {
    const tensor = tensors.get(theirs)
    if (tensor !== undefined) renamed.set(ours, tensor)
  }
  return { source, tensors: renamed, metadata: null }
}
