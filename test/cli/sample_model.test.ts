import assert from 'node:assert/strict'
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { SAMPLE_MODEL_PACKAGE, sampleModelFolder } from '../../lib/cli/sample_model.js'
import { inFolder } from '../support/checkpoints.js'
import { evaluateModule } from '../support/child.js'
import { FASHION_MNIST } from '../support/fashion_mnist.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Asks a copy of this package without models/, in a project of its own. */
const inProject = (make: (project: string) => Promise<void>, check: (found: unknown, project: string) => void) =>
  inFolder(async (project) => {
    const copy = join(project, 'elsewhere', 'napi-torch')
    await cp(join(ROOT, 'lib'), join(copy, 'lib'), { recursive: true })
    await cp(join(ROOT, 'package.json'), join(copy, 'package.json'))
    await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
    await make(project)
    const source = `
      import { sampleModelFolder } from ${JSON.stringify(pathToFileURL(join(copy, 'lib/cli/sample_model.ts')).href)}
      let found
      try { found = sampleModelFolder() } catch ({ code, message }) { found = { code, message } }
      console.log(JSON.stringify(found))`
    check(await evaluateModule(source, { cwd: project }), project)
  })

describe('sampleModelFolder()', () => {
  it('is models/fashion-mnist in a checkout', () => {
    assert.equal(join(sampleModelFolder(), '.'), join(FASHION_MNIST, '.'))
  })

  it('is the npm package in a project that has it, even where package managers keep packages apart', () =>
    inProject(
      async (project) => {
        const folder = join(project, 'node_modules', SAMPLE_MODEL_PACKAGE)
        await mkdir(folder, { recursive: true })
        await writeFile(join(folder, 'package.json'), '{}')
      },
      (found, project) => assert.equal(found, join(project, 'node_modules', SAMPLE_MODEL_PACKAGE)),
    ))

  it('names the command that installs it where it is not there', () =>
    inProject(
      () => Promise.resolve(),
      (found) =>
        assert.deepEqual(found, {
          code: 'TORCH_FILE',
          message:
            'The sample model is in the package @napi-torch/fashion-mnist; run: npm install @napi-torch/fashion-mnist',
        }),
    ))
})
