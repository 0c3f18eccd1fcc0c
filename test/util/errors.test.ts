import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'

import { CheckpointError, ERROR_CODES, StateDictError, TorchError } from 'napi-torch'

import type * as Errors from '../../lib/util/errors.js'

describe('docs/errors.md', () => {
  it('lists exactly the codes of the table, with the same meanings, in the same order', async () => {
    const page = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8')
    const rows = [...page.matchAll(/^\| `(TORCH_\w+)` \| (.+?) \| (.+?) \|$/gm)].map(([, code, meaning]) => [
      code,
      meaning,
    ])

    assert.deepEqual(rows, Object.entries(ERROR_CODES))
  })
})

describe('TorchError', () => {
  it('carries code, message, cause and native trace', () => {
    const cause = new Error('below')
    const error = new TorchError('TORCH_OPERATOR', 'above', { cause, nativeTrace: 'frames' })

    assert.equal(error.code, 'TORCH_OPERATOR')
    assert.equal(String(error), 'TorchError: above')
    assert.equal(error.cause, cause)
    assert.equal(error.nativeTrace, 'frames')
    assert.deepEqual(Object.keys(error), ['code'])
  })

  it('recognizes the errors of another copy of the package', async () => {
    const copy = new URL('../../lib/util/errors.ts', import.meta.url).href
    const other = (await import(copy)) as typeof Errors

    assert.notEqual(other.TorchError, TorchError)
    assert.ok(new other.TorchError('TORCH_FILE', 'no file') instanceof TorchError)
    assert.ok(!(new Error('plain') instanceof TorchError))
  })

  it('is the base of the special kinds, which are told apart', () => {
    const checkpoint = new CheckpointError('TORCH_CHECKPOINT_CORRUPT', 'torn', { path: 'a.pth', offset: 4 })
    const state = new StateDictError('unfit', { missingKeys: ['a'], unexpectedKeys: [], mismatches: [] })

    assert.ok(checkpoint instanceof TorchError && checkpoint instanceof CheckpointError)
    assert.ok(state instanceof StateDictError && !(state instanceof CheckpointError))
    assert.equal(state.name, 'StateDictError')
    assert.equal(checkpoint.offset, 4)
  })
})
