import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

import { runChild } from '../../support/installed.js'

const PROGRAM = readFileSync(new URL('fuzz.mjs', import.meta.url), 'utf8')
const CALLS_OF_EACH = 30
// The first test also installs the package.
const TIMEOUT_MS = 120_000
const STEPS = ['aten', 'shared', 'network', 'quantize', 'dequantize', 'maxPoolBytes', 'meanOfBytes']
const OPERATIONS = ['conv2d', 'maxPool2d', 'globalAvgPool', 'linear', 'add']

interface FuzzReport {
  readonly counts: Record<string, number>
  /** How often each kind of step and operation was part of a plan that ran to its end. */
  readonly ran: Record<string, number>
  readonly faults: string[]
}

describe('the native functions', () => {
  for (const seed of [1, 2]) {
    it(`end in a value or a TorchError, whatever they are given (seed ${seed})`, () => {
      const { code, signal, stdout, stderr } = runChild(PROGRAM, { args: [String(CALLS_OF_EACH), String(seed)] })

      assert.deepEqual({ code, signal }, { code: 0, signal: null }, `The last function is the culprit:\n${stderr}`)
      const { counts, ran, faults } = JSON.parse(stdout) as FuzzReport
      assert.deepEqual(faults, [])
      // That the calls were neither all right nor all wrong.
      for (const outcome of ['value', 'TORCH_INVALID_ARGUMENT', 'TORCH_OPERATOR', 'TORCH_DISPOSED', 'TORCH_FILE']) {
        assert.ok((counts[outcome] ?? 0) > 0, `${outcome} never came: ${stdout}`)
      }
      for (const kind of [...STEPS, ...OPERATIONS]) {
        assert.ok((ran[kind] ?? 0) > 0, `No plan with ${kind} ran: ${stdout}`)
      }
    }).timeout(TIMEOUT_MS)
  }
})
