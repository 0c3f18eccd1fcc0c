import assert from 'node:assert/strict'
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { inFolder } from '../support/checkpoints.js'
import { libraryFile } from '../../lib/libtorch/folder.js'
import { napiTorch } from '../support/cli.js'
import { writeFiles } from '../support/folder.js'
import { torchFiles } from '../support/libtorch.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

interface Check {
  readonly name: string
  readonly ok: boolean
  readonly found: string
  readonly fix: string | null
}

interface Report {
  readonly ok: boolean
  readonly checks: readonly Check[]
}

describe('napi-torch doctor', function () {
  this.timeout(120_000)

  it('finds nothing wrong where the tests run', async () => {
    const { status, stdout, stderr } = await napiTorch(['doctor'])

    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
    const lines = stdout.split('\n')
    assert.equal(lines[0], `✓  Node.js       ${process.versions.node}`)
    assert.ok(lines.some((line) => /^✓ {2}libtorch {6}2\.13\.0 \(\w+\) in \S+, /.test(line)))
    assert.ok(lines.some((line) => /^✓ {2}Native addon {2}\S+napi_torch\.node, opened$/.test(line)))
    assert.ok(lines.some((line) => /^✓ {2}Threads {7}\d+ of \d+ CPU cores?$/.test(line)))
    assert.equal(lines.at(-2), 'No problems found.')
  })

  it('prints the same as JSON', async () => {
    const { status, stdout } = await napiTorch(['doctor', '--json'])

    const { ok, checks } = JSON.parse(stdout) as Report
    assert.deepEqual({ status, ok }, { status: 0, ok: true })
    const names = ['node', 'platform', 'libc', 'libtorch', 'addon', 'cpu', 'threads', 'cuda', 'images']
    assert.deepEqual(
      checks.map(({ name }) => name),
      process.platform === 'linux' ? names : names.filter((name) => name !== 'libc'),
    )
    assert.ok(checks.every((check) => check.ok && check.fix === null))
  })

  it('names the repair where libtorch is missing, and ends with 3', async () => {
    const { status, stdout, stderr } = await napiTorch(['doctor', '--json'], {
      env: { NAPI_TORCH_LIBTORCH: '/no/libtorch' },
    })

    const { ok, checks } = JSON.parse(stdout) as Report
    assert.deepEqual({ status, stderr, ok }, { status: 3, stderr: '', ok: false })
    assert.deepEqual(
      checks.filter((check) => !check.ok),
      [
        {
          name: 'libtorch',
          ok: false,
          found:
            'NAPI_TORCH_LIBTORCH names /no/libtorch, which does not exist; ' +
            'name a folder of libtorch, or unset it and run: npx napi-torch install-libtorch',
          fix: 'unset NAPI_TORCH_LIBTORCH && npx napi-torch install-libtorch',
        },
        { name: 'addon', ok: false, found: 'not opened: it needs libtorch', fix: 'repair libtorch first' },
      ],
    )
  })

  it('prints each repair below what it repairs', async () => {
    const { stdout } = await napiTorch(['doctor'], { env: { NAPI_TORCH_LIBTORCH: '/no/libtorch' } })

    assert.match(
      stdout,
      /\n✗ {2}Native addon {2}not opened: it needs libtorch\n {17}→ repair libtorch first\n✓ {2}Images /,
    )
    assert.match(stdout, /\n2 problems found\.\n$/)
  })

  it('reports a libtorch that cannot be opened', async () => {
    await inFolder(async (folder) => {
      await mkdir(join(folder, 'lib'))
      for (const name of ['libc10.so', 'libtorch_cpu.so']) await writeFile(join(folder, 'lib', name), 'no library')
      await writeFile(join(folder, 'build-version'), '2.13.0+cpu')

      const { status, stdout } = await napiTorch(['doctor'], { env: { NAPI_TORCH_LIBTORCH: folder } })

      assert.equal(status, 3)
      assert.ok(stdout.includes(`\n✗  libtorch      Cannot open libtorch 2.13.0 in ${folder}: `))
    })
  })

  for (const source of ['the cache', 'NAPI_TORCH_LIBTORCH']) {
    it(`finds a changed byte in the libtorch of ${source}, and names the repair`, async () => {
      await inFolder(async (folder) => {
        const name = `torch/lib/${libraryFile('c10')}`
        const place = join(folder, 'libtorch-2.13.0-cpu')
        writeFiles(place, torchFiles({ headers: false }))
        const files = { [name]: { bytes: 18, sha256: 'another' } }
        writeFiles(place, { 'napi-torch.json': JSON.stringify({ version: '2.13.0', flavor: 'cpu', files }) })
        const isNamed = source !== 'the cache'

        const { status, stdout } = await napiTorch(['doctor', '--json'], {
          env: {
            NAPI_TORCH_CACHE: folder,
            NAPI_TORCH_LIBTORCH: isNamed ? join(place, 'torch') : undefined,
            PATH: '/no/python',
          },
        })

        assert.equal(status, 3)
        const libtorch = (JSON.parse(stdout) as Report).checks.find((check) => check.name === 'libtorch')
        assert.deepEqual(libtorch, {
          name: 'libtorch',
          ok: false,
          found: `${join(place, 'torch')} is damaged: ${name} has another SHA-256 than when it was installed`,
          // While the variable names the folder, what is installed elsewhere is not looked at.
          fix: `${isNamed ? 'unset NAPI_TORCH_LIBTORCH && ' : ''}npx napi-torch install-libtorch`,
        })
      })
    })
  }

  describe('without a built addon', () => {
    /** Runs the doctor of a copy of this package that has its npm packages and nothing else. */
    const inCopy = (env: Readonly<Record<string, string | undefined>>, check: (report: Report) => void) =>
      inFolder(async (copy) => {
        await cp(join(ROOT, 'lib'), join(copy, 'lib'), { recursive: true })
        await cp(join(ROOT, 'package.json'), join(copy, 'package.json'))
        await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'))

        const main = join(copy, 'lib', 'cli', 'main.ts')
        const { status, stdout, stderr } = await napiTorch(['doctor', '--json'], { env, main })

        assert.deepEqual({ status, stderr }, { status: 3, stderr: '' })
        check(JSON.parse(stdout) as Report)
      })

    it('says how to build it, and finds libtorch all the same', () =>
      inCopy({}, ({ checks }) => {
        const [addon, ...others] = checks.filter(({ ok }) => !ok)
        assert.deepEqual([addon?.name, others], ['addon', []])
        assert.equal(addon?.fix, 'npx napi-torch build')
        assert.match(addon.found, /^Found no native addon for /)
      }))

    it('says what to do where there is no libtorch either', () =>
      inCopy({ NAPI_TORCH_LIBTORCH: undefined, NAPI_TORCH_CACHE: '/no/cache', PATH: '/no/python' }, ({ checks }) => {
        const wrong = checks.filter(({ ok }) => !ok)
        assert.deepEqual(
          wrong.map(({ name }) => name),
          ['libtorch', 'addon'],
        )
        assert.equal(wrong[0]?.fix, 'npx napi-torch install-libtorch')
        assert.match(
          wrong[0].found,
          /^Found no libtorch 2\.13 on this machine; looked at\n {2}NAPI_TORCH_LIBTORCH: not set\n/,
        )
      }))
  })
})
