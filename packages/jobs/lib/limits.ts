/** Images per chunk: seconds of work, so that a worker that dies loses little, and few enough files for a million images. */
export const DEFAULT_CHUNK_SIZE = 256

/** The largest chunk, in images: its results are in memory until they are written. */
export const MAX_CHUNK_SIZE = 10_000

/** Attempts per chunk, for errors that are not those of its images: a full disk, a share that is not available. */
export const DEFAULT_ATTEMPTS = 5

/** Wait before the second attempt, in ms; it doubles with each, so that five attempts span 75 s. */
export const ATTEMPT_DELAY_MS = 5000

/** The largest image that is read or fetched, in bytes: one entry of a list must not fill a worker's memory. */
export const DEFAULT_MAX_IMAGE_BYTES = 64 * 2 ** 20

/** Timeout for fetching an image, in ms: a server that never ends its response must not block a chunk. */
export const FETCH_TIMEOUT_MS = 30_000

/** Redirects that are followed, to allowed addresses only. */
export const MAX_REDIRECTS = 3

/** Images that are fetched at a time: each may take {@link DEFAULT_MAX_IMAGE_BYTES} of memory until it is computed. */
export const FETCHES_AT_A_TIME = 16

/** Chunks that a worker computes at a time: two, so that one fills the batches while the other begins or ends. */
export const DEFAULT_CONCURRENCY = 2

/** Images that a worker computes together: more than the default of a `Classifier`, as no user waits for a single image. */
export const DEFAULT_BATCH_SIZE = 32

/** Images of a chunk in progress at a time: two batches and a few that are being decoded, so that one chunk keeps a classifier busy. */
export const IMAGES_AT_A_TIME = 2 * DEFAULT_BATCH_SIZE + 4

/** Time without a renewal after which another worker takes a chunk over, in ms. */
export const DEFAULT_LOCK_MS = 30_000

/** Workers that may die on a chunk before it fails. */
export const MAX_TAKEOVERS = 10

/** Jobs per command of Redis, which serves no other client meanwhile. */
export const JOBS_AT_A_TIME = 500

/** Time for which Redis keeps a run that is finished or cancelled, in seconds: 30 days. */
export const RUN_KEPT_SECONDS = 30 * 24 * 3600
