import { dirname, resolve } from 'node:path'

import { checkOptions, checkString, shorten } from '../util/check.js'
import { csvRows, type CsvRow } from '../util/csv.js'
import { TorchError } from '../util/errors.js'
import { lineError } from '../util/lines.js'
import { Dataset, type Sample } from './dataset.js'
import { decodeImage, type DecodeOptions } from './decode.js'
import type { ImageFile } from './image_folder.js'

/** Names of the columns in a first row that names them. */
const PATH_NAMES = ['path', 'file', 'filename', 'file_name', 'image', 'image_path']
const LABEL_NAMES = ['label', 'class', 'target', 'class_name', 'label_name']

/**
 * Image files listed in a CSV file of paths, relative to it, and labels. A first row such as `path,label` tells the columns;
 * without one they are the first two.
 *
 * Labels that are all integers are class indices; else they are names, and the classes are the sorted names, as folders are.
 */
export class CsvDataset extends Dataset {
  readonly classes: readonly string[]
  /** Whether the labels are names. */
  readonly isNamed: boolean
  /** All files, in the order of the rows. */
  readonly samples: readonly ImageFile[]
  readonly #decodeOptions: DecodeOptions

  /**
   * Reads the list; no image is opened before it is asked for.
   *
   * @throws {TorchError} `TORCH_DATASET` if the file cannot be read, is no CSV file, has no row, or has a row without a path or a label.
   */
  static async open(path: string, options: DecodeOptions = {}): Promise<CsvDataset> {
    checkString('path', path)
    checkOptions('CsvDataset.open()', options, ['exifOrientation', 'maxPixels'])
    const rows: CsvRow[] = []
    for await (const row of csvRows(path)) rows.push(row)
    const columns = columnsOf(rows[0]?.cells ?? [])
    const listed = (columns === null ? rows : rows.slice(1)).map(({ cells, line }) => {
      const [file, label] = [cells[columns?.path ?? 0] ?? '', cells[columns?.label ?? 1] ?? '']
      if (file === '') throw lineError(path, line, 'Has no path')
      if (label === '') throw lineError(path, line, 'Has no label')
      return { path: resolve(dirname(path), file), label }
    })
    if (listed.length === 0) throw new TorchError('TORCH_DATASET', `${shorten(path)}: Lists no image`)
    return new CsvDataset(listed, options)
  }

  private constructor(listed: readonly { readonly path: string; readonly label: string }[], options: DecodeOptions) {
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

  protected override async read(index: number): Promise<Sample> {
    const { path, label } = this.samples[index] ?? { path: '', label: 0 }
    return { image: await decodeImage(path, this.#decodeOptions), label }
  }
}

/** Tells the columns by a row that names them; null if it does not. */
function columnsOf(cells: readonly string[]): { readonly path: number; readonly label: number } | null {
  const names = cells.map((cell) => cell.toLowerCase())
  const path = names.findIndex((name) => PATH_NAMES.includes(name))
  const label = names.findIndex((name) => LABEL_NAMES.includes(name))
  return path < 0 || label < 0 ? null : { path, label }
}

/** Python's order of strings: UTF-8 sorts by code points, UTF-16 does not. */
function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
