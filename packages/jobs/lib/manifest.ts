import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'

import { ENGINE_DTYPES, TorchError } from 'napi-torch'
import { PRESETS, reasonOf } from 'napi-torch/internal'
import { MAX_CHUNK_SIZE } from './limits.js'

/** What a run computes of each image: the best classes, or its feature vector. */
export const TASKS = ['classify', 'features'] as const

/** One of {@link TASKS}. */
export type Task = (typeof TASKS)[number]

const COUNT = Type.Integer({ minimum: 0 })
const POSITIVE = Type.Integer({ minimum: 1 })

const MODEL = Type.Object(
  {
    /** Of the machine that submitted; a worker may have the file elsewhere. */
    path: Type.String(),
    /** SHA-256 of the checkpoint, and of `preset.json` beside it. */
    digest: Type.String(),
    key: Type.Optional(Type.String()),
    wholeModule: Type.Optional(Type.Boolean()),
    arch: Type.Optional(Type.String()),
    preset: Type.Optional(Type.Enum(PRESETS)),
    labels: Type.Optional(Type.Array(Type.String())),
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
    /** Folders outside of which no image is read. */
    roots: Type.Array(Type.String()),
    /** Beginnings of the addresses from which images are fetched. */
    urlPrefixes: Type.Array(Type.String()),
    maxImageBytes: POSITIVE,
    task: Type.Enum(TASKS),
    topK: POSITIVE,
    attempts: POSITIVE,
    model: MODEL,
  },
  { additionalProperties: false },
)

/** Job of the queue: a chunk of a run, by its place in the list of images. Paths stay in the list. */
const CHUNK = Type.Object({ run: Type.String(), chunk: COUNT, offset: COUNT, bytes: POSITIVE, images: POSITIVE })

/** All that a worker needs to know of a run. It lies in Redis and, as `run.json`, in the folder of the results. */
export type Manifest = Readonly<Static<typeof MANIFEST>>

/** The model of a {@link Manifest}. */
export type ModelSettings = Manifest['model']

/** A chunk of a run: `images` lines of its list, from the byte `offset` on. */
export type ChunkJob = Readonly<Static<typeof CHUNK>>

/** Gives the id of a run: a hash of all that its results depend on, and of where they go. */
export function runIdOf(manifest: Omit<Manifest, 'run'>): string {
  // How often a chunk is tried changes no result.
  const text = JSON.stringify(sorted({ ...manifest, run: undefined, attempts: undefined }))
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

/** Where the manifest of a run lies in the folder of its results. */
export function manifestPath(out: string): string {
  return join(out, 'run.json')
}

/**
 * Reads the manifest in a folder of results; null where there is none.
 *
 * @throws {TorchError} `TORCH_RUN` if it is damaged, `TORCH_FILE` if it cannot be read.
 */
export async function readManifest(out: string): Promise<Manifest | null> {
  const path = manifestPath(out)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')) return null
    throw new TorchError('TORCH_FILE', `${path}: ${reasonOf(cause)}`, { cause })
  }
  return parseManifest(text, path)
}

/** @throws {TorchError} `TORCH_RUN` if the text, which lies at `place`, is no manifest. */
export function parseManifest(text: string, place: string): Manifest {
  const value = jsonOf(text)
  if (Value.Check(MANIFEST, value) && runIdOf(value) === value.run) return value
  throw new TorchError('TORCH_RUN', `${place}: Is no description of a run, or of another version of this package`)
}

/** Tells whether the data of a job are a chunk. */
export function isChunk(data: unknown): data is ChunkJob {
  return Value.Check(CHUNK, data)
}

/** @throws {TorchError} `TORCH_RUN` if the data of a job are no chunk. */
export function checkChunk(data: unknown): ChunkJob {
  if (isChunk(data)) return data
  throw new TorchError('TORCH_RUN', 'A job of the queue is no chunk of a run: something else uses the queue')
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** The same with the keys of all objects in order, and those without a value left out: it prints alike however it was made. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, each]) => each !== undefined)
  return Object.fromEntries(
    entries.sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, each]) => [key, sorted(each)]),
  )
}
