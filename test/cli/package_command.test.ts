import assert from 'node:assert/strict'
import { cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { inFolder } from '../support/checkpoints.js'
import { napiTorch } from '../support/cli.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Calls `body` with the program of a copy of this package, in a project that has none of this project's other packages. */
const withoutPackages = (body: (main: string, project: string) => Promise<void>): Promise<void> =>
  inFolder(async (project) => {
    const copy = join(project, 'elsewhere', 'napi-torch')
    await cp(join(ROOT, 'lib'), join(copy, 'lib'), { recursive: true })
    await cp(join(ROOT, 'package.json'), join(copy, 'package.json'))
    await mkdir(join(copy, 'node_modules'))
    for (const name of await readdir(join(ROOT, 'node_modules'))) {
      if (name === '@napi-torch' || name === 'napi-torch') continue
      await symlink(join(ROOT, 'node_modules', name), join(copy, 'node_modules', name))
    }
    await body(join(copy, 'lib', 'cli', 'main.ts'), project)
  })

describe('A command of another package', function () {
  this.timeout(60_000)

  for (const [command, packageName] of [
    ['serve', '@napi-torch/server'],
    ['jobs', '@napi-torch/jobs'],
  ] as const) {
    for (const args of [[command], [command, '--help'], ['help', command]]) {
      it(`says how to install its package where it is missing: ${args.join(' ')}`, () =>
        withoutPackages(async (main, cwd) => {
          assert.deepEqual(await napiTorch(args, { main, cwd }), {
            status: 1,
            signal: null,
            stdout: '',
            stderr: `napi-torch: The command ${command} needs the package ${packageName}; run: npm install ${packageName} (TORCH_NOT_INSTALLED)\n`,
          })
        }))
    }
  }

  it('is listed in the help of the program all the same', () =>
    withoutPackages(async (main, cwd) => {
      const { status, stdout } = await napiTorch(['--help'], { main, cwd })

      assert.equal(status, 0)
      assert.match(stdout, /^ {2}serve +serve models over HTTP$/m)
    }))

  it('is found in the project of the current folder, where package managers keep packages apart', () =>
    withoutPackages(async (main, project) => {
      const folder = join(project, 'node_modules', '@napi-torch', 'server')
      await mkdir(folder, { recursive: true })
      const manifest = { name: '@napi-torch/server', type: 'module', exports: { './cli': './cli.js' } }
      await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
      await writeFile(
        join(folder, 'cli.js'),
        `export const command = {
          name: 'serve',
          description: 'Serves.',
          options: { port: { value: '<n>', description: 'port' } },
          run: async (args, { port }, { terminal }) => { terminal.print(\`at \${port}\`); return 7 },
        }`,
      )

      const { status, stdout } = await napiTorch(['serve', '--port', '80'], { main, cwd: project })

      assert.deepEqual([status, stdout], [7, 'at 80\n'])
    }))
})
