import type { IncomingHttpHeaders } from 'node:http'

import type { BodyShare } from './body_budget.js'
import type { Exchange, ServerContext } from './context.js'
import { infer, type Inference } from './inference.js'
import type { ParsedRequest } from './parse/parser.js'
import { samplesOf, type Samples } from './oip/samples.js'
import type { ServedModel } from './served_model.js'

/** An inference that a client asks for, whatever it speaks. */
export interface InferenceCall<T> {
  readonly exchange: Exchange
  /** By which the log names it. */
  readonly requestId: string
  /** Those that continue the trace of the caller. */
  readonly headers: IncomingHttpHeaders
  /** Which the caller keeps open. */
  readonly model: ServedModel
  readonly input: Pick<ParsedRequest, 'pack' | 'parsedBytes'> | Samples
  /** How long it may wait, in ms, if not as long as the settings say. */
  readonly timeoutMs: number
  /** As in Triton: 1 is the most urgent, then 2 and so on; 0 is the usual one. */
  readonly priority: number
  /** Makes the response. */
  readonly encode: (inference: Inference) => T | Promise<T>
}

/** What Triton takes 0 for: its levels are 1, the most urgent, to 3. */
const USUAL_PRIORITY = 2

/**
 * Computes the samples of a request, and notes the result in metrics, statistics and traces.
 *
 * @throws {TorchError} The codes of `infer()`, `packInput()` and `samplesOf()`.
 */
export async function runInference<T>(context: ServerContext, call: InferenceCall<T>): Promise<T> {
  const { exchange, model, input, priority, encode } = call
  exchange.model = model.name
  exchange.version = model.version
  const { settings, metrics, tracing, cache } = context
  const statistics = context.statistics(model.name, model.version)
  const attributes = {
    'napi_torch.model': model.name,
    'napi_torch.version': model.version,
    'http.request.id': call.requestId,
  }
  return tracing.request(`infer ${model.name}`, call.headers, attributes, async () => {
    try {
      const samples = 'pack' in input ? await readSamples(input, model, exchange.share) : input
      const { maxPixels } = settings
      const wanted = {
        signal: exchange.abort.signal,
        deadline: exchange.arrivedAt + Math.min(call.timeoutMs, settings.deadlineMs),
        priority: -(priority === 0 ? USUAL_PRIORITY : priority),
      }
      const inference = await infer(model, samples, wanted, { maxPixels, tracing, share: exchange.share, cache })
      const { timing } = inference
      exchange.timing = timing
      const encodedFrom = performance.now()
      const encoded = await encode(inference)
      const now = performance.now()
      metrics.inference(model.name, timing)
      statistics.success(timing, now - exchange.startedAt, now - encodedFrom)
      return encoded
    } catch (error) {
      statistics.fail(performance.now() - exchange.startedAt)
      throw error
    }
  })
}

/** Makes the samples of a request, and gives back the memory of what was parsed for them. */
async function readSamples(
  { pack, parsedBytes }: Pick<ParsedRequest, 'pack' | 'parsedBytes'>,
  { inputLength }: ServedModel,
  share: BodyShare,
): Promise<Samples> {
  const samples = await samplesOf(pack(), inputLength, share)
  share.give(parsedBytes)
  return samples
}
