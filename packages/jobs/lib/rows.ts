import { type Answer, TorchError, type TorchErrorCode } from 'napi-torch'
import type { Task } from './manifest.js'
import type { Counts } from './runs.js'

/** The line of an image that was classified. */
export interface AnswerRow {
  /** The image, as it stands in the list of the run. */
  readonly path: string
  /** Name of the class; null where nobody has named the classes. */
  readonly label: string | null
  /** Index of the class. */
  readonly index: number
  /** 0 to 1. */
  readonly probability: number
  /** All answers, best first, where more than one was asked for. */
  readonly top?: readonly Answer[] | undefined
}

/** The line of an image whose features are in the array beside it, in the row of the same number. */
export interface FeatureRow {
  readonly path: string
  /** Length of the vector. */
  readonly features: number
}

/** The line of an image that could not be used. Its features, where such were asked for, are NaN. */
export interface ErrorRow {
  readonly path: string
  readonly error: { readonly code: TorchErrorCode; readonly message: string }
}

/** A line of the results. */
export type ResultRow = AnswerRow | FeatureRow | ErrorRow

export function answerRow(path: string, answers: readonly Answer[]): AnswerRow {
  const [best] = answers
  if (best === undefined) throw new TorchError('TORCH_INTERNAL', `${path}: The model gave no answer`)
  const { label, index, probability } = best
  return { path, label, index, probability, ...(answers.length > 1 && { top: answers }) }
}

export function errorRow(path: string, { code, message }: TorchError): ErrorRow {
  return { path, error: { code, message } }
}

/** Counts what became of images. */
export function countRows(rows: readonly ResultRow[]): Counts {
  const errors: Record<string, number> = {}
  for (const row of rows) if ('error' in row) errors[row.error.code] = (errors[row.error.code] ?? 0) + 1
  return { images: rows.length, errors }
}

/** Puts rows into lines of JSON. */
export function formatRows(rows: readonly ResultRow[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('')
}

/** Reads the lines of a chunk; null unless there is one of the right kind for each image, in the same order. */
export function parseRows(text: string, images: readonly string[], task: Task): ResultRow[] | null {
  const lines = text.split('\n')
  if (lines.pop() !== '' || lines.length !== images.length) return null
  const rows: ResultRow[] = []
  for (const [position, line] of lines.entries()) {
    const row = jsonOf(line)
    if (!isRow(row, task) || row.path !== images[position]) return null
    rows.push(row)
  }
  return rows
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}

function isRow(value: unknown, task: Task): value is ResultRow {
  if (typeof value !== 'object' || value === null || !('path' in value)) return false
  if ('error' in value) return typeof value.error === 'object' && value.error !== null && 'code' in value.error
  return task === 'classify' ? 'index' in value : 'features' in value
}
