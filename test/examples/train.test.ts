import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { useTemporaryFolder } from '../support/folder.js'
import { itWithPython, python } from '../support/python.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

describe('examples/train', () => {
  const temporaryFolder = useTemporaryFolder()

  itWithPython('has the losses of its twin in Python over 20 steps, within 1e-4', async function (this: Mocha.Context) {
    this.timeout(120_000)
    const folder = temporaryFolder()
    const script = "import runpy, sys; sys.argv[0] = 'examples/train/train.py'; runpy.run_path(sys.argv[0])"
    const theirs = python(script, [folder]).trim().split('\n').map(Number)
    const node = ['--conditions=napi-torch-source', '--import', 'tsx', 'examples/train/main.ts', folder]

    const { stdout } = await promisify(execFile)(process.execPath, node, { cwd: ROOT })

    const ours = stdout.trim().split('\n').map(Number)
    assert.deepEqual([ours.length, theirs.length], [20, 20])
    ours.forEach((loss, step) => {
      assert.ok(Math.abs(loss - (theirs[step] ?? NaN)) < 1e-4, `step ${step}: ${loss}, in Python ${theirs[step]}`)
    })
  })
})
