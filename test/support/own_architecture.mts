// What the tests of own architectures do with modules that a file builds, in a process of its own: files are imported as ES modules,
// and the process of the tests has another copy of the package.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { Classifier, loadCheckpoint, openModel, scope, type Prediction } from 'napi-torch'
import { submit, work } from '@napi-torch/jobs'
import { createServer } from '@napi-torch/server'

import { StripesNet } from '../../examples/own_architecture/stripes_net.js'

const FOLDER = fileURLToPath(new URL('../../examples/own_architecture/', import.meta.url))
const CHECKPOINT = join(FOLDER, 'stripes.pth')
const MODULE = join(FOLDER, 'stripes_net.ts')

interface Expected {
  readonly classes: readonly string[]
  readonly logits: readonly (readonly number[])[]
}

const { classes, logits } = JSON.parse(readFileSync(join(FOLDER, 'expected.json'), 'utf8')) as Expected

function assertProbabilities(predictions: readonly Prediction[], row: readonly number[] = []): void {
  const sum = row.reduce((total, logit) => total + Math.exp(logit), 0)
  assert.ok(predictions.length > 0)
  for (const { label, index, probability } of predictions) {
    assert.equal(label, classes[index])
    assert.ok(Math.abs(probability - Math.exp(row[index] ?? NaN) / sum) < 1e-4, `${label}: ${probability}`)
  }
}

const STEPS: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  from: (paths) =>
    scope(async () => {
      const model = new StripesNet().eval()
      model.loadStateDict(await loadCheckpoint(CHECKPOINT))
      const { preset, labels } = await openModel(CHECKPOINT, { module: MODULE })
      const classifier = await Classifier.from(model, { preset, labels: labels ?? [] })

      const answers = await classifier.classify(paths)
      await classifier.close()

      for (const [index, predictions] of answers.entries()) assertProbabilities(predictions, logits[index])
      assert.equal(classifier.architecture.name, 'StripesNet')
      assert.equal(model.stateDict().size, 17)
    }),

  refusals: () =>
    scope(async () => {
      const model = new StripesNet()
      const code = 'TORCH_INVALID_ARGUMENT'
      await assert.rejects(Classifier.from(model, { preset: 'cifar' }), { code, message: /in eval mode/ })
      await assert.rejects(Classifier.from(model.eval(), {}), { code, message: /Expected a preset/ })
      model.norm.train()
      await assert.rejects(Classifier.from(model, { preset: 'cifar' }), { code, message: /in eval mode/ })
      model.eval()
      await assert.rejects(Classifier.from({} as never, {}), { code, message: /Expected a Module for model/ })
      const { preset } = await openModel(CHECKPOINT, { module: MODULE })
      await assert.rejects(Classifier.from(model, { preset, labels: ['a'] }), { code: 'TORCH_LABELS' })
    }),

  serve: async ([path = '']) => {
    const models = [{ name: 'stripes', checkpoint: CHECKPOINT, module: MODULE }]
    const server = await createServer({ models, port: 0, logLevel: 'error' })
    try {
      const url = await server.listen()
      await server.ready()
      const response = await fetch(`${url}/v1/classify/stripes`, {
        method: 'POST',
        headers: { 'content-type': 'image/png' },
        body: readFileSync(path),
      })
      assert.equal(response.status, 200)
      const { answers } = (await response.json()) as { readonly answers: readonly Prediction[] }
      assertProbabilities(answers, logits[0])
    } finally {
      await server.close({ graceMs: 5000 })
    }
  },

  jobs: async ([source = '', out = '', redis = '']) => {
    const working = { redis, threads: 1, untilDone: true }
    await submit(source, { model: CHECKPOINT, module: MODULE, out, topK: 3, attempts: 5, redis })
    await assert.rejects(work(working), { code: 'TORCH_RUN', message: /--module/ })
    await assert.rejects(work({ ...working, module: CHECKPOINT }), { code: 'TORCH_RUN', message: /Is not the file/ })
    await work({ ...working, module: MODULE })
  },
}

const [step = '', ...args] = process.argv.slice(2)
await STEPS[step]?.(args)
console.log(`${step} done`)
