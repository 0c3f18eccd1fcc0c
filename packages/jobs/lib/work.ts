import { Classifier, type Device, TorchError } from 'napi-torch'
import {
  checkBoolean,
  checkDevice,
  checkOptions,
  checkPositiveInteger,
  checkSignal,
  expected,
  shorten,
} from 'napi-torch/internal'
import { QUEUE_OPTIONS, type QueueOptions } from './job_queue.js'
import { DEFAULT_BATCH_SIZE, DEFAULT_CONCURRENCY, DEFAULT_LOCK_MS } from './limits.js'
import type { RunModel } from './manifest.js'
import type { MetricsAddress } from './metrics_server.js'
import { fileDigest, modelDigest } from './model_digest.js'
import { runWorker, type WorkEvent, type WorkSummary } from './run_worker.js'

/** Options of {@link work}. */
export interface WorkOptions extends QueueOptions {
  /** Chunks that are computed at a time; their images share batches. Default: {@link DEFAULT_CONCURRENCY}. */
  readonly concurrency?: number | undefined
  /** Threads that compute. Default: the number of threads that one operator may use. */
  readonly threads?: number | undefined
  /** Maximum number of images that are computed together. Default: {@link DEFAULT_BATCH_SIZE}. */
  readonly maxBatchSize?: number | undefined
  /** Default: `cpu`. */
  readonly device?: Device | undefined
  /** Path of the checkpoint on this machine; its SHA-256 must be that of the run. Default: the path in the run. */
  readonly model?: string | undefined
  /**
   * JavaScript or TypeScript file that builds the models of runs that were submitted with one; its SHA-256 must be that of the run. No run
   * can name another: **its code is run.** Default: such runs are refused.
   */
  readonly module?: string | undefined
  /**
   * The only folders that this worker reads and writes, whatever a run allows: anyone who can write to Redis could otherwise make it
   * read and write anywhere. Default: those of the run.
   */
  readonly allowRoot?: readonly string[] | undefined
  /** Time without a renewal after which another worker takes a chunk over, in ms, at least 1000. Default: {@link DEFAULT_LOCK_MS}. */
  readonly lockMs?: number | undefined
  /** End when no chunk of any run is left. Default: `false`, wait for more. */
  readonly untilDone?: boolean | undefined
  /** Serve metrics for Prometheus at this address. Default: none. */
  readonly metrics?: MetricsAddress | undefined
  /** Stops the worker: it finishes its chunks, takes no others, and the promise is fulfilled. */
  readonly signal?: AbortSignal | undefined
  /** Called for each event of the worker. */
  readonly onEvent?: ((event: WorkEvent) => void) | undefined
}

const WORK_OPTIONS = [
  'concurrency',
  'threads',
  'maxBatchSize',
  'device',
  'model',
  'module',
  'allowRoot',
  'lockMs',
  'untilDone',
  'metrics',
  'signal',
  'onEvent',
] as const

/** With a shorter lock, a pause of the garbage collector or of the network would look like the death of the worker. */
const MIN_LOCK_MS = 1000

/**
 * Computes the chunks of a queue, with one model in memory, and writes their results. Any number of workers can run at the same time,
 * on any number of machines that see the same folders.
 *
 * @throws {TorchError} `TORCH_REDIS`, `TORCH_INVALID_ARGUMENT`; and, if this machine cannot work on a run, `TORCH_RUN`
 * (another model, no folder of results) or what loading the model throws. The chunk then goes to another worker.
 */
export async function work(options: WorkOptions = {}): Promise<WorkSummary> {
  checkOptions('work()', options, [...QUEUE_OPTIONS, ...WORK_OPTIONS])
  const { concurrency = DEFAULT_CONCURRENCY, lockMs = DEFAULT_LOCK_MS, untilDone = false, device = 'cpu' } = options
  const { threads, maxBatchSize = DEFAULT_BATCH_SIZE, model, module, onEvent = () => undefined, ...rest } = options
  checkPositiveInteger('concurrency', concurrency)
  if (threads !== undefined) checkPositiveInteger('threads', threads)
  checkPositiveInteger('maxBatchSize', maxBatchSize)
  if (checkPositiveInteger('lockMs', lockMs) < MIN_LOCK_MS) {
    throw expected(`at least ${MIN_LOCK_MS} ms`, 'lockMs', lockMs)
  }
  checkBoolean('untilDone', untilDone)
  checkDevice('device', device)
  const signal = checkSignal(options.signal)

  const load = (settings: RunModel): Promise<Classifier> => {
    return loadClassifier(model ?? settings.path, settings, { device, threads, maxBatchSize, module })
  }
  const { allowRoot, metrics, redis, queue } = rest
  const settings = { concurrency, lockMs, allowRoot, metrics, untilDone, signal, onEvent, redis, queue }
  return runWorker(settings, load)
}

async function loadClassifier(
  path: string,
  {
    digest,
    key,
    wholeModule,
    prefix,
    stem,
    arch,
    module: moduleDigest,
    preset,
    labels,
    activation,
    exifOrientation,
    invert,
    dtype,
  }: RunModel,
  { module: file, ...machine }: Pick<WorkOptions, 'device' | 'threads' | 'maxBatchSize' | 'module'>,
): Promise<Classifier> {
  if ((await modelDigest(path)) !== digest) {
    const message = `${shorten(path)}: Is not the model of the run, or not beside the same preset.json`
    throw new TorchError('TORCH_RUN', message)
  }
  const module = moduleDigest === undefined ? undefined : await checkModule(file, moduleDigest)
  const reading = { key, wholeModule, prefix, stem, arch, module, preset, labels, activation, exifOrientation, invert }
  return Classifier.load(path, { ...reading, dtype, ...machine })
}

async function checkModule(file: string | undefined, digest: string): Promise<string> {
  if (file === undefined) {
    throw new TorchError(
      'TORCH_RUN',
      'The model of the run is built by a file: start the worker with the same one (--module)',
    )
  }
  if ((await fileDigest(file)) === digest) return file
  throw new TorchError('TORCH_RUN', `${shorten(file)}: Is not the file that builds the model of the run`)
}
