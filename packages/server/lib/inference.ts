import type { DecodeOptions, Image } from 'napi-torch'
import { decodeFile, freeImage, inferInBatch } from 'napi-torch/internal'
import { checkWanted, type Call } from './admission.js'
import type { BodyShare } from './body_budget.js'
import type { ResponseCache, SampleContent } from './response_cache.js'
import type { Samples } from './oip/samples.js'
import type { ServedModel } from './served_model.js'
import type { Tracing } from './tracing.js'

/** How long the parts of a request took; of several samples, the longest. */
export interface Timing {
  readonly samples: number
  readonly preprocessMs: number
  readonly queueMs: number
  readonly inferMs: number
  /** Samples in the batch in which it was computed; 0 where the result was kept. */
  readonly batchSize: number
}

/** The result of a request: a row of logits for each sample. */
export interface Inference {
  readonly logits: readonly Float32Array[]
  readonly timing: Timing
}

/** Options of {@link infer}. */
export interface InferenceOptions {
  readonly maxPixels: number
  readonly tracing: Tracing
  /** Where the memory of decoded images is taken from. */
  readonly share: BodyShare
  /** Results of earlier samples; null where none are kept. */
  readonly cache: ResponseCache | null
}

/**
 * Prepares and computes the samples of a request, each in the next batch that has room. If one fails, the others are taken back.
 *
 * @throws {TorchError} `TORCH_DEADLINE`, `TORCH_QUEUE_FULL`, `TORCH_IMAGE`; the reason of the signal.
 */
export async function infer(
  model: ServedModel,
  samples: Samples,
  call: Call,
  { maxPixels, tracing, share, cache }: InferenceOptions,
): Promise<Inference> {
  const sources = sourcesOf(samples, { maxPixels, exifOrientation: model.classifier.exifOrientation }, share)
  const failed = new AbortController()
  // A lone sample has no others to take back.
  const signal = sources.length === 1 ? call.signal : AbortSignal.any([call.signal, failed.signal])
  const results = await Promise.all(
    sources.map((source, index) => {
      const compute = (): Promise<Row> => inferOne(model, source, { ...call, signal }, tracing)
      const row = cache === null ? compute() : cache.find(model, contentOf(samples, index), compute)
      return row.catch((error: unknown) => {
        failed.abort(error)
        throw error
      })
    }),
  )
  const longest = (key: keyof Omit<Timing, 'samples'>): number =>
    results.reduce((most, { timing }) => Math.max(most, timing?.[key] ?? 0), 0)
  return {
    logits: results.map(({ output }) => output),
    timing: {
      samples: sources.length,
      preprocessMs: longest('preprocessMs'),
      queueMs: longest('queueMs'),
      inferMs: longest('inferMs'),
      batchSize: longest('batchSize'),
    },
  }
}

/** The sample at `index` as it was received. */
function contentOf(samples: Samples, index: number): SampleContent {
  const bytesOf = (array: Float32Array | Uint8Array | undefined): Uint8Array =>
    array === undefined ? new Uint8Array() : new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
  switch (samples.kind) {
    case 'tensors':
      return { kind: 'tensor', bytes: bytesOf(samples.tensors[index]) }
    case 'pixels': {
      const { data, height, width } = samples.images[index] ?? { height: 0, width: 0 }
      return { kind: `pixels ${height} ${width}`, bytes: bytesOf(data) }
    }
    case 'encoded':
      return { kind: 'file', bytes: bytesOf(samples.files[index]) }
  }
}

/** A sample that is ready, or a function that calls another one with the image for it, which is gone afterwards. */
type Source = Float32Array | ((prepare: (image: Image) => Promise<unknown>) => Promise<unknown>)

function sourcesOf(samples: Samples, options: DecodeOptions, share: BodyShare): readonly Source[] {
  switch (samples.kind) {
    case 'tensors':
      return samples.tensors
    case 'pixels':
      return samples.images.map((image) => (prepare) => prepare(image))
    case 'encoded':
      return samples.files.map((file) => async (prepare) => {
        let taken = 0
        const admit = (bytes: number): void => {
          share.take(bytes)
          taken = bytes
        }
        try {
          const image = await decodeFile(file, 'image', { ...options, admit })
          await prepare(image)
          freeImage(image)
        } finally {
          share.give(taken)
        }
      })
  }
}

/** The result for one sample. */
interface Row {
  readonly output: Float32Array
  readonly timing: Omit<Timing, 'samples'>
}

async function inferOne(model: ServedModel, source: Source, call: Call, tracing: Tracing): Promise<Row> {
  const arrivedAt = performance.now()
  checkWanted(call)
  if (typeof source !== 'function') return compute(model, source, call, tracing)
  return model.admission.begin(call, async (sample) => {
    const { startedAt, preprocessMs } = await model.admission.decode(async () => {
      checkWanted(call)
      const startedAt = performance.now()
      await tracing.child('preprocess', () => source((image) => model.classifier.preset.applyInto(image, sample)))
      return { startedAt, preprocessMs: performance.now() - startedAt }
    })
    checkWanted(call)
    const { output, timing } = await compute(model, sample, call, tracing)
    return { output, timing: { ...timing, preprocessMs, queueMs: timing.queueMs + startedAt - arrivedAt } }
  })
}

async function compute(model: ServedModel, sample: Float32Array, call: Call, tracing: Tracing): Promise<Row> {
  const queuedAt = performance.now()
  const options = { signal: call.signal, deadlineMs: model.admission.waitMs(call), priority: call.priority }
  const { output, batch } = await tracing.child('infer', () => inferInBatch(model.classifier.engine, sample, options))
  const queueMs = Math.max(0, batch.startedAt - queuedAt)
  return { output, timing: { preprocessMs: 0, queueMs, inferMs: batch.computeMs, batchSize: batch.size } }
}
