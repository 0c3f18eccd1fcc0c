import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

describe('examples/own_architecture', function () {
  this.timeout(60_000)

  it('gives the answers of the Python model whose checkpoint it loads', async () => {
    const script = 'examples/own_architecture/main.ts'
    const node = ['--conditions=napi-torch-source', '--import', 'tsx', script]

    const { stdout } = await promisify(execFile)(process.execPath, node, { cwd: ROOT })

    const answers = stdout.trimEnd().split('\n').slice(-7)
    const difference = answers.pop()?.replace("The largest difference from Python's answers is ", '')
    assert.deepEqual(answers, await answersOfPython())
    assert.ok(Number(difference) <= 1e-5, `the difference is ${difference}`)
  })
})

async function answersOfPython(): Promise<(string | undefined)[]> {
  const text = await readFile(path.join(ROOT, 'examples/own_architecture/expected.json'), 'utf8')
  const { classes, logits } = JSON.parse(text) as { readonly classes: string[]; readonly logits: number[][] }
  return logits.map((row) => classes[row.indexOf(Math.max(...row))])
}
