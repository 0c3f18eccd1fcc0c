// What `@napi-torch/jobs` exports: images by the million, over many workers.

export { submit } from './submit.js'
export type { Submission, SubmitOptions } from './submit.js'
export { work } from './work.js'
export type { WorkOptions } from './work.js'
export type { WorkEvent, WorkSummary } from './run_worker.js'
export { status } from './status.js'
export type { QueueStatus, RunState, RunStatus, StatusOptions } from './status.js'
export type { WorkerReport } from './heartbeat.js'
export { retry } from './retry.js'
export type { Retried, RetryOptions } from './retry.js'
export { cancel } from './cancel.js'
export type { Cancelled } from './cancel.js'
export { merge } from './merge.js'
export type { Merged, MergeOptions } from './merge.js'
export type { QueueOptions } from './job_queue.js'
export type { RedisSettings } from './redis_settings.js'
export type { MetricsAddress } from './metrics_server.js'
export type { ErrorRow, FeatureRow, PredictionRow, ResultRow } from './rows.js'
export {
  DEFAULT_ATTEMPTS,
  DEFAULT_CHUNK_SIZE,
  DEFAULT_BATCH_SIZE,
  DEFAULT_CONCURRENCY,
  DEFAULT_LOCK_MS,
  DEFAULT_MAX_IMAGE_BYTES,
  MAX_CHUNK_SIZE,
} from './limits.js'
