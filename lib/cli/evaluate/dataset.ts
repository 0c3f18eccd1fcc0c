import { shorten } from '../../util/check.js'
import { readdir, stat } from 'node:fs/promises'

import { TorchError } from '../../util/errors.js'
import { CsvDataset } from '../../vision/csv_dataset.js'
import { Dataset, type Sample } from '../../vision/dataset.js'
import type { DatasetDecodeOptions } from '../../vision/decode/decode.js'
import { IdxDataset } from '../../vision/idx_dataset.js'
import { ImageFolder } from '../../vision/image_folder.js'

/** Endings of lists of images. */
const LIST = /\.(?:csv|tsv|txt|lst)$/i

/** Opens a dataset, whose layout is recognized from the path. */
export async function openDataset(path: string, options: DatasetDecodeOptions = {}): Promise<Dataset> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new TorchError('TORCH_DATASET', `${shorten(path)}: No such file or folder`, { cause })
  })
  if (!found.isDirectory()) return LIST.test(path) ? CsvDataset.open(path, options) : IdxDataset.open(path)
  const names = await readdir(path)
  return names.some((name) => /idx3-ubyte(\.gz)?$/.test(name)) ? IdxDataset.open(path) : ImageFolder.open(path, options)
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
