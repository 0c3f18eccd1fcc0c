import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import {
  ENGINE_DTYPES,
  type EngineDType,
  findStateDict,
  loadLabels,
  type PresetName,
  type ReadModelOptions,
  readCheckpoint,
  TorchError,
} from 'napi-torch'
import {
  checkBoolean,
  checkOneOf,
  checkOptions,
  checkPositiveInteger,
  checkSignal,
  checkString,
  expected,
  READ_MODEL_OPTIONS,
  readModel,
  reasonOf,
  shorten,
} from 'napi-torch/internal'
import { chunksFolder } from './chunk_files.js'
import { JobQueue, QUEUE_OPTIONS, type QueueOptions } from './job_queue.js'
import { DEFAULT_ATTEMPTS, DEFAULT_CHUNK_SIZE, DEFAULT_MAX_IMAGE_BYTES, MAX_CHUNK_SIZE } from './limits.js'
import { listingPath, writeListing, type Listing } from './listing.js'
import { manifestPath, readManifest, runIdOf, type RunManifest, type RunModel } from './manifest.js'
import { fileDigest, modelDigest } from './model_digest.js'
import { openSource } from './sources/open.js'
import { writeFile } from './write_file.js'

/** Options of {@link submit}. */
export interface SubmitOptions extends QueueOptions, Omit<ReadModelOptions, 'module' | 'preset'> {
  /** Path of the checkpoint. Workers read it from the same path, or from one that they are given. */
  readonly model: string
  /** Folder of the results: a new one, or that of the same run. Workers must see it at the same path. */
  readonly out: string
  /** Write feature vectors instead of predictions. Default: `false`. */
  readonly features?: boolean | undefined
  /** Predictions per image. Default: `1`. */
  readonly topK?: number | undefined
  /** Images per chunk, at most {@link MAX_CHUNK_SIZE}. Default: {@link DEFAULT_CHUNK_SIZE}. */
  readonly chunkSize?: number | undefined
  /** Attempts per chunk. Default: {@link DEFAULT_ATTEMPTS}. */
  readonly attempts?: number | undefined
  /** Folders from which images may be read besides that of the source. Default: none. */
  readonly allowRoot?: readonly string[] | undefined
  /** Prefixes of the addresses from which images may be fetched, such as `https://images.example.com/archive/`. Default: none. */
  readonly allowUrlPrefix?: readonly string[] | undefined
  /** Size of the largest image that is read, in bytes. Default: {@link DEFAULT_MAX_IMAGE_BYTES}. */
  readonly maxImageBytes?: number | undefined
  /**
   * JavaScript or TypeScript file whose default export builds the model. Workers need the same file, by their own option: the run has
   * its SHA-256 alone. Default: the architecture is recognized.
   */
  readonly module?: string | undefined
  /** Preset for preparing images. Default: that of the checkpoint or of the file `preset.json` beside it, else that of the architecture. */
  readonly preset?: PresetName | undefined
  /** Data type in which the model computes. Default: `float32`. */
  readonly dtype?: EngineDType | undefined
  /** Stops listing and adding. Chunks that were added stay in the queue, and the same submit adds the others. */
  readonly signal?: AbortSignal | undefined
  /** Called after each listed chunk with the number of images so far. */
  readonly onListed?: ((images: number) => void) | undefined
}

const SUBMIT_OPTIONS = [
  'model',
  'out',
  'features',
  'topK',
  'chunkSize',
  'attempts',
  'allowRoot',
  'allowUrlPrefix',
  'maxImageBytes',
] as const
const MODEL_OPTIONS = [...READ_MODEL_OPTIONS, 'dtype'] as const

/** Result of {@link submit}. */
export interface Submission {
  /** Id of the run: always the same for the same images, model, options and folder. */
  readonly run: string
  readonly images: number
  readonly chunks: number
  /** Chunks that were added to the queue; all others are done, in the queue, or failed. */
  readonly added: number
  /** Whether the same run had been submitted before. */
  readonly isKnown: boolean
  /** Settings of Redis that may lose work, one sentence each. */
  readonly warnings: readonly string[]
}

/**
 * Submits images to the workers of a queue, in chunks. The images are listed in the folder of the results, and Redis gets the positions
 * of the chunks in that list: neither images nor paths are kept in memory.
 *
 * Submitting the same run again adds the chunks that are missing in the queue, for example after Redis has lost them. libtorch is not
 * needed.
 *
 * @param source - A folder, a pattern such as `images/*.jpg` or `images/**`, or a CSV or JSONL file of paths or addresses.
 * @throws {TorchError} `TORCH_DATASET` if the source cannot be read or has no image; `TORCH_SOURCE_REFUSED` if an image is not
 * allowed; `TORCH_RUN` if the folder has the results of another run; `TORCH_REDIS`, `TORCH_DISK_FULL`,
 * `TORCH_FILE`, `TORCH_INVALID_ARGUMENT`; `TORCH_ARCHITECTURE`, `TORCH_LABELS`, and what reading the checkpoint throws.
 */
export async function submit(source: string, options: SubmitOptions): Promise<Submission> {
  checkString('source', source)
  checkOptions('submit()', options, [...QUEUE_OPTIONS, ...SUBMIT_OPTIONS, ...MODEL_OPTIONS, 'signal', 'onListed'])
  const { features = false, topK = 1, chunkSize = DEFAULT_CHUNK_SIZE, attempts = DEFAULT_ATTEMPTS } = options
  const { allowRoot = [], allowUrlPrefix = [], maxImageBytes = DEFAULT_MAX_IMAGE_BYTES, onListed } = options
  checkBoolean('features', features)
  for (const [name, value] of Object.entries({ topK, chunkSize, attempts, maxImageBytes }))
    checkPositiveInteger(name, value)
  if (chunkSize > MAX_CHUNK_SIZE) throw expected(`at most ${MAX_CHUNK_SIZE}`, 'chunkSize', chunkSize)
  const signal = checkSignal(options.signal)
  const out = resolve(checkString('out', options.out))

  const model = await modelSettings(options)
  const opened = await openSource(source, { allowRoot, allowUrlPrefix })
  await using queue = await JobQueue.open(options)
  await makeFolder(chunksFolder(out))
  const draft = join(out, `.images.${randomUUID()}.jsonl`)
  try {
    const listing = await writeListing(draft, opened.items(), { chunkSize, signal, onListed })
    const manifest = describe(listing, {
      out,
      source: opened.name,
      chunkSize,
      roots: [...opened.allowed.roots],
      urlPrefixes: [...allowUrlPrefix],
      maxImageBytes,
      task: features ? 'features' : 'classify',
      topK,
      attempts,
      model,
    })
    await settle(manifest, draft)
    const isNew = await queue.runs.begin(manifest)
    const added = await queue.addMissing(manifest, listing, signal)
    const { run, images, chunks } = manifest
    return { run, images, chunks, added, isKnown: !isNew, warnings: queue.warnings }
  } finally {
    await rm(draft, { force: true })
  }
}

/** Reads the keys of the checkpoint, so that one that no worker could use is refused at once. */
async function modelSettings(options: SubmitOptions): Promise<RunModel> {
  const {
    key,
    wholeModule,
    prefix,
    stem,
    arch,
    module,
    preset,
    labels,
    activation,
    exifOrientation,
    invert,
    dtype = 'float32',
  } = options
  const path = resolve(checkString('model', options.model))
  checkOneOf('dtype', dtype, ENGINE_DTYPES)
  const reading = { key, wholeModule, prefix, stem, arch, preset, labels, activation, exifOrientation, invert }
  const names = await (module === undefined
    ? labelsOf(path, reading, options.features === true)
    : ownLabels(path, reading))
  return {
    path,
    digest: await modelDigest(path),
    dtype,
    ...(key !== undefined && { key }),
    ...(wholeModule !== undefined && { wholeModule }),
    ...(prefix !== undefined && { prefix }),
    ...(stem !== undefined && { stem }),
    ...(arch !== undefined && { arch }),
    ...(module !== undefined && { module: await fileDigest(checkString('module', module)) }),
    ...(preset !== undefined && { preset }),
    ...(names !== null && { labels: [...names] }),
    ...(activation !== undefined && { activation }),
    ...(exifOrientation !== undefined && { exifOrientation }),
    ...(invert !== undefined && { invert }),
  }
}

type Reading = Omit<ReadModelOptions, 'module'>

/** Refuses a checkpoint that cannot be used; gives the labels if the user named some. */
async function labelsOf(path: string, reading: Reading, features: boolean): Promise<readonly string[] | null> {
  const { labels, architecture } = await readModel(path, reading)
  if (!features && architecture.numClasses === 0) {
    const text = `${shorten(path)}: Has no head, and so no classes: submit it with features`
    throw new TorchError('TORCH_ARCHITECTURE', text)
  }
  return reading.labels === undefined ? null : labels
}

/** Of a model of the user's own nothing is known here but that its checkpoint has a state dict. */
async function ownLabels(path: string, { key, wholeModule, labels }: Reading): Promise<readonly string[] | null> {
  findStateDict(await readCheckpoint(path), { key, wholeModule })
  return typeof labels === 'string' ? loadLabels(labels) : (labels ?? null)
}

type Described = Omit<RunManifest, 'version' | 'run' | 'listing' | 'images' | 'chunks'>

function describe({ digest, images, offsets }: Listing, rest: Described): RunManifest {
  if (images === 0) throw new TorchError('TORCH_DATASET', `${rest.source}: Has no image`)
  const manifest = { version: 1, listing: digest, images, chunks: offsets.length - 1, ...rest } as const
  return { ...manifest, run: runIdOf(manifest) }
}

/** Renames the list and writes the manifest, unless the same run was submitted before. */
async function settle(manifest: RunManifest, draft: string): Promise<void> {
  const { out, run } = manifest
  const found = await readManifest(out)
  if (found?.run === run) return
  if (found !== null) {
    const message = `${out}: Has the results of run ${found.run}, of other images, another model or other options`
    throw new TorchError('TORCH_RUN', message)
  }
  await rename(draft, listingPath(out))
  await writeFile(manifestPath(out), (sink) => sink(Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)))
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw new TorchError('TORCH_FILE', `${folder}: ${reasonOf(cause, 'folder')}`, { cause })
  })
}
