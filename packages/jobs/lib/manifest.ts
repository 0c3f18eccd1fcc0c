import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'

import { ENGINE_DTYPES, TorchError } from 'napi-torch'
import { ACTIVATIONS, hasCode, PRESETS, reasonOf, STEMS, shorten } from 'napi-torch/internal'
import { MAX_CHUNK_SIZE } from './limits.js'

/** Tasks of a run: predict the best classes of each image, or compute its feature vector. */
export const TASKS = ['classify', 'features'] as const

/** One of {@link TASKS}. */
export type Task = (typeof TASKS)[number]

const COUNT = Type.Integer({ minimum: 0 })
const POSITIVE = Type.Integer({ minimum: 1 })

const MODEL = Type.Object(
  {
    /** On the machine that submitted the run; workers may have the checkpoint elsewhere. */
    path: Type.String(),
    /** SHA-256 of the checkpoint, and of `preset.json` beside it. */
    digest: Type.String(),
    key: Type.Optional(Type.String()),
    wholeModule: Type.Optional(Type.Boolean()),
    prefix: Type.Optional(Type.String()),
    stem: Type.Optional(Type.Enum(STEMS)),
    /** SHA-256 of the file that builds the model. A worker runs only the file that it was started with. */
    module: Type.Optional(Type.String()),
    arch: Type.Optional(Type.String()),
    preset: Type.Optional(Type.Enum(PRESETS)),
    labels: Type.Optional(Type.Array(Type.String())),
    activation: Type.Optional(Type.Enum(ACTIVATIONS)),
    exifOrientation: Type.Optional(Type.Boolean()),
    invert: Type.Optional(Type.Boolean()),
    dtype: Type.Enum(ENGINE_DTYPES),
  },
  { additionalProperties: false },
)

const MANIFEST = Type.Object(
  {
    version: Type.Literal(1),
    run: Type.String({ pattern: '^[0-9a-f]{32}$' }),
    /** Folder of the results. */
    out: Type.String(),
    source: Type.String(),
    /** SHA-256 of the list of images. */
    listing: Type.String(),
    images: POSITIVE,
    chunks: POSITIVE,
    chunkSize: Type.Integer({ minimum: 1, maximum: MAX_CHUNK_SIZE }),
    /** The only folders from which images are read. */
    roots: Type.Array(Type.String()),
    /** Prefixes of the only addresses from which images are fetched. */
    urlPrefixes: Type.Array(Type.String()),
    maxImageBytes: POSITIVE,
    task: Type.Enum(TASKS),
    topK: POSITIVE,
    attempts: POSITIVE,
    model: MODEL,
  },
  { additionalProperties: false },
)

/** Job of the queue: a chunk of a run, by its position in the list of images. The paths stay in the list. */
const CHUNK = Type.Object({ run: Type.String(), chunk: COUNT, offset: COUNT, bytes: POSITIVE, images: POSITIVE })

/** Description of a run: all that a worker needs to know. It is in Redis and, as `run.json`, in the folder of the results. */
export type RunManifest = Readonly<Static<typeof MANIFEST>>

/** The model of a run, and how it is loaded. */
export type RunModel = RunManifest['model']

/** A chunk of a run: `images` lines of its list, starting at byte `offset`. */
export type ChunkJob = Readonly<Static<typeof CHUNK>>

/** Computes the id of a run: a hash of everything that its results depend on, and of their folder. */
export function runIdOf(manifest: Omit<RunManifest, 'run'>): string {
  // The number of attempts changes no result.
  const text = JSON.stringify(sorted({ ...manifest, run: undefined, attempts: undefined }))
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

/** File of the manifest in the folder of the results. */
export function manifestPath(out: string): string {
  return join(out, 'run.json')
}

/**
 * Reads the manifest in a folder of results; null if there is none.
 *
 * @throws {TorchError} `TORCH_RUN` if it is damaged, `TORCH_FILE` if it cannot be read.
 */
export async function readManifest(out: string): Promise<RunManifest | null> {
  const path = manifestPath(out)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (hasCode(cause, 'ENOENT', 'ENOTDIR')) return null
    throw new TorchError('TORCH_FILE', `${shorten(path)}: ${reasonOf(cause)}`, { cause })
  }
  return parseManifest(text, path)
}

/**
 * Reads the manifest of the run whose results are in a folder.
 *
 * @throws {TorchError} `TORCH_RUN` if there is none or it is damaged, `TORCH_FILE` if it cannot be read.
 */
export async function manifestIn(folder: string): Promise<RunManifest> {
  const manifest = await readManifest(folder)
  if (manifest !== null) return manifest
  throw new TorchError('TORCH_RUN', `${manifestPath(folder)}: Not found: no run has its results in this folder`)
}

/**
 * Parses a manifest. `source` tells in messages where it was found.
 *
 * @throws {TorchError} `TORCH_RUN` if the text is no manifest, or one of another version of this package.
 */
export function parseManifest(text: string, source: string): RunManifest {
  const value = jsonOf(text)
  if (Value.Check(MANIFEST, value) && runIdOf(value) === value.run) return value
  throw new TorchError(
    'TORCH_RUN',
    `${source}: Is not the description of a run, or one of another version of this package`,
  )
}

/** Tells whether the data of a job describe a chunk. */
export function isChunk(data: unknown): data is ChunkJob {
  return Value.Check(CHUNK, data)
}

/** @throws {TorchError} `TORCH_RUN` unless the data of a job describe a chunk. */
export function checkChunk(data: unknown): ChunkJob {
  if (isChunk(data)) return data
  throw new TorchError('TORCH_RUN', 'A job of the queue is not a chunk of a run: another program uses the queue')
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Sorts the keys of all objects and drops undefined values, so that equal manifests have equal texts. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, each]) => each !== undefined)
  return Object.fromEntries(
    entries.sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, each]) => [key, sorted(each)]),
  )
}
