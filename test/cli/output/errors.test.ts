import assert from 'node:assert/strict'

import { CheckpointError, TorchError } from 'napi-torch'

import { EXIT, exitCodeOf } from '../../../lib/cli/exit_codes.js'
import { errorDetails, errorLine } from '../../../lib/cli/output/errors.js'

describe('errorLine()', () => {
  it('puts several lines into one', () => {
    const error = new TorchError('TORCH_STATE_DICT', 'Error(s) in loading:\n\tMissing key(s): "a".\n\tUnexpected: "b".')

    assert.equal(
      errorLine(error),
      'napi-torch: Error(s) in loading: Missing key(s): "a".; Unexpected: "b". (TORCH_STATE_DICT)',
    )
  })

  it('cuts the middle out of what no screen can show, and keeps the end, which says what to do', () => {
    const line = errorLine(new TorchError('TORCH_STATE_DICT', `Missing ${'"key", '.repeat(500)}run this`))

    assert.ok(line.length < 800)
    assert.match(line, /^napi-torch: Missing "key", .* … .*run this \[--verbose shows all\] \(TORCH_STATE_DICT\)$/)
  })

  it('prints control characters of a file name as text', () => {
    assert.equal(
      errorLine(new TorchError('TORCH_FILE', '\u001b[31m.pth: No such file')),
      'napi-torch: \\u001b[31m.pth: No such file (TORCH_FILE)',
    )
  })

  const advised: readonly (readonly [name: string, value: string | boolean, flag: string])[] = [
    ['wholeModule', true, '--whole-module'],
    ['key', 'model.ema', '--key model.ema'],
    ['key', "it's $& `new`", "--key 'it'\\''s $& `new`'"],
    ['stripPrefix', 'module.', '--strip-prefix module.'],
  ]
  for (const [name, value, flag] of advised) {
    it(`names the option ${name} as ${flag}`, () => {
      const text = '{ as in a program }'
      const options = { suggestion: { name, value, text } }
      const error = new CheckpointError('TORCH_CHECKPOINT_UNSUPPORTED', `x.pth: pass ${text} to take it`, options)

      assert.equal(errorLine(error), `napi-torch: x.pth: pass ${flag} to take it (TORCH_CHECKPOINT_UNSUPPORTED)`)
    })
  }

  it('gives the code of a system error, and TORCH_INTERNAL for what has none', () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })

    assert.equal(errorLine(full), 'napi-torch: ENOSPC: no space left on device, write (ENOSPC)')
    assert.equal(errorLine('a string'), 'napi-torch: a string (TORCH_INTERNAL)')
  })
})

describe('errorDetails()', () => {
  it('gives stack, causes and native trace', () => {
    const cause = new Error('below')
    const error = new TorchError('TORCH_OPERATOR', 'above', { cause, nativeTrace: 'frame #0: at::conv2d\n' })

    const details = errorDetails(error)

    assert.match(
      details,
      /^TorchError: above\n {4}at [^]*\nNative trace:\nframe #0: at::conv2d\nCaused by: Error: below\n/,
    )
  })

  it('follows causes that lead in a circle once', () => {
    const error = new Error('round')
    error.cause = error

    assert.equal(errorDetails(error).match(/round/g)?.length, 1)
  })
})

describe('exitCodeOf()', () => {
  const cases = [
    ['TORCH_USAGE', EXIT.usage],
    ['TORCH_LIBTORCH_NOT_FOUND', EXIT.installation],
    ['TORCH_ADDON_NOT_FOUND', EXIT.installation],
    ['TORCH_FILE', EXIT.failed],
  ] as const
  for (const [code, exitCode] of cases) {
    it(`gives ${exitCode} for ${code}`, () => {
      assert.equal(exitCodeOf(new TorchError(code, 'text')), exitCode)
    })
  }

  it('gives 1 for an error of other code', () => {
    assert.equal(exitCodeOf(new Error('text')), EXIT.failed)
  })
})
