// What `napi-torch/jobs` exports: images by the million, over many workers. It needs the packages bullmq and ioredis.

export { submit } from '../jobs/submit.js'
export type { Submission, SubmitOptions } from '../jobs/submit.js'
export { work } from '../jobs/work.js'
export type { WorkOptions } from '../jobs/work.js'
export type { WorkEvent, WorkSummary } from '../jobs/run_worker.js'
export { status } from '../jobs/status.js'
export type { QueueStatus, RunState, RunStatus, StatusOptions } from '../jobs/status.js'
export type { WorkerReport } from '../jobs/presence.js'
export { retry } from '../jobs/retry.js'
export type { Retried, RetryOptions } from '../jobs/retry.js'
export { cancel } from '../jobs/cancel.js'
export type { Cancelled } from '../jobs/cancel.js'
export { merge } from '../jobs/merge.js'
export type { Merged, MergeOptions } from '../jobs/merge.js'
export type { QueueOptions } from '../jobs/job_queue.js'
export type { RedisSettings } from '../jobs/redis_settings.js'
export type { MetricsAddress } from '../jobs/metrics_server.js'
export type { AnswerRow, ErrorRow, FeatureRow, ResultRow } from '../jobs/rows.js'
export {
  DEFAULT_ATTEMPTS,
  DEFAULT_CHUNK_SIZE,
  DEFAULT_BATCH_SIZE,
  DEFAULT_CONCURRENCY,
  DEFAULT_LOCK_MS,
  DEFAULT_MAX_IMAGE_BYTES,
  MAX_CHUNK_SIZE,
} from '../jobs/limits.js'
