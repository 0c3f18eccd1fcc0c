import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

import { Classifier } from 'napi-torch'
import type { AnswerRow, ResultRow } from '@napi-torch/jobs'

import { CHECKPOINT } from '../../../support/fashion_mnist.js'

/** Reads a file with a JSON value a line. */
export function readRows(path: string): ResultRow[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line) as ResultRow)
}

/** Answers images in this process, one after the other, as the rows of a run have them. */
export async function answersHere(paths: readonly string[]): Promise<AnswerRow[]> {
  await using classifier = await Classifier.load(CHECKPOINT)
  const rows: AnswerRow[] = []
  for await (const { answers } of classifier.classify(paths.values(), { topK: 1 })) {
    // A stream keeps the order of its source.
    const path = paths[rows.length] ?? ''
    const [best] = answers ?? []
    assert.ok(best !== undefined, path)
    rows.push({ path, label: best.label, index: best.index, probability: best.probability })
  }
  return rows
}

/** How far a probability may lie from that of another process: batches of other sizes are summed up in another order. */
export const PROBABILITY_TOLERANCE = 1e-5

/** Compares rows with those of one process: the images in the same order, the same classes, probabilities as near as above. */
export function countDifferences(rows: readonly ResultRow[], here: readonly AnswerRow[]): number {
  return here.filter((expected, position) => {
    const row = rows[position]
    if (row === undefined || !('index' in row)) return true
    const isSame = row.path === expected.path && row.index === expected.index && row.label === expected.label
    return !isSame || Math.abs(row.probability - expected.probability) > PROBABILITY_TOLERANCE
  }).length
}
