import {
  type Architecture,
  compile,
  decodeImage,
  type Device,
  type Engine,
  type EngineDType,
  ImagePreset,
  type PresetName,
  TorchError,
} from 'napi-torch'
import { findRecipe, loadModel, PRESETS } from 'napi-torch/internal'
import { TINY_PNG } from './openapi/examples.js'

// All that the server knows of how a checkpoint becomes something that answers.

export { PRESETS }

/** Which checkpoint, and how it is compiled. */
export interface LoadClassifierOptions {
  readonly checkpoint: string
  readonly key?: string | undefined
  readonly wholeModule?: boolean | undefined
  readonly preset?: PresetName | undefined
  readonly labels?: string | undefined
  readonly threads?: number | undefined
  readonly maxBatchSize: number
  readonly maxDelayMs: number
  readonly maxQueueSize: number
  readonly maxQueueBytes: number
  readonly dtype: EngineDType
  readonly device: Device
}

/** A checkpoint that is compiled and has run once. The engine belongs to the caller. */
export interface LoadedClassifier {
  readonly engine: Engine
  readonly architecture: Architecture
  readonly preset: ImagePreset
  readonly presetName: string
  readonly labels: readonly string[] | null
}

/** Loads, compiles and warms up a checkpoint, and finds how its images are prepared and its classes are called. */
export async function loadClassifier(options: LoadClassifierOptions): Promise<LoadedClassifier> {
  const { checkpoint, key, wholeModule, preset, labels, ...engineOptions } = options
  const { model, architecture } = await loadModel(checkpoint, { key, wholeModule })
  try {
    const recipe = await findRecipe(checkpoint, architecture, { preset, labels })
    const { preset: chosen } = recipe
    // Settings can name nothing else.
    if (!(chosen instanceof ImagePreset)) throw new TypeError('The preset is none of this package')
    const input = chosen.shape
    // The first image should not wait for the decoder to be opened.
    await decodeImage(Buffer.from(TINY_PNG, 'base64'))
    const engine = await compile(model, { input, ...engineOptions })
    if (engine.outputShape.length !== 1) {
      await engine.close()
      throw new TorchError('TORCH_ARCHITECTURE', `${checkpoint}: Expected a classifier, whose output is (N, classes)`)
    }
    return { engine, architecture, ...recipe, preset: chosen }
  } finally {
    model.dispose()
  }
}
