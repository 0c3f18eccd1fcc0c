import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import {
  Classifier,
  compile,
  createModel,
  detectArchitecture,
  type ImagePreset,
  loadCheckpoint,
  loadQuantized,
  openModel,
  scope,
  type Tensor,
  tensor,
} from 'napi-torch'
import { loadOptimizerState, SGD } from 'napi-torch/optim'

import { assertClose } from '../support/numeric.js'
import { ServeProcess } from '../support/serve_process.js'

/** A folder for each release, of the files that it wrote: scripts/make_compat_files.ts. */
const RELEASES = fileURLToPath(new URL('../compat/', import.meta.url))

for (const release of readdirSync(RELEASES)) {
  describe(`the files of version ${release}`, function () {
    this.timeout(60_000)
    const path = (name: string): string => join(RELEASES, release, name)
    const expected = JSON.parse(readFileSync(path('expected.json'), 'utf8')) as Record<string, number[]>

    async function readInput(): Promise<Tensor> {
      const input = (await loadCheckpoint(path('input.safetensors'))).get('input')
      assert.ok(input)
      return input
    }

    function assertLogits(name: string, logits: Float32Array, atol: number): void {
      const { [name]: wanted = [] } = expected
      assertClose(tensor(logits), tensor(wanted), { atol })
    }

    for (const name of ['model.pth', 'model.safetensors']) {
      it(`${name} gives the same logits, preset and labels`, async () => {
        await scope(async () => {
          const opened = await openModel(path(name))

          const logits = opened.model
            .forward(await readInput())
            .flatten()
            .toFloat32Array()

          assertLogits('model', logits, 1e-5)
          const settings = JSON.parse(readFileSync(path('preset.json'), 'utf8')) as ImagePreset['settings']
          assert.deepEqual((opened.preset as ImagePreset).settings, settings)
          assert.deepEqual(opened.labels, settings.labels)
        })
      })
    }

    it('quantized.safetensors gives the same logits', async () => {
      await scope(async () => {
        await using engine = await compile(await loadQuantized(path('quantized.safetensors')))

        assertLogits('quantized', await engine.run((await readInput()).toFloat32Array()), 0.05)
      })
    })

    it('training.pth has a model and the state of its optimizer, which train on', async () => {
      await scope(async () => {
        const state = await loadCheckpoint(path('training.pth'))
        const model = createModel(detectArchitecture(state)).eval()
        model.loadStateDict(state)

        assertLogits(
          'trained',
          model
            .forward(await readInput())
            .flatten()
            .toFloat32Array(),
          1e-5,
        )
        const optimizer = new SGD(model.parameters(), { lr: 1 })
        const saved = await loadOptimizerState(path('training.pth'))
        assert.ok(saved instanceof Map)
        optimizer.loadStateDict(saved.get('optimizer'))
        assert.equal(optimizer.paramGroups[0]?.lr, 0.01)
      })
    })

    it('preset.json prepares the images of a classifier', async () => {
      await using classifier = await Classifier.load(path('model.pth'))

      assert.equal(classifier.labels?.length, expected['model']?.length)
    })

    it('server.yaml starts a server', async () => {
      const server = await ServeProcess.start(['--config', path('server.yaml')])
      try {
        const response = await fetch(`${server.url}/v2/models/model/ready`)
        assert.equal(response.status, 200)
      } finally {
        assert.equal(await server.end(), 0)
      }
    })
  })
}
