import { shorten } from 'napi-torch/internal'
import { type Prediction, TorchError, type TorchErrorCode } from 'napi-torch'
import type { Task } from './manifest.js'
import type { Counts } from './runs.js'

/** Result row of an image that was classified. */
export interface PredictionRow {
  /** Path or address of the image, as in the list of the run. */
  readonly path: string
  /** Name of the class; null if the classes have no names. */
  readonly label: string | null
  /** Index of the class. */
  readonly index: number
  /** 0 to 1. */
  readonly probability: number
  /** All predictions, best first, if more than one was requested. */
  readonly top?: readonly Prediction[] | undefined
}

/** Result row of an image whose feature vector is in the array of the same name, in the row of the same number. */
export interface FeatureRow {
  readonly path: string
  /** Length of the vector. */
  readonly features: number
}

/** Result row of an image that failed. Its feature vector, if features were requested, is NaN. */
export interface ErrorRow {
  readonly path: string
  readonly error: { readonly code: TorchErrorCode; readonly message: string }
}

/** A row of the results, one per image. */
export type ResultRow = PredictionRow | FeatureRow | ErrorRow

/** Makes the row of an image from its predictions, best first. */
export function predictionRow(path: string, predictions: readonly Prediction[]): PredictionRow {
  const [best] = predictions
  if (best === undefined) throw new TorchError('TORCH_INTERNAL', `${shorten(path)}: The model made no prediction`)
  const { label, index, probability } = best
  return { path, label, index, probability, ...(predictions.length > 1 && { top: predictions }) }
}

/** Makes the row of an image that failed. */
export function errorRow(path: string, { code, message }: TorchError): ErrorRow {
  return { path, error: { code, message } }
}

/** Counts images, and errors by code. */
export function countRows(rows: readonly ResultRow[]): Counts {
  const errors: Record<string, number> = {}
  for (const row of rows) if ('error' in row) errors[row.error.code] = (errors[row.error.code] ?? 0) + 1
  return { images: rows.length, errors }
}

/** Prints rows as lines of JSON. */
export function formatRows(rows: readonly ResultRow[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('')
}

/** Parses the rows of a chunk; null unless there is one of the right kind for each image, in the same order. */
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
