import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

import { checkOneOf, checkOptions, checkString, describeShape, shorten } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { Dataset, type Sample } from './dataset.js'
import { readIdx, type IdxArray } from './idx.js'

/** Options of {@link IdxDataset.open}. */
export interface IdxDatasetOptions {
  /** Which pair of files of a folder: `t10k-…` is `test`. Default: `test`. */
  readonly split?: 'train' | 'test' | undefined
  /** Names of the classes. Default: the numbers from 0 to the largest label. */
  readonly classes?: readonly string[] | undefined
}

const PREFIX = { train: 'train', test: 't10k' } as const
const SUFFIXES = ['-idx3-ubyte', '.idx3-ubyte'].flatMap((suffix) => [`${suffix}.gz`, suffix])

/** Gray images and labels out of a pair of IDX files, the layout of MNIST and Fashion-MNIST. Holds all bytes in memory. */
export class IdxDataset extends Dataset {
  readonly classes: readonly string[]
  readonly length: number
  readonly #images: Uint8Array
  readonly #labels: Uint8Array
  readonly #height: number
  readonly #width: number

  /**
   * Reads the pair of files in a folder, such as `t10k-images-idx3-ubyte.gz` and `t10k-labels-idx1-ubyte.gz`, or the
   * one to which a file belongs.
   *
   * @throws {TorchError} `TORCH_DATASET` if a file is missing or damaged, or the two do not belong together.
   */
  static async open(folderOrFile: string, options: IdxDatasetOptions = {}): Promise<IdxDataset> {
    checkString('folderOrFile', folderOrFile)
    checkOptions('IdxDataset.open()', options, ['split', 'classes'])
    const { split = 'test', classes } = options
    checkOneOf('split', split, ['train', 'test'])

    const imagesPath = await findImages(folderOrFile, split)
    const labelsPath = await findLabels(imagesPath)
    const [images, labels] = await Promise.all([readIdx(imagesPath), readIdx(labelsPath)])
    checkRank(imagesPath, images, 3, 'images (N, H, W)')
    checkRank(labelsPath, labels, 1, 'labels (N,)')
    if (images.shape[0] !== labels.shape[0]) {
      throw failure(labelsPath, `Expected ${images.shape[0]} labels, one an image, received ${labels.shape[0]}`)
    }
    if (labels.shape[0] === 0) throw failure(imagesPath, 'Holds no images')
    return new IdxDataset(images, labels, checkClasses(labelsPath, labels, classes))
  }

  private constructor(images: IdxArray, labels: IdxArray, classes: readonly string[]) {
    super()
    const [length = 0, height = 0, width = 0] = images.shape
    this.classes = classes
    this.length = length
    this.#images = images.data
    this.#labels = labels.data
    this.#height = height
    this.#width = width
  }

  override async label(index: number): Promise<number> {
    return this.#labels[index] ?? super.label(index)
  }

  protected override async read(index: number): Promise<Sample> {
    const [height, width] = [this.#height, this.#width]
    const size = height * width
    const data = this.#images.subarray(index * size, (index + 1) * size)
    return Promise.resolve({ image: { data, height, width, channels: 1 }, label: this.#labels[index] ?? 0 })
  }
}

async function findImages(folderOrFile: string, split: 'train' | 'test'): Promise<string> {
  const found = await stat(folderOrFile).catch((cause: unknown) => {
    throw failure(folderOrFile, 'No such file or folder', cause)
  })
  if (!found.isDirectory()) return imagesBeside(folderOrFile)

  const names = SUFFIXES.map((suffix) => `${PREFIX[split]}-images${suffix}`)
  const path = await firstFile(names.map((name) => join(folderOrFile, name)))
  if (path === undefined) throw failure(folderOrFile, `Expected one of ${names.join(', ')} in this folder`)
  return path
}

/** The images that go with a file, which may be theirs or that of the labels. */
async function imagesBeside(path: string): Promise<string> {
  const name = basename(path)
  if (!name.includes('labels')) return path
  return partner(path, name.replace('labels', 'images').replace('idx1', 'idx3'))
}

async function findLabels(imagesPath: string): Promise<string> {
  const name = basename(imagesPath)
  if (!name.includes('images')) throw failure(imagesPath, "Expected 'images' or 'labels' in the name of the file")
  return partner(imagesPath, name.replace('images', 'labels').replace('idx3', 'idx1'))
}

/** The file of this name in the folder of `path`, packed or not. */
async function partner(path: string, name: string): Promise<string> {
  const other = name.endsWith('.gz') ? name.slice(0, -'.gz'.length) : `${name}.gz`
  const found = await firstFile([name, other].map((file) => join(dirname(path), file)))
  if (found === undefined) throw failure(path, `Expected ${name} or ${other} beside it`)
  return found
}

async function firstFile(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const isFile = await stat(path).then(
      (stats) => stats.isFile(),
      () => false,
    )
    if (isFile) return path
  }
  return undefined
}

function checkRank(path: string, { shape }: IdxArray, rank: number, what: string): void {
  if (shape.length !== rank) throw failure(path, `Expected ${what}, received the sizes ${describeShape(shape)}`)
}

function checkClasses(path: string, labels: IdxArray, classes: readonly string[] | undefined): readonly string[] {
  const largest = labels.data.reduce((most, label) => Math.max(most, label), 0)
  if (classes === undefined) return Array.from({ length: largest + 1 }, (_, index) => String(index))
  if (largest < classes.length) return classes
  throw failure(path, `Expected labels below ${classes.length}, the number of classes, received ${largest}`)
}

function failure(path: string, text: string, cause?: unknown): TorchError {
  return new TorchError('TORCH_DATASET', `${shorten(path)}: ${text}`, { cause })
}
