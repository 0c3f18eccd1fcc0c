import { type Prediction, TorchError, type TorchErrorCode } from 'napi-torch'
import { lookAhead, shorten } from 'napi-torch/internal'
import type { ChunkResult, Features } from './chunk_files.js'
import { IMAGES_AT_A_TIME } from './limits.js'
import type { RunManifest } from './manifest.js'
import type { ImageOpener } from './open_image.js'
import { errorRow, predictionRow, type ErrorRow, type ResultRow } from './rows.js'

/** The methods of a `Classifier` that chunks use. */
export interface ChunkModel {
  classify(image: string | Uint8Array, options: { readonly topK: number }): Promise<readonly Prediction[]>
  features(image: string | Uint8Array): Promise<Float32Array>
  close(): Promise<void>
}

/** Errors of an image: it ends as an error row, and the chunk goes on. All other errors are those of the machine. */
const IMAGE_ERRORS: readonly TorchErrorCode[] = [
  'TORCH_FILE',
  'TORCH_IMAGE',
  'TORCH_SOURCE_REFUSED',
  'TORCH_INVALID_ARGUMENT',
]

/** Options of {@link computeChunk}. */
export interface ComputeOptions {
  readonly manifest: Pick<RunManifest, 'task' | 'topK'>
  readonly images: readonly string[]
  readonly model: ChunkModel
  readonly opener: ImageOpener
  /** Whether an error that may pass ends its image as a row: no further attempt will be made. */
  readonly isLastAttempt: boolean
  /** Positions of images that killed workers: they end as error rows without being opened. */
  readonly skipped?: ReadonlySet<number> | undefined
  /** If given, images are computed one at a time, and this is called before each. */
  readonly onNext?: ((position: number) => Promise<void>) | undefined
  /** Called after each image, failed or not. */
  readonly onImage?: (() => void) | undefined
}

/** The row of an image, and its feature vector. */
interface Outcome {
  readonly row: ResultRow
  readonly vector: Float32Array | null
}

/**
 * Computes the images of a chunk, several at a time. An image that cannot be used ends as a row with an error code.
 *
 * @throws {TorchError} `TORCH_SOURCE_UNAVAILABLE` for an error that may pass, and all errors that are not those of an image, after the
 * images that have been started are done.
 */
export async function computeChunk(options: ComputeOptions): Promise<ChunkResult> {
  const { manifest, images, model, opener, isLastAttempt, skipped, onNext, onImage } = options
  const compute = async (path: string): Promise<Outcome> => {
    if (manifest.task === 'features') {
      const vector = await opener.use(path, (source) => model.features(source))
      return { row: { path, features: vector.length }, vector }
    }
    const predictions = await opener.use(path, (source) => model.classify(source, { topK: manifest.topK }))
    return { row: predictionRow(path, predictions), vector: null }
  }
  const work = async ([position, path]: readonly [number, string]): Promise<Outcome> => {
    try {
      if (skipped?.has(position) === true) return { row: poisonRow(path), vector: null }
      await onNext?.(position)
      return await compute(path)
    } catch (error) {
      if (!(error instanceof TorchError) || !isImageError(error, isLastAttempt)) throw error
      return { row: errorRow(path, error), vector: null }
    } finally {
      onImage?.()
    }
  }
  const outcomes: Outcome[] = []
  const limit = onNext === undefined ? IMAGES_AT_A_TIME : 1
  for await (const outcome of lookAhead(images.entries(), work, { limit })) outcomes.push(outcome)
  return {
    rows: outcomes.map(({ row }) => row),
    features: manifest.task === 'features' ? stack(outcomes.map(({ vector }) => vector)) : null,
  }
}

function isImageError({ code }: TorchError, isLastAttempt: boolean): boolean {
  return IMAGE_ERRORS.includes(code) || (isLastAttempt && code === 'TORCH_SOURCE_UNAVAILABLE')
}

function poisonRow(path: string): ErrorRow {
  return errorRow(
    path,
    new TorchError('TORCH_STALLED', `${shorten(path)}: Was being computed each time a worker died on its chunk`),
  )
}

/** Puts the vectors of a chunk into one array; missing ones are NaN. */
function stack(vectors: readonly (Float32Array | null)[]): Features {
  const length = vectors.find((vector) => vector !== null)?.length ?? 0
  const values = new Float32Array(vectors.length * length).fill(NaN)
  for (const [row, vector] of vectors.entries()) if (vector !== null) values.set(vector, row * length)
  return { values, length }
}
