import { TorchError } from '../errors.js'
import { scope } from '../scope.js'
import { decodeImage } from '../vision/decode.js'
import type { Image } from '../vision/image.js'
import type { Samples } from './oip/samples.js'
import type { ServedModel } from './served_model.js'
import type { Tracing } from './tracing.js'

/** How a request is to be treated. */
export interface Call {
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal
  /** In the time of `performance.now()`. */
  readonly deadline: number
  /** As Triton has it: 1 is the most urgent, then 2 and so on; 0 is the usual. */
  readonly priority: number
}

/** Where the time of a request went; of several samples, the longest. */
export interface Timing {
  readonly samples: number
  readonly preprocessMs: number
  readonly queueMs: number
  readonly inferMs: number
  /** Samples in the batch in which it was computed. */
  readonly batchSize: number
}

/** What was computed, a row of logits for each sample. */
export interface Inference {
  readonly logits: readonly Float32Array[]
  readonly timing: Timing
}

/** Priorities of the usual requests, in Triton's counting. */
const USUAL_PRIORITY = 2

/**
 * Prepares and computes the samples of a request, each in whatever batch it meets. If one fails, the others are taken back.
 *
 * @throws {TorchError} `TORCH_DEADLINE`, `TORCH_QUEUE_FULL`, `TORCH_IMAGE`; the reason of the signal.
 */
export async function infer(
  model: ServedModel,
  samples: Samples,
  call: Call,
  { maxPixels, tracing }: { readonly maxPixels: number; readonly tracing: Tracing },
): Promise<Inference> {
  const works = worksOf(samples, maxPixels)
  const failed = new AbortController()
  // Of both only where there are several: one needs no company to be taken back.
  const signal = works.length === 1 ? call.signal : AbortSignal.any([call.signal, failed.signal])
  const results = await Promise.all(
    works.map((work) =>
      inferOne(model, work, { ...call, signal }, tracing).catch((error: unknown) => {
        failed.abort(error)
        throw error
      }),
    ),
  )
  const longest = (key: keyof Omit<Timing, 'samples'>): number =>
    results.reduce((most, { timing }) => Math.max(most, timing[key]), 0)
  return {
    logits: results.map(({ output }) => output),
    timing: {
      samples: works.length,
      preprocessMs: longest('preprocessMs'),
      queueMs: longest('queueMs'),
      inferMs: longest('inferMs'),
      batchSize: longest('batchSize'),
    },
  }
}

/** A sample, or how to come by the image that becomes one. */
type Work = Float32Array | (() => Promise<Image>)

function worksOf(samples: Samples, maxPixels: number): readonly Work[] {
  switch (samples.kind) {
    case 'tensors':
      return samples.tensors
    case 'pixels':
      return samples.images.map((image) => () => Promise.resolve(image))
    case 'encoded':
      return samples.files.map((file) => () => decodeImage(file, { maxPixels }))
  }
}

async function inferOne(model: ServedModel, work: Work, call: Call, tracing: Tracing) {
  const { signal, deadline, priority } = call
  const begin = performance.now()
  const check = (): void => {
    signal.throwIfAborted()
    if (performance.now() >= deadline) {
      throw new TorchError('TORCH_DEADLINE', 'The deadline passed before the request was begun')
    }
  }
  check()
  let gateMs = 0
  let preprocessMs = 0
  let sample: Float32Array
  if (typeof work === 'function') {
    sample = await model.gate.pass(check, async () => {
      const start = performance.now()
      gateMs = start - begin
      const { preset } = model.classifier
      const prepared = await tracing.child('preprocess', () =>
        scope(async () => (await preset.apply(await work())).toFloat32Array()),
      )
      preprocessMs = performance.now() - start
      return prepared
    })
    check()
  } else sample = work
  const options = { signal, deadlineMs: deadline - performance.now(), priority: -(priority || USUAL_PRIORITY) }
  const { output, queueMs, inferMs, batchSize } = await tracing.child('infer', () =>
    model.scheduler.infer(sample, options),
  )
  return { output, timing: { preprocessMs, queueMs: queueMs + gateMs, inferMs, batchSize } }
}
