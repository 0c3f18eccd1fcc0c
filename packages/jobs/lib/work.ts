import { Classifier, type Device, TorchError } from 'napi-torch'
import {
  checkBoolean,
  checkDevice,
  checkOptions,
  checkPositiveInteger,
  checkSignal,
  expected,
} from 'napi-torch/internal'
import { QUEUE_OPTIONS, type QueueOptions } from './job_queue.js'
import { DEFAULT_BATCH_SIZE, DEFAULT_CONCURRENCY, DEFAULT_LOCK_MS } from './limits.js'
import type { ModelSettings } from './manifest.js'
import type { MetricsAddress } from './metrics_server.js'
import { modelDigest } from './model_digest.js'
import { runWorker, type WorkEvent, type WorkSummary } from './run_worker.js'

/** Options of {@link work}. */
export interface WorkOptions extends QueueOptions {
  /** Chunks in hand at a time; their images share batches. Default: {@link DEFAULT_CONCURRENCY}. */
  readonly concurrency?: number | undefined
  /** Threads that compute. Default: as many as one operator may use. */
  readonly threads?: number | undefined
  /** Images that are computed together at most. Default: {@link DEFAULT_BATCH_SIZE}. */
  readonly maxBatchSize?: number | undefined
  /** Default: `cpu`. */
  readonly device?: Device | undefined
  /** Where the checkpoint is on this machine; its SHA-256 is that of the run's, or nothing is computed. Default: where the run says. */
  readonly model?: string | undefined
  /**
   * Folders to which this worker keeps, for images and results, whatever a run allows: who can write to Redis could otherwise
   * make it read and write anywhere. Default: those of the run.
   */
  readonly allowRoot?: readonly string[] | undefined
  /** How long a chunk stays this worker's without word from it, in ms. Default: {@link DEFAULT_LOCK_MS}. */
  readonly lockMs?: number | undefined
  /** End when no chunk is left, of any run. Default: `false`, wait for more. */
  readonly untilDone?: boolean | undefined
  /** Serve figures for Prometheus. Default: none. */
  readonly metrics?: MetricsAddress | undefined
  /** Ends the work: the chunks in hand are finished, no others are taken, and the promise is fulfilled. */
  readonly signal?: AbortSignal | undefined
  /** Told what happens. */
  readonly onEvent?: ((event: WorkEvent) => void) | undefined
}

const WORK_OPTIONS = [
  'concurrency',
  'threads',
  'maxBatchSize',
  'device',
  'model',
  'allowRoot',
  'lockMs',
  'untilDone',
  'metrics',
  'signal',
  'onEvent',
] as const

/** With less, a pause of the garbage collector or of the network looks like a death. */
const SHORTEST_LOCK_MS = 1000

/**
 * Works on the chunks of a queue, with one model in memory, and writes their results. Any number of workers may do so, on any
 * number of machines that see the same folders.
 *
 * @throws {TorchError} `TORCH_REDIS`, `TORCH_INVALID_ARGUMENT`; and, when this machine cannot work on the run of
 * a chunk, `TORCH_RUN` (another model, no folder of results) or what loading its model throws. The chunk goes to another
 * worker.
 */
export async function work(options: WorkOptions = {}): Promise<WorkSummary> {
  checkOptions('work()', options, [...QUEUE_OPTIONS, ...WORK_OPTIONS])
  const { concurrency = DEFAULT_CONCURRENCY, lockMs = DEFAULT_LOCK_MS, untilDone = false, device = 'cpu' } = options
  const { threads, maxBatchSize = DEFAULT_BATCH_SIZE, model, onEvent = () => undefined, ...rest } = options
  checkPositiveInteger('concurrency', concurrency)
  if (threads !== undefined) checkPositiveInteger('threads', threads)
  checkPositiveInteger('maxBatchSize', maxBatchSize)
  if (checkPositiveInteger('lockMs', lockMs) < SHORTEST_LOCK_MS) {
    throw expected(`at least ${SHORTEST_LOCK_MS} ms`, 'lockMs', lockMs)
  }
  checkBoolean('untilDone', untilDone)
  checkDevice('device', device)
  const signal = checkSignal(options.signal)

  const load = (settings: ModelSettings): Promise<Classifier> => {
    return loadClassifier(model ?? settings.path, settings, { device, threads, maxBatchSize })
  }
  const { allowRoot, metrics, redis, queue } = rest
  const settings = { concurrency, lockMs, allowRoot, metrics, untilDone, signal, onEvent, redis, queue }
  return runWorker(settings, load)
}

async function loadClassifier(
  path: string,
  { digest, key, wholeModule, arch, preset, labels, dtype }: ModelSettings,
  machine: Pick<WorkOptions, 'device' | 'threads' | 'maxBatchSize'>,
): Promise<Classifier> {
  if ((await modelDigest(path)) !== digest) {
    const message = `${path}: Is another model than that of the run, or another preset.json lies beside it`
    throw new TorchError('TORCH_RUN', message)
  }
  return Classifier.load(path, { key, wholeModule, arch, preset, labels, dtype, ...machine })
}
