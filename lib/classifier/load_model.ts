import { loadCheckpoint } from '../checkpoint/load.js'
import { TorchError } from '../util/errors.js'
import { createModel } from '../models/create.js'
import { detectArchitecture, type Architecture } from '../models/detect.js'
import type { Module } from '../nn/module.js'

/** How {@link loadModel} finds a model. */
export interface LoadModelOptions {
  /** Where the state dict lies in the file. */
  readonly key?: string | undefined
  /** Take the weights of a whole pickled module. Default: `false`. */
  readonly wholeModule?: boolean | undefined
  /** Refuses every other architecture. */
  readonly arch?: string | undefined
}

/** A model that is ready to answer, and what it is. */
export interface LoadedModel {
  readonly model: Module
  readonly architecture: Architecture
  /** Where the state dict lies in the file; `''` if it is the whole file. */
  readonly source: string
}

/**
 * Builds the model of a checkpoint in eval mode, on the CPU, in float32 and in channels-last layout, which is the faster one
 * for convolutions there.
 *
 * @throws {TorchError} `TORCH_ARCHITECTURE` if it is not the one that was asked for, or none that is known.
 */
export async function loadModel(
  checkpoint: string | Uint8Array,
  { key, wholeModule, arch }: LoadModelOptions = {},
): Promise<LoadedModel> {
  const state = await loadCheckpoint(checkpoint, { key, wholeModule, stripPrefix: true })
  try {
    const architecture = detectArchitecture(state)
    if (arch !== undefined && architecture.name !== arch) {
      const name = typeof checkpoint === 'string' ? checkpoint : 'the checkpoint'
      const message = `Expected the architecture ${arch} in ${name}, found ${architecture.name}`
      throw new TorchError('TORCH_ARCHITECTURE', message)
    }
    const model = createModel(architecture, { skipInit: true }).eval()
    try {
      model.loadStateDict(state)
      model.to({ dtype: 'float32', memoryFormat: 'channels_last' })
    } catch (error) {
      model.dispose()
      throw error
    }
    return { model, architecture, source: state.source ?? '' }
  } finally {
    state.dispose()
  }
}
