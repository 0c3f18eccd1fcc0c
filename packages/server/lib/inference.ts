import { decodeImage, type Image, TorchError } from 'napi-torch'
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

/** What came of one sample. */
interface Row {
  readonly output: Float32Array
  readonly timing: Omit<Timing, 'samples'>
}

async function inferOne(model: ServedModel, work: Work, call: Call, tracing: Tracing): Promise<Row> {
  const arrivedAt = performance.now()
  const check = (): void => {
    call.signal.throwIfAborted()
    if (performance.now() >= call.deadline) {
      throw new TorchError('TORCH_DEADLINE', 'The deadline passed before the request was begun')
    }
  }
  check()
  if (typeof work !== 'function') return compute(model, work, call, tracing)
  const arrivedInTime = (): void => {
    check()
    // One that is begun and cannot be answered in time takes the place of one that could.
    if (performance.now() + model.pace.reserve(call.deadline - arrivedAt) >= call.deadline) {
      throw new TorchError(
        'TORCH_DEADLINE',
        'The request waited so long that it cannot be answered before its deadline',
      )
    }
  }
  const visitor = { signal: call.signal, priority: rankOf(call), check: arrivedInTime }
  // No more are prepared than will soon be computed: in an overload that would be work for answers that come too late.
  return model.begun.pass(visitor, async () => {
    const begunAt = performance.now()
    const sample = model.samples.take()
    try {
      const { startedAt, preprocessMs } = await model.preparing.use(async () => {
        check()
        const startedAt = performance.now()
        await tracing.child('preprocess', async () => model.classifier.preset.applyInto(await work(), sample))
        return { startedAt, preprocessMs: performance.now() - startedAt }
      })
      check()
      const { output, timing } = await compute(model, sample, call, tracing)
      model.pace.note(performance.now() - begunAt)
      const queueMs = timing.queueMs + startedAt - arrivedAt
      return { output, timing: { ...timing, preprocessMs, queueMs } }
    } finally {
      // Its batch has a copy, even where the call was given up.
      model.samples.give(sample)
    }
  })
}

async function compute(model: ServedModel, sample: Float32Array, call: Call, tracing: Tracing): Promise<Row> {
  const { signal, deadline } = call
  const options = { signal, deadlineMs: deadline - performance.now(), priority: rankOf(call) }
  const { output, ...timing } = await tracing.child('infer', () => model.scheduler.infer(sample, options))
  return { output, timing: { preprocessMs: 0, ...timing } }
}

/** The higher, the more urgent. */
function rankOf({ priority }: Call): number {
  return -(priority || USUAL_PRIORITY)
}
