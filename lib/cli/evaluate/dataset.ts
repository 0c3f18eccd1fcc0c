import { shorten } from '../../util/check.js'
import { readdir, stat } from 'node:fs/promises'

import type { OpenedModel } from '../../model/open.js'
import { TorchError } from '../../util/errors.js'
import { CsvDataset } from '../../vision/csv_dataset.js'
import { Dataset, type Sample } from '../../vision/dataset.js'
import { IdxDataset } from '../../vision/idx_dataset.js'
import { ImageFolder } from '../../vision/image_folder.js'
import { plural } from '../output/text.js'

/** Opens a dataset, whose layout is recognized from the path. */
export async function openDataset(path: string): Promise<Dataset> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new TorchError('TORCH_DATASET', `${shorten(path)}: No such file or folder`, { cause })
  })
  if (!found.isDirectory()) return /\.csv$/i.test(path) ? CsvDataset.open(path) : IdxDataset.open(path)
  const names = await readdir(path)
  return names.some((name) => /idx3-ubyte(\.gz)?$/.test(name)) ? IdxDataset.open(path) : ImageFolder.open(path)
}

/** Names of the classes, and the class of the model for each class of the dataset. Default: the same index. */
export interface MatchedClasses {
  readonly labels: readonly string[]
  readonly classOf?: readonly number[] | undefined
}

/**
 * Matches the classes of a dataset with the classes of the model.
 *
 * Folders are matched by name if every folder has the name of a class, and otherwise by their order, as in training on such
 * folders. Names in a CSV file, which need not list all classes, must be names of classes where the model has names.
 */
export function matchClasses(
  dataset: Dataset,
  { labels, architecture: { numClasses } }: Pick<OpenedModel, 'labels' | 'architecture'>,
): MatchedClasses {
  const { classes } = dataset
  if (numClasses < 2) {
    const head = numClasses === 0 ? 'no head' : 'one output'
    const message = `Accuracy counts the largest of several outputs, but the model has ${head}`
    throw new TorchError('TORCH_ARCHITECTURE', message)
  }
  if (classes.length > numClasses) {
    const known = plural(numClasses, 'class', 'classes')
    const message = `The dataset has ${plural(classes.length, 'class', 'classes')}, but the model has ${known}`
    throw new TorchError('TORCH_DATASET', message)
  }
  const isNamed = dataset instanceof ImageFolder || (dataset instanceof CsvDataset && dataset.isNamed)
  if (!isNamed) return { labels: labels ?? classes }
  if (labels === null) return { labels: classes }
  const classOf = classes.map((name) => labels.indexOf(name))
  const unknown = classes[classOf.indexOf(-1)]
  if (unknown === undefined) return { labels, classOf }
  if (dataset instanceof ImageFolder) return { labels: classes }
  const message = `The model has no class ${JSON.stringify(unknown)}; its classes are ${labels.slice(0, 3).join(', ')}${labels.length > 3 ? ', …' : ''}`
  throw new TorchError('TORCH_DATASET', message)
}

/** The samples of a dataset from index `start` to `end`, which is excluded. */
export class PartOfDataset extends Dataset {
  readonly classes: readonly string[]
  readonly length: number
  readonly #all: Dataset
  readonly #start: number

  constructor(all: Dataset, start: number, end: number) {
    super()
    this.classes = all.classes
    this.length = Math.max(0, Math.min(end, all.length) - start)
    this.#all = all
    this.#start = start
  }

  protected override async read(index: number): Promise<Sample> {
    return this.#all.get(this.#start + index)
  }
}
