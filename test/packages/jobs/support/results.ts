import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

import { Classifier } from 'napi-torch'
import type { PredictionRow, ResultRow } from '@napi-torch/jobs'

import { CHECKPOINT } from '../../../support/fashion_mnist.js'

/** Reads a file with one JSON value per line. */
export function readRows(path: string): ResultRow[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line) as ResultRow)
}

/** Classifies images in this process, one after the other, and returns rows like those of a run. */
export async function predictionsHere(paths: readonly string[]): Promise<PredictionRow[]> {
  await using classifier = await Classifier.load(CHECKPOINT)
  const rows: PredictionRow[] = []
  for await (const { predictions } of classifier.classify(paths.values(), { topK: 1 })) {
    // A stream keeps the order of its source.
    const path = paths[rows.length] ?? ''
    const [best] = predictions ?? []
    assert.ok(best !== undefined, path)
    rows.push({ path, label: best.label, index: best.index, probability: best.probability })
  }
  return rows
}

/** Largest difference of a probability between processes: batches of different sizes are summed in a different order. */
export const PROBABILITY_TOLERANCE = 1e-5

/** Counts the rows that differ from those of one process: in path, class, or by more than {@link PROBABILITY_TOLERANCE}. */
export function countDifferences(rows: readonly ResultRow[], here: readonly PredictionRow[]): number {
  return here.filter((expected, position) => {
    const row = rows[position]
    if (row === undefined || !('index' in row)) return true
    const isSame = row.path === expected.path && row.index === expected.index && row.label === expected.label
    return !isSame || Math.abs(row.probability - expected.probability) > PROBABILITY_TOLERANCE
  }).length
}
