import assert from 'node:assert/strict'
import { readFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { Classifier, loadCheckpoint, openModel, scope, type Prediction } from 'napi-torch'
import { merge, status } from '@napi-torch/jobs'
import sharp from 'sharp'

import { StripesNet } from '../../examples/own_architecture/stripes_net.js'
import { napiTorch } from '../support/cli.js'
import { useTemporaryFolder } from '../support/folder.js'
import { ask, startServer } from '../support/server.js'
import { readRows } from '../packages/jobs/support/results.js'
import { useJobs } from '../packages/jobs/support/setup.js'

const FOLDER = fileURLToPath(new URL('../../examples/own_architecture/', import.meta.url))
const CHECKPOINT = join(FOLDER, 'stripes.pth')
const MODULE = join(FOLDER, 'stripes_net.ts')

/** Images, classes and logits of the Python model. */
interface Expected {
  readonly classes: readonly string[]
  readonly images: readonly (readonly number[])[]
  readonly logits: readonly (readonly number[])[]
}

const { classes, images, logits } = JSON.parse(await readFile(join(FOLDER, 'expected.json'), 'utf8')) as Expected

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

function assertProbabilities(predictions: readonly Prediction[], row: readonly number[]): void {
  const sum = row.reduce((total, logit) => total + Math.exp(logit), 0)
  for (const { label, index, probability } of predictions) {
    assert.equal(label, classes[index])
    assert.ok(Math.abs(probability - Math.exp(row[index] ?? NaN) / sum) < 1e-4, `${label}: ${probability}`)
  }
}

describe('a model of an own architecture', function () {
  this.timeout(60_000)
  const folder = useTemporaryFolder()

  it('classifies by Classifier.from(), and stays the caller’s', () =>
    scope(async () => {
      const model = new StripesNet().eval()
      model.loadStateDict(await loadCheckpoint(CHECKPOINT))
      const paths = await writeImages(folder())
      const { preset, labels } = await openModel(CHECKPOINT, { module: MODULE })
      const classifier = await Classifier.from(model, { preset, labels: labels ?? [] })

      const answers = await classifier.classify(paths)
      await classifier.close()

      for (const [index, predictions] of answers.entries()) assertProbabilities(predictions, logits[index] ?? [])
      assert.equal(classifier.architecture.name, 'StripesNet')
      assert.equal(model.stateDict().size, 17)
    }))

  it('refuses to classify without a preset, in training mode, or with too few labels', () =>
    scope(async () => {
      const model = new StripesNet()
      const code = 'TORCH_INVALID_ARGUMENT'
      await assert.rejects(Classifier.from(model, { preset: 'cifar' }), { code, message: /in eval mode/ })
      await assert.rejects(Classifier.from(model.eval(), {}), { code, message: /Expected a preset/ })
      await assert.rejects(Classifier.from({} as never, {}), { code, message: /Expected a Module for model/ })
      const { preset } = await openModel(CHECKPOINT, { module: MODULE })
      await assert.rejects(Classifier.from(model, { preset, labels: ['a'] }), { code: 'TORCH_LABELS' })
    }))

  it('is classified by --module', async () => {
    const paths = await writeImages(folder())

    const {
      status: code,
      stdout,
      stderr,
    } = await napiTorch(['classify', CHECKPOINT, ...paths, '--module', MODULE, '--json'])

    assert.equal(code, 0, stderr)
    const report = JSON.parse(stdout) as { readonly images: readonly { readonly answers: readonly Prediction[] }[] }
    for (const [index, { answers }] of report.images.entries()) assertProbabilities(answers, logits[index] ?? [])
  })

  it('is evaluated by --module', async () => {
    await writeImages(folder())

    const {
      status: code,
      stdout,
      stderr,
    } = await napiTorch(['evaluate', CHECKPOINT, folder(), '--module', MODULE, '--json'])

    assert.equal(code, 0, stderr)
    assert.equal((JSON.parse(stdout) as { readonly top1: number }).top1, 1)
  })

  it('is served by its module setting', async () => {
    const [path = ''] = await writeImages(folder())
    const models = [{ name: 'stripes', checkpoint: CHECKPOINT, module: MODULE }]
    const { server, url } = await startServer({ models })
    try {
      const { status: code, body } = await ask(`${url}/v1/classify/stripes`, {
        method: 'POST',
        headers: { 'content-type': 'image/png' },
        body: await readFile(path),
      })

      assert.equal(code, 200)
      assertProbabilities((body as { readonly answers: readonly Prediction[] }).answers, logits[0] ?? [])
    } finally {
      await server.close({ graceMs: 5000 })
    }
  })

  describe('in jobs', () => {
    const jobs = useJobs(1)

    it('is computed by a worker that was started with the same module, and by no other', async () => {
      const { submit, work, out, folder: home } = jobs()
      await writeImages(join(home, 'images'))
      await submit({ model: CHECKPOINT, module: MODULE, topK: 3, attempts: 5 })

      await assert.rejects(work(), { code: 'TORCH_RUN', message: /--module/ })
      await assert.rejects(work({ module: CHECKPOINT }), { code: 'TORCH_RUN', message: /Is not the file/ })
      await work({ module: MODULE })

      const rows = readRows((await merge(out)).results)
      const own = rows.filter((row) => 'label' in row && winners.some((name) => row.path.includes(`/${name}/`)))
      assert.equal(own.length, images.length)
      for (const row of own) assert.ok('label' in row && row.path.includes(`/${row.label}/`), row.path)
      assert.equal((await status({ redis: jobs().redis.url })).runs.length, 1)
    })
  })
})
