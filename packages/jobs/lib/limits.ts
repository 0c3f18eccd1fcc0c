/** Images of a chunk: seconds of work, so that a worker that dies loses little, and few enough files for a million images. */
export const DEFAULT_CHUNK_SIZE = 256

/** A chunk's results are held in memory until they are written. */
export const MAX_CHUNK_SIZE = 10_000

/** How often a chunk is tried when a fault lies outside its images: a full disk, a share that is away. */
export const DEFAULT_ATTEMPTS = 5

/** Wait before the second attempt, in ms; it doubles with each, so that five attempts span 75 s. */
export const ATTEMPT_DELAY_MS = 5000

/** The largest image that is read or fetched, in bytes: one entry of a list must not fill a worker's memory. */
export const DEFAULT_MAX_IMAGE_BYTES = 64 * 2 ** 20

/** Time for fetching an image, in ms: a server that never ends its answer must not hold a chunk. */
export const FETCH_TIMEOUT_MS = 30_000

/** Redirects that are followed, to allowed addresses only. */
export const MAX_REDIRECTS = 3

/** Images that are fetched at a time; each holds up to its limit of memory until it is answered. */
export const FETCHES_AT_A_TIME = 16

/** Chunks that a worker holds: two, so that one fills the batches while the other begins or ends. */
export const DEFAULT_CONCURRENCY = 2

/** Images that a worker computes together: nobody waits for one of them, as before a `Classifier` of a program. */
export const DEFAULT_BATCH_SIZE = 32

/**
 * Images of a chunk that are begun at a time: those of two batches, and those that are prepared meanwhile, so that one chunk
 * alone keeps a classifier busy.
 */
export const BEGUN_AT_A_TIME = 2 * DEFAULT_BATCH_SIZE + 4

/** How long a chunk stays a worker's without word from it, in ms: after this, another worker takes it over. */
export const DEFAULT_LOCK_MS = 30_000

/** Workers that may die of a chunk before it is given up. */
export const MAX_TAKEOVERS = 10

/** Jobs that are added to Redis by one command: it serves nobody else meanwhile. */
export const JOBS_AT_A_TIME = 500

/** How long Redis keeps what it knows of a run that is finished or cancelled, in seconds: 30 days. */
export const RUN_KEPT_SECONDS = 30 * 24 * 3600
