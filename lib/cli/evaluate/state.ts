import { shorten } from '../../util/check.js'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'

import { writeAtomically } from '../../util/atomic_file.js'
import type { EarlierPredictions, EvaluatedImage } from '../../evaluation/evaluate.js'
import { hasCode, reasonOf } from '../../util/errno.js'
import { TorchError } from '../../util/errors.js'
import { CsvDataset } from '../../vision/csv_dataset.js'
import type { Dataset } from '../../vision/dataset.js'
import { ImageFolder } from '../../vision/image_folder.js'
import type { Preset } from '../../vision/presets.js'

/** Milliseconds between writes, and so the most that is lost when the machine stops. */
const INTERVAL_MS = 5000

/** 1 had no skipped images. */
const VERSION = 2

/** Hashes of what an evaluation depends on. */
export interface Fingerprint {
  readonly checkpoint: string
  readonly dataset: string
  readonly preparation: string
}

/** An image that could not be read. */
export interface SkippedImage {
  /** In the dataset. */
  readonly index: number
  /** Why it could not be read. */
  readonly message: string
}

/** State of a state file: the predictions so far, as three columns, and the images before the next one that were skipped. */
interface SavedState {
  readonly version: number
  readonly fingerprint: Fingerprint
  readonly numClasses: number
  readonly label: readonly number[]
  readonly prediction: readonly number[]
  readonly rank: readonly number[]
  readonly skipped?: readonly SkippedImage[] | undefined
}

/** The parts of an evaluation. */
export interface Evaluated {
  readonly checkpoint: string
  /** Path of the state dict in the checkpoint. */
  readonly source: string
  /** Path of the dataset. */
  readonly path: string
  readonly dataset: Dataset
  readonly classOf?: readonly number[] | undefined
  readonly preset: Preset
}

/** Hashes what an evaluation depends on: the contents of the checkpoint, the list of images, and the preset. */
export async function fingerprintOf(evaluated: Evaluated): Promise<Fingerprint> {
  const { checkpoint, source, path, dataset, classOf = null, preset } = evaluated
  const hash = createHash('sha256')
  await pipeline(createReadStream(checkpoint), hash)
  const isList = dataset instanceof ImageFolder || dataset instanceof CsvDataset
  // The images of an IDX file are not listed: its size and date stand for them.
  const { size, mtimeMs } = await stat(path)
  const images = isList ? dataset.samples : { size, mtimeMs }
  return {
    checkpoint: digest([hash.digest('hex'), source]),
    dataset: digest([resolve(path), dataset.length, dataset.classes, classOf, images]),
    preparation: digest(String(preset)),
  }
}

/** Keeps the predictions of an evaluation in a file, from which it can continue. Each write replaces the file as a whole. */
export class EvaluationState {
  readonly #path: string
  readonly #fingerprint: Fingerprint
  readonly #numClasses: number
  readonly #predictions: EvaluatedImage[]
  readonly #skipped: SkippedImage[]
  #written: number
  #lastWrite = performance.now()
  #writing: Promise<void> = Promise.resolve()

  /**
   * Opens a state file, or begins a new one.
   *
   * @throws {TorchError} `TORCH_FILE` if it cannot be read or is not a state file; `TORCH_INVALID_ARGUMENT` if it belongs to
   * another evaluation.
   */
  static async open(path: string, fingerprint: Fingerprint, numClasses: number): Promise<EvaluationState> {
    const contents = await readState(path)
    if (contents === null) return new EvaluationState(path, fingerprint, numClasses, [], [])
    const other = (['checkpoint', 'dataset', 'preparation'] as const).filter((name) => {
      return contents.fingerprint[name] !== fingerprint[name]
    })
    if (other.length > 0) {
      const what = other.map((name) => WORDS[name]).join(', and ')
      const text = `${shorten(path)}: Belongs to another evaluation: ${what}; remove it, or use another file`
      throw new TorchError('TORCH_INVALID_ARGUMENT', text)
    }
    const predictions = contents.label.map((label, index) => {
      return { label, prediction: contents.prediction[index] ?? 0, rank: contents.rank[index] ?? 0 }
    })
    return new EvaluationState(path, fingerprint, numClasses, predictions, [...(contents.skipped ?? [])])
  }

  private constructor(
    path: string,
    fingerprint: Fingerprint,
    numClasses: number,
    predictions: EvaluatedImage[],
    skipped: SkippedImage[],
  ) {
    this.#path = path
    this.#fingerprint = fingerprint
    this.#numClasses = numClasses
    this.#predictions = predictions
    this.#skipped = skipped
    this.#written = predictions.length
  }

  /** Predictions of earlier runs. */
  get earlier(): EarlierPredictions {
    return { numClasses: this.#numClasses, predictions: [...this.#predictions] }
  }

  /** Images that earlier runs skipped. */
  get skipped(): readonly SkippedImage[] {
    return [...this.#skipped]
  }

  /** Adds an image that could not be read. */
  skip(image: SkippedImage): void {
    this.#skipped.push(image)
  }

  /** Adds predictions for the next images, and writes from time to time. */
  add(predictions: readonly EvaluatedImage[]): void {
    this.#predictions.push(...predictions)
    if (performance.now() - this.#lastWrite < INTERVAL_MS) return
    this.#lastWrite = performance.now()
    // If writing fails, the last write reports it.
    this.#writing = this.#writing.then(() => this.#write()).catch(() => undefined)
  }

  /** Writes the predictions that have not been written yet. */
  async save(): Promise<void> {
    await this.#writing
    if (this.#written < this.#predictions.length) await this.#write()
  }

  async #write(): Promise<void> {
    const predictions = [...this.#predictions]
    const contents: SavedState = {
      version: VERSION,
      fingerprint: this.#fingerprint,
      numClasses: this.#numClasses,
      label: predictions.map(({ label }) => label),
      prediction: predictions.map(({ prediction }) => prediction),
      rank: predictions.map(({ rank }) => rank),
      skipped: skippedBefore(predictions.length, this.#skipped),
    }
    await writeAtomically(this.#path, (sink) => sink(Buffer.from(`${JSON.stringify(contents)}\n`)))
    this.#written = predictions.length
  }
}

/** Images are read ahead of the predictions: of those that were skipped, the ones in front of the next image to predict. */
function skippedBefore(predictions: number, skipped: readonly SkippedImage[]): SkippedImage[] {
  const before = [...skipped]
  const next = (): number => predictions + before.length
  for (let last = before.at(-1); last !== undefined && last.index >= next(); last = before.at(-1)) before.pop()
  return before
}

const WORDS: Readonly<Record<keyof Fingerprint, string>> = {
  checkpoint: 'the checkpoint has changed',
  dataset: 'the dataset has changed',
  preparation: 'the preset has changed',
}

async function readState(path: string): Promise<SavedState | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return null
    throw new TorchError('TORCH_FILE', `${shorten(path)}: ${reasonOf(cause)}`, { cause })
  }
  try {
    const value = JSON.parse(text) as Partial<SavedState> | null
    if ((value?.version === VERSION || value?.version === 1) && isColumns(value)) return value
  } catch {
    // Reported below.
  }
  throw new TorchError('TORCH_FILE', `${shorten(path)}: Is not a state file of napi-torch evaluate --resume`)
}

function isColumns(value: Partial<SavedState>): value is SavedState {
  const columns: readonly unknown[] = [value.label, value.prediction, value.rank]
  const isColumn = (column: unknown): column is number[] => {
    return Array.isArray(column) && column.every((entry) => Number.isSafeInteger(entry) && Number(entry) >= 0)
  }
  const isSkipped = (value: unknown): boolean => {
    const { index, message }: { [K in keyof SkippedImage]?: unknown } = Object(value) as object
    return Number.isSafeInteger(index) && Number(index) >= 0 && typeof message === 'string'
  }
  if (value.skipped !== undefined && !(Array.isArray(value.skipped) && value.skipped.every(isSkipped))) return false
  const lengths = columns.map((column) => (isColumn(column) ? column.length : -1))
  return lengths.every((length) => length === lengths[0] && length >= 0) && typeof value.fingerprint === 'object'
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex')
}
