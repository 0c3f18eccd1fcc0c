import { findStateDict, type FoundStateDict } from '../checkpoint/state_dict/find.js'
import { readCheckpoint } from '../checkpoint/read.js'
import { stripPrefixOf } from '../checkpoint/state_dict/strip_prefix.js'
import type { Architecture } from '../models/architecture.js'
import { detectArchitecture } from '../models/detect.js'
import { checkOptions, checkString } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { selectPreset, type PresetOptions, type SelectedPreset } from './preset.js'

/** How {@link readModel} finds the model in a checkpoint. */
export interface ReadModelOptions extends PresetOptions {
  /** Where the state dict lies in the file, such as `model.ema`. Default: it is searched. */
  readonly key?: string | undefined
  /** Take the weights of a module that was pickled as a whole, without running its code. Default: `false`. */
  readonly wholeModule?: boolean | undefined
  /** Refuse a checkpoint of another architecture, such as `resnet18`. Default: accept any that is recognized. */
  readonly arch?: string | undefined
}

/** What a checkpoint says about its model, apart from the values of its tensors. */
export interface ModelDescription extends SelectedPreset {
  /** Architecture that was recognized from keys and shapes. */
  readonly architecture: Architecture
  /** Where the state dict lies in the file; `''` if it is the whole file. */
  readonly source: string
  /** Texts that the writer of the file attached: safetensors' `__metadata__`. Null where there are none. */
  readonly metadata: ReadonlyMap<string, string> | null
}

/** The names of {@link ReadModelOptions}. */
export const READ_MODEL_OPTIONS = ['key', 'wholeModule', 'arch', 'preset', 'labels'] as const

/** A description, and the tensors that it describes, still in the file. */
export interface FoundModel {
  readonly description: ModelDescription
  /** The state dict without the prefix of a wrapper. */
  readonly stored: FoundStateDict
}

/**
 * Reads what a checkpoint says about its model: architecture, preset and labels. It needs no libtorch and reads no tensor, so
 * that a checkpoint that could not be used is refused early.
 *
 * @param file - A path, or the bytes of a file.
 * @throws {TorchError} `TORCH_ARCHITECTURE` if it is no ResNet, or not the one that `arch` names; `TORCH_LABELS` if the labels
 * do not fit; `TORCH_INVALID_ARGUMENT`; and what `readCheckpoint` throws.
 */
export async function readModel(file: string | Uint8Array, options: ReadModelOptions = {}): Promise<ModelDescription> {
  checkOptions('readModel()', options, READ_MODEL_OPTIONS)
  return (await findModel(file, options)).description
}

/** Gives what {@link readModel} does, and the tensors, still in the file. Options are not checked for unknown names. */
export async function findModel(
  file: string | Uint8Array,
  { key, wholeModule, arch, preset, labels }: ReadModelOptions,
): Promise<FoundModel> {
  if (arch !== undefined) checkString('arch', arch)
  const checkpoint = await readCheckpoint(file)
  const place = { path: checkpoint.path ?? undefined }
  const stored = stripPrefixOf(findStateDict(checkpoint, { key, wholeModule }), true, place)
  const architecture = detectArchitecture(stored.tensors)
  if (arch !== undefined && architecture.name !== arch) {
    const message = `Expected the architecture ${arch} in ${checkpoint.path ?? 'the checkpoint'}, found ${architecture.name}`
    throw new TorchError('TORCH_ARCHITECTURE', message)
  }
  const selected = await selectPreset(checkpoint, architecture, { preset, labels })
  const { source } = stored
  return { description: { architecture, source, metadata: checkpoint.metadata, ...selected }, stored }
}
