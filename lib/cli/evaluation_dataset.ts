import { readdir, stat } from 'node:fs/promises'

import type { Recipe } from '../classifier/recipe.js'
import { TorchError } from '../util/errors.js'
import type { Architecture } from '../models/detect.js'
import { CsvDataset } from '../vision/csv_dataset.js'
import type { Dataset } from '../vision/dataset.js'
import { IdxDataset } from '../vision/idx_dataset.js'
import { ImageFolder } from '../vision/image_folder.js'
import { plural } from './format.js'

/** Tells the layout of a dataset by looking at it. */
export async function openDataset(path: string): Promise<Dataset> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new TorchError('TORCH_DATASET', `${path}: No such file or folder`, { cause })
  })
  if (!found.isDirectory()) return /\.csv$/i.test(path) ? CsvDataset.open(path) : IdxDataset.open(path)
  const names = await readdir(path)
  return names.some((name) => /idx3-ubyte(\.gz)?$/.test(name)) ? IdxDataset.open(path) : ImageFolder.open(path)
}

/** The names of a dataset's classes, and the class of the model for each of them: the same where that is not said. */
export interface MatchedClasses {
  readonly labels: readonly string[]
  readonly classOf?: readonly number[] | undefined
}

/**
 * Brings the classes of a dataset and those of the model together. Folders: by their names where the model's are known and
 * all folders are named so, else in their order, as a model learnt them from such folders. Names in a CSV file: the same,
 * but where the model's names are known they must be among them, as a list need not have all classes.
 */
export function matchClasses(dataset: Dataset, { labels }: Recipe, { numClasses }: Architecture): MatchedClasses {
  const { classes } = dataset
  if (classes.length > numClasses) {
    const known = plural(numClasses, 'class', 'classes')
    const message = `The dataset has ${plural(classes.length, 'class', 'classes')}, but the model knows ${known}`
    throw new TorchError('TORCH_DATASET', message)
  }
  const isNamed = dataset instanceof ImageFolder || (dataset instanceof CsvDataset && dataset.isNamed)
  if (!isNamed) return { labels: labels ?? classes }
  if (labels === null) return { labels: classes }
  const classOf = classes.map((name) => labels.indexOf(name))
  const unknown = classes[classOf.indexOf(-1)]
  if (unknown === undefined) return { labels, classOf }
  if (dataset instanceof ImageFolder) return { labels: classes }
  const message = `The label ${JSON.stringify(unknown)} is none of the model's, such as ${labels.slice(0, 3).join(', ')}`
  throw new TorchError('TORCH_DATASET', message)
}
