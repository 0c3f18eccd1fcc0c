import assert from 'node:assert/strict'

import { TorchError } from 'napi-torch'

import { countRows, errorRow, formatRows, parseRows, predictionRow } from '../../../packages/jobs/lib/rows.js'

const BEST = { label: 'cat', index: 3, probability: 0.75 }
const SECOND = { label: 'dog', index: 5, probability: 0.125 }

describe('predictionRow()', () => {
  it('has the best prediction alone if one was requested', () => {
    assert.deepEqual(predictionRow('a.jpg', [BEST]), { path: 'a.jpg', ...BEST })
  })

  it('has all predictions beside the best one if more were requested', () => {
    assert.deepEqual(predictionRow('a.jpg', [BEST, SECOND]), { path: 'a.jpg', ...BEST, top: [BEST, SECOND] })
  })

  it('refuses no prediction', () => {
    assert.throws(() => predictionRow('a.jpg', []), {
      code: 'TORCH_INTERNAL',
      message: 'a.jpg: The model made no prediction',
    })
  })
})

describe('countRows()', () => {
  it('counts images, and errors by code', () => {
    const failed = (code: 'TORCH_FILE' | 'TORCH_IMAGE'): object => errorRow('b.jpg', new TorchError(code, 'text'))
    const rows = parseRows(
      formatRows([predictionRow('a.jpg', [BEST])]) +
        [failed('TORCH_FILE'), failed('TORCH_IMAGE'), failed('TORCH_FILE')]
          .map((row) => `${JSON.stringify(row)}\n`)
          .join(''),
      ['a.jpg', 'b.jpg', 'b.jpg', 'b.jpg'],
      'classify',
    )

    assert.deepEqual(countRows(rows ?? []), { images: 4, errors: { TORCH_FILE: 2, TORCH_IMAGE: 1 } })
  })
})
