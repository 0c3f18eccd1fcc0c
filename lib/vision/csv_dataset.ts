import { dirname, resolve } from 'node:path'

import { checkOptions, checkString, shorten } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { Dataset, type Sample } from './dataset.js'
import { decodeImage, type DatasetDecodeOptions } from './decode/decode.js'
import type { ImageFile } from './image_folder.js'
import { listedImages } from './image_list.js'

/**
 * Image files listed in a text file of paths, relative to it, and labels: a CSV file, whose delimiter may be a semicolon or a tab, or
 * lines of a path and a label with blanks between them. A first row such as `path,label` or `Filename;Width;ClassId` tells the columns;
 * without one, images are told by the endings of their names.
 *
 * Labels that are all integers are class indices; else they are names, and the classes are the sorted names, as folders are.
 */
export class CsvDataset extends Dataset {
  readonly classes: readonly string[]
  /** Whether the labels are names. */
  readonly isNamed: boolean
  /** All files, in the order of the rows. */
  readonly samples: readonly ImageFile[]
  readonly #decodeOptions: DatasetDecodeOptions

  /**
   * Reads the list; no image is opened before it is asked for.
   *
   * @throws {TorchError} `TORCH_DATASET` if the file cannot be read, has a quote out of place, has no row, or has a row without a path or a label.
   */
  static async open(path: string, options: DatasetDecodeOptions = {}): Promise<CsvDataset> {
    checkString('path', path)
    checkOptions('CsvDataset.open()', options, ['exifOrientation', 'maxPixels', 'maxBytes'])
    const listed: { readonly path: string; readonly label: string }[] = []
    for await (const { path: file, label } of listedImages(path)) {
      listed.push({ path: resolve(dirname(path), file), label })
    }
    if (listed.length === 0) throw new TorchError('TORCH_DATASET', `${shorten(path)}: Lists no image`)
    return new CsvDataset(listed, options)
  }

  private constructor(
    listed: readonly { readonly path: string; readonly label: string }[],
    options: DatasetDecodeOptions,
  ) {
    super()
    this.isNamed = !listed.every(({ label }) => /^\d{1,6}$/.test(label))
    const names = new Set(listed.map(({ label }) => label))
    const count = this.isNamed ? 0 : Math.max(...[...names].map(Number)) + 1
    this.classes = this.isNamed
      ? [...names].sort(byCodePoints)
      : Array.from({ length: count }, (_, index) => `${index}`)
    const indices = new Map(this.classes.map((name, index) => [name, index]))
    this.samples = listed.map(({ path, label }) => {
      return { path, label: this.isNamed ? (indices.get(label) ?? 0) : Number(label) }
    })
    this.#decodeOptions = options
  }

  get length(): number {
    return this.samples.length
  }

  override async label(index: number): Promise<number> {
    return this.samples[index]?.label ?? super.label(index)
  }

  protected override async read(index: number): Promise<Sample> {
    const { path, label } = this.samples[index] ?? { path: '', label: 0 }
    return { image: await decodeImage(path, this.#decodeOptions), label }
  }
}

/** Python's order of strings: UTF-8 sorts by code points, UTF-16 does not. */
function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
