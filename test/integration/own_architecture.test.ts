import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import type { Prediction } from 'napi-torch'
import { merge } from '@napi-torch/jobs'
import sharp from 'sharp'

import { napiTorch } from '../support/cli.js'
import { useTemporaryFolder } from '../support/folder.js'
import { itWithPython } from '../support/python.js'
import { readRows } from '../packages/jobs/support/results.js'
import { useJobs } from '../packages/jobs/support/setup.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const FOLDER = join(ROOT, 'examples/own_architecture')
const CHECKPOINT = join(FOLDER, 'stripes.pth')
const MODULE = join(FOLDER, 'stripes_net.ts')

/** Images, classes and logits of the Python model. */
interface Expected {
  readonly classes: readonly string[]
  readonly images: readonly (readonly number[])[]
  readonly logits: readonly (readonly number[])[]
}

const { classes, images, logits } = JSON.parse(readFileSync(join(FOLDER, 'expected.json'), 'utf8')) as Expected

const winners = logits.map((row) => classes[row.indexOf(Math.max(...row))] ?? '')

/** Writes the images into a folder for each class. */
async function writeImages(folder: string): Promise<string[]> {
  const paths = images.map((_, index) => join(folder, winners[index] ?? '', `${index}.png`))
  for (const [index, path] of paths.entries()) {
    await mkdir(dirname(path), { recursive: true })
    const raw = { width: 16, height: 16, channels: 1 } as const
    await writeFile(
      path,
      await sharp(Uint8Array.from(images[index] ?? []), { raw })
        .png()
        .toBuffer(),
    )
  }
  return paths
}

/** Runs a step of test/support/own_architecture.mts, which fails the process where something is wrong. */
async function run(step: string, ...args: readonly string[]): Promise<void> {
  const script = ['--conditions=napi-torch-source', '--import', 'tsx', 'test/support/own_architecture.mts']
  const { stdout } = await promisify(execFile)(process.execPath, [...script, step, ...args], { cwd: ROOT })
  assert.ok(stdout.endsWith(`${step} done\n`), stdout)
}

describe('a model of an own architecture', function () {
  this.timeout(60_000)
  const folder = useTemporaryFolder()

  it('classifies by Classifier.from(), and stays the caller’s', async () =>
    run('from', ...(await writeImages(folder()))))

  it('is refused without a preset, in training mode, and with too few labels', () => run('refusals'))

  it('is classified by --module', async () => {
    const paths = await writeImages(folder())

    const { status, stdout, stderr } = await napiTorch(['classify', CHECKPOINT, ...paths, '--module', MODULE, '--json'])

    assert.equal(status, 0, stderr)
    const lines = stdout.trimEnd().split('\n')
    const reports = lines.map((line) => JSON.parse(line) as { readonly answers: readonly Prediction[] })
    assert.deepEqual(
      reports.map(({ answers }) => answers[0]?.label),
      winners,
    )
  })

  it('is evaluated by --module', async () => {
    await writeImages(folder())

    const { status, stdout, stderr } = await napiTorch(['evaluate', CHECKPOINT, folder(), '--module', MODULE, '--json'])

    assert.equal(status, 0, stderr)
    assert.equal((JSON.parse(stdout) as { readonly top1: number }).top1, 1)
  })

  itWithPython('is verified by --module against its Python class', async () => {
    const python = process.env['NAPI_TORCH_TEST_PYTHON'] ?? ''
    const own = ['--module', MODULE, '--python-module', `${join(FOLDER, 'make_checkpoint.py')}:StripesNet`]

    const { status, stdout, stderr } = await napiTorch(['verify', CHECKPOINT, ...own, '--python', python])

    assert.equal(status, 0, stderr)
    assert.match(stdout, /StripesNet compared with torch/)
  })

  it('asks for the Python class that verify needs', async () => {
    const { status, stderr } = await napiTorch(['verify', CHECKPOINT, '--module', MODULE])

    assert.equal(status, 2)
    assert.match(stderr, /pass --python-module, what builds it there, or --reference/)
  })

  it('is served by its module setting', async () => {
    const [path = ''] = await writeImages(folder())
    await run('serve', path)
  })

  describe('in jobs', () => {
    const jobs = useJobs(1)

    it('is computed by a worker that was started with the same module, and by no other', async () => {
      const { source, out, redis } = jobs()
      await writeImages(source)

      await run('jobs', source, out, redis.url)

      const rows = readRows((await merge(out)).results)
      const own = rows.filter((row) => winners.some((name) => row.path.includes(`/${name}/`)))
      assert.equal(own.length, images.length)
      for (const row of own) assert.ok('label' in row && row.path.includes(`/${row.label}/`), row.path)
    })
  })
})
