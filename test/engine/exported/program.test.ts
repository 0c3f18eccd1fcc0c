import assert from 'node:assert/strict'

import { loadExportedProgram, scope, type Tensor } from 'napi-torch'

import { argumentsOf, distance, programPath, pythonRuns } from '../../support/exported.js'

const PROGRAMS = ['resnet', 'resnet_core', 'trees', 'text', 'audio', 'sizes', 'fixed', 'half']

describe('ExportedProgram', () => {
  describe('run()', () => {
    for (const name of PROGRAMS) {
      it(`gives what Python gives for ${name}, within 1e-5 of scale`, () =>
        scope(async () => {
          const program = await loadExportedProgram(programPath(name))
          for (const [index, run] of pythonRuns(name).entries()) {
            const output = await program.run(argumentsOf(run))

            const far = distance(output, run.output)
            assert.ok(far <= 1e-5, `run ${index} is ${far} away`)
          }
        }))
    }
  })

  describe('compile()', () => {
    for (const name of ['resnet', 'resnet_core']) {
      it(`gives what Python gives for ${name}, within 1e-4 of scale`, () =>
        scope(async () => {
          const program = await loadExportedProgram(programPath(name))
          await using engine = await program.compile({ autotune: false, bucketSizes: [2, 1], threads: 1 })
          for (const [index, run] of pythonRuns(name).entries()) {
            const [input] = argumentsOf(run)

            const far = distance(await engine.run(input as Tensor), run.output)
            assert.ok(far <= 1e-4, `run ${index} is ${far} away`)
          }
        }))
    }

    it('refuses a program that was exported for one size of batches', () =>
      scope(async () => {
        const program = await loadExportedProgram(programPath('fixed'))

        await assert.rejects(program.compile(), { code: 'TORCH_TRACE', message: /exported for batches of 2 alone/ })
      }))
  })
})
