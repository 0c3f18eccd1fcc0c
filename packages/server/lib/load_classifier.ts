import {
  type OutputActivation,
  decodeImage,
  type Device,
  type Engine,
  type EngineDType,
  ImagePreset,
  type ModelArchitecture,
  openModel,
  type PresetName,
  type StemOption,
  TorchError,
  type WeightDType,
  type WinogradTile,
} from 'napi-torch'
import { PRESETS, shorten } from 'napi-torch/internal'
import { TINY_PNG } from './openapi/examples.js'

export { PRESETS }

/** Which checkpoint is loaded, and how it is compiled. */
export interface LoadClassifierOptions {
  readonly checkpoint: string
  readonly key?: string | undefined
  readonly wholeModule?: boolean | undefined
  readonly prefix?: string | undefined
  readonly stem?: StemOption | undefined
  readonly module?: string | undefined
  readonly preset?: PresetName | undefined
  readonly labels?: string | undefined
  readonly activation?: OutputActivation | undefined
  readonly exifOrientation?: boolean | undefined
  readonly invert?: boolean | undefined
  readonly threads?: number | undefined
  readonly maxBatchSize: number
  readonly maxDelayMs: number
  readonly maxQueueSize: number
  readonly maxQueueBytes: number
  readonly dtype: EngineDType
  readonly weights: WeightDType
  readonly winogradTile: WinogradTile
  readonly device: Device
}

/** A checkpoint that is compiled and warmed up. The engine belongs to the caller. */
export interface LoadedClassifier {
  readonly engine: Engine
  readonly architecture: ModelArchitecture
  readonly preset: ImagePreset
  readonly presetName: string
  readonly labels: readonly string[] | null
  readonly activation: OutputActivation
  /** Whether image files are turned as their EXIF or XMP data say. */
  readonly exifOrientation: boolean
}

/**
 * Opens, compiles and warms up the classifier of a checkpoint, with the preset of its images and the names of its classes.
 *
 * @throws {TorchError} `TORCH_ARCHITECTURE` if it is no classifier, and as `openModel` and `compile`. Nothing is left alive.
 */
export async function loadClassifier(options: LoadClassifierOptions): Promise<LoadedClassifier> {
  const { checkpoint, key, wholeModule, prefix, stem, module, preset: name, labels: list, ...rest } = options
  const { activation: chosen, exifOrientation: isTurned, invert, ...engineOptions } = rest
  const images = { preset: name, labels: list, activation: chosen, exifOrientation: isTurned, invert }
  const reading = { key, wholeModule, prefix, stem, module, ...images }
  await using opened = await openModel(checkpoint, reading)
  const { architecture, preset, presetName, labels, activation, exifOrientation } = opened
  if (architecture.numClasses === 0) {
    throw new TorchError('TORCH_ARCHITECTURE', `${shorten(checkpoint)}: Has no head, and so no classes to serve`)
  }
  // The settings can name no other preset.
  if (!(preset instanceof ImagePreset)) throw new TypeError('The preset is not one of this package')
  // Opens the decoder, so that the first image does not wait for it.
  await decodeImage(Buffer.from(TINY_PNG, 'base64'))
  const engine = await opened.createEngine(engineOptions)
  if (engine.outputShape.length !== 1) {
    await engine.close()
    throw new TorchError('TORCH_ARCHITECTURE', `${checkpoint}: Expected a classifier, whose output is (N, classes)`)
  }
  return { engine, architecture, preset, presetName, labels, activation, exifOrientation }
}
