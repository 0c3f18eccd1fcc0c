import { type Answer, TorchError, type TorchErrorCode } from 'napi-torch'
import { lookAhead } from 'napi-torch/internal'
import type { ChunkResult, Features } from './chunk_files.js'
import { BEGUN_AT_A_TIME } from './limits.js'
import type { Manifest } from './manifest.js'
import type { ImageOpener } from './open_image.js'
import { answerRow, errorRow, type ErrorRow, type ResultRow } from './rows.js'

/** What a chunk needs of a `Classifier`. */
export interface ChunkModel {
  classify(image: string | Uint8Array, options: { readonly topK: number }): Promise<readonly Answer[]>
  features(image: string | Uint8Array): Promise<Float32Array>
  close(): Promise<void>
}

/** Faults of an image: it ends as a row, and the chunk goes on. All others are of the machine. */
const OF_THE_IMAGE: readonly TorchErrorCode[] = [
  'TORCH_FILE',
  'TORCH_IMAGE',
  'TORCH_SOURCE_REFUSED',
  'TORCH_INVALID_ARGUMENT',
]

/** How {@link computeChunk} goes about it. */
export interface ComputeOptions {
  readonly manifest: Pick<Manifest, 'task' | 'topK'>
  readonly images: readonly string[]
  readonly model: ChunkModel
  readonly opener: ImageOpener
  /** What may pass is then a fault of the image: there is no further attempt. */
  readonly isLastAttempt: boolean
  /** Positions of images that end as rows without being looked at. */
  readonly blamed?: ReadonlySet<number> | undefined
  /** Take one image at a time, and call this before each. */
  readonly onNext?: ((position: number) => Promise<void>) | undefined
  /** Called when an image is answered, or not. */
  readonly onImage?: (() => void) | undefined
}

/** The row of an image, and its features. */
interface Outcome {
  readonly row: ResultRow
  readonly vector: Float32Array | null
}

/**
 * Answers the images of a chunk, several at a time. An image that cannot be used ends as a row with the code of the reason.
 *
 * @throws {TorchError} `TORCH_SOURCE_UNAVAILABLE` for what may pass, and whatever is no fault of an image. What is under way is waited for.
 */
export async function computeChunk(options: ComputeOptions): Promise<ChunkResult> {
  const { manifest, images, model, opener, isLastAttempt, blamed, onNext, onImage } = options
  const answer = async (path: string): Promise<Outcome> => {
    if (manifest.task === 'features') {
      const vector = await opener.use(path, (source) => model.features(source))
      return { row: { path, features: vector.length }, vector }
    }
    const answers = await opener.use(path, (source) => model.classify(source, { topK: manifest.topK }))
    return { row: answerRow(path, answers), vector: null }
  }
  const work = async ([position, path]: readonly [number, string]): Promise<Outcome> => {
    try {
      if (blamed?.has(position) === true) return { row: blamedRow(path), vector: null }
      await onNext?.(position)
      return await answer(path)
    } catch (error) {
      if (!(error instanceof TorchError) || !isOfTheImage(error, isLastAttempt)) throw error
      return { row: errorRow(path, error), vector: null }
    } finally {
      onImage?.()
    }
  }
  const outcomes: Outcome[] = []
  const limit = onNext === undefined ? BEGUN_AT_A_TIME : 1
  for await (const outcome of lookAhead(images.entries(), work, { limit })) outcomes.push(outcome)
  return {
    rows: outcomes.map(({ row }) => row),
    features: manifest.task === 'features' ? join(outcomes.map(({ vector }) => vector)) : null,
  }
}

function isOfTheImage({ code }: TorchError, isLastAttempt: boolean): boolean {
  return OF_THE_IMAGE.includes(code) || (isLastAttempt && code === 'TORCH_SOURCE_UNAVAILABLE')
}

function blamedRow(path: string): ErrorRow {
  return errorRow(
    path,
    new TorchError('TORCH_STALLED', `${path}: Was in hand each time that a worker died of its chunk`),
  )
}

/** Puts vectors below each other; those that are missing are NaN. */
function join(vectors: readonly (Float32Array | null)[]): Features {
  const length = vectors.find((vector) => vector !== null)?.length ?? 0
  const values = new Float32Array(vectors.length * length).fill(NaN)
  for (const [row, vector] of vectors.entries()) if (vector !== null) values.set(vector, row * length)
  return { values, length }
}
