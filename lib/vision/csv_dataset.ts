import { dirname, resolve } from 'node:path'

import { checkOptions, checkString } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { Dataset, type Sample } from './dataset.js'
import { decodeImage, type DecodeOptions } from './decode.js'
import { readBytes } from '../util/errno.js'
import type { ImageFile } from './image_folder.js'

/** What the columns are called where the first row says so; of several, whichever comes first. */
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
   * @throws {TorchError} `TORCH_DATASET` if the file cannot be read, holds no row, or a row without a path or a label.
   */
  static async open(path: string, options: DecodeOptions = {}): Promise<CsvDataset> {
    checkString('path', path)
    checkOptions('CsvDataset.open()', options, ['exifOrientation', 'maxPixels'])
    const text = new TextDecoder().decode(await readBytes(path, 'TORCH_DATASET'))
    const rows = rowsOf(path, text)
    const columns = columnsOf(rows[0]?.cells ?? [])
    const listed = (columns === null ? rows : rows.slice(1)).map(({ cells, line }) => {
      const [file, label] = [cells[columns?.path ?? 0] ?? '', cells[columns?.label ?? 1] ?? '']
      if (file === '') throw failure(path, line, 'Has no path')
      if (label === '') throw failure(path, line, 'Has no label')
      return { path: resolve(dirname(path), file), label }
    })
    if (listed.length === 0) throw new TorchError('TORCH_DATASET', `${path}: Lists no image`)
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

interface Row {
  readonly cells: readonly string[]
  /** Number of its first line, from 1. */
  readonly line: number
}

/** Splits a text as RFC 4180 has it; blank lines are no rows. */
function rowsOf(path: string, text: string): Row[] {
  const rows: Row[] = []
  let cells: string[] = []
  let line = 1
  let start = 1
  // A cell, quoted or plain, and what ends it.
  const pattern = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/gy
  const plain = text.replace(/^\ufeff/, '')
  while (pattern.lastIndex < plain.length) {
    const match = pattern.exec(plain)
    if (match === null) throw failure(path, line, 'Has a quote out of place')
    const [whole, quoted, bare = '', end] = match
    cells.push(quoted === undefined ? bare.trim() : quoted.replaceAll('""', '"'))
    line += whole.match(/\r\n|\n|\r/g)?.length ?? 0
    if (end === ',' && pattern.lastIndex < plain.length) continue
    if (end === ',') cells.push('')
    if (cells.some((cell) => cell !== '')) rows.push({ cells, line: start })
    cells = []
    start = line
  }
  return rows
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

function failure(path: string, line: number, text: string): TorchError {
  return new TorchError('TORCH_DATASET', `${path}: Line ${line}: ${text}`)
}
