import { checkOptions } from 'napi-torch/internal'
import { JobQueue, QUEUE_OPTIONS, type QueueOptions } from './job_queue.js'
import { jobId } from './keys.js'
import { JOBS_AT_A_TIME } from './limits.js'

/** Result of {@link cancel}. */
export interface Cancelled {
  readonly run: string
  /** Chunks that were removed from the queue. Chunks that workers have started are finished. */
  readonly removed: number
}

/**
 * Removes the chunks of a run from the queue. Results stay; `retry` and the same `submit` continue the run.
 *
 * @param run - Id of the run, or the folder of its results.
 * @throws {TorchError} `TORCH_RUN` if there is no such run; `TORCH_REDIS`, `TORCH_INVALID_ARGUMENT`.
 */
export async function cancel(run: string, options: QueueOptions = {}): Promise<Cancelled> {
  checkOptions('cancel()', options, QUEUE_OPTIONS)
  await using queue = await JobQueue.open(options)
  const { run: id, chunks } = await queue.findRun(run)
  // First, as a submit may still be adding chunks: workers check before they start one.
  await queue.runs.cancel(id)
  const isDone = await queue.runs.done(id)
  let removed = 0
  for (let first = 0; first < chunks; first += JOBS_AT_A_TIME) {
    const page = Array.from({ length: Math.min(JOBS_AT_A_TIME, chunks - first) }, (_, index) => first + index)
    const left = page.filter((chunk) => !isDone(chunk))
    const results = await Promise.all(left.map((chunk) => queue.queue.remove(jobId(id, chunk))))
    removed += results.reduce((sum, result) => sum + result, 0)
  }
  return { run: id, removed }
}
