import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'

import { count, listed } from './words.js'
import { TorchError } from '../util/errors.js'
import { CsvDataset } from '../vision/csv_dataset.js'
import type { Dataset } from '../vision/dataset.js'
import { ImageFolder } from '../vision/image_folder.js'
import type { SplitFacts } from './split_by_content.js'

/** An image that could not be read. */
export interface UnreadableImage {
  /** In the dataset. */
  readonly index: number
  readonly message: string
}

/** What {@link checkData} looks for. */
export interface DataChecks {
  /** Images that a class needs. */
  readonly minImages: number
  /** Leave unreadable images out instead of refusing the dataset. */
  readonly skipErrors: boolean
}

/** Names a sample by its file, where it has one. */
export function nameOf(dataset: Dataset, index: number): string {
  const file = filesOf(dataset)?.[index]
  return file ?? `image ${index}`
}

/** Identifies the content of each file; each sample of a dataset without files stands for itself. */
export async function contentsOf(dataset: Dataset, signal: AbortSignal | undefined): Promise<string[]> {
  const files = filesOf(dataset)
  const contents: string[] = []
  for (let index = 0; index < dataset.length; index++) {
    signal?.throwIfAborted()
    const file = files?.[index]
    contents.push(file === undefined ? String(index) : await hashOf(file, index))
  }
  return contents
}

/**
 * Refuses a dataset from which nothing can be learned, with all of its faults at once.
 *
 * @returns What is to be said of the data beside.
 * @throws {TorchError} `TORCH_DATASET` with a line for each fault: unreadable images, one class, classes of too few images, and files
 * of one content in two classes.
 */
export function checkData(
  dataset: Dataset,
  { labels, contents }: SplitFacts,
  unreadable: readonly UnreadableImage[],
  { minImages, skipErrors }: DataChecks,
): readonly string[] {
  const { classes } = dataset
  const faults: string[] = []
  const notes: string[] = []
  if (unreadable.length > 0) {
    const text = `${count(unreadable.length, 'image')} cannot be read: ${listed(unreadable.map(({ message }) => message))}`
    ;(skipErrors ? notes : faults).push(text)
  }
  if (classes.length < 2) faults.push(`There is one class (${classes.join()}): nothing can be told from anything else`)
  const perClass = classes.map(() => 0)
  for (const label of labels) if (label >= 0) perClass[label] = (perClass[label] ?? 0) + 1
  const small = classes.flatMap((name, index) => {
    const images = perClass[index] ?? 0
    return images < minImages ? [`${name} (${images})`] : []
  })
  if (small.length > 0) faults.push(`A class needs ${count(minImages, 'image')}: too few are in ${listed(small)}`)

  const copies = new Map<string, number[]>()
  contents.forEach((content, index) => {
    if ((labels[index] ?? -1) >= 0) copies.set(content, [...(copies.get(content) ?? []), index])
  })
  const several = [...copies.values()].filter((indices) => indices.length > 1)
  const contradictions = several.filter((indices) => new Set(indices.map((index) => labels[index])).size > 1)
  const names = (indices: readonly number[]): string => indices.map((index) => nameOf(dataset, index)).join(' = ')
  if (contradictions.length > 0) {
    const text = 'The same file stands in several classes'
    faults.push(`${text}: ${listed(contradictions.map(names))}`)
  }
  const harmless = several.filter((indices) => !contradictions.includes(indices))
  if (harmless.length > 0) {
    const text = 'Files of the same content are kept together, so that none is both trained on and measured by'
    notes.push(`${text}: ${listed(harmless.map(names))}`)
  }
  if (faults.length > 0) throw new TorchError('TORCH_DATASET', faults.join('; '))
  return notes
}

function filesOf(dataset: Dataset): readonly string[] | null {
  if (!(dataset instanceof ImageFolder || dataset instanceof CsvDataset)) return null
  return dataset.samples.map(({ path }) => path)
}

/** A file that cannot be read stands for itself: reading the image says why. */
async function hashOf(file: string, index: number): Promise<string> {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(file), hash)
  } catch {
    return String(index)
  }
  return hash.digest('hex')
}
