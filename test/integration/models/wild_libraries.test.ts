import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { openModel, scope, tensor, zeros, type OpenModelOptions } from 'napi-torch'

/** A row of the manifest that `scripts/wild_libraries.py` writes. */
interface Row {
  readonly name: string
  readonly file: string
  readonly input: readonly [channels: number, side: number]
  readonly options: OpenModelOptions
  readonly unused?: readonly string[]
  readonly labels?: readonly string[] | null
  readonly logits?: readonly number[]
  readonly code?: string
  readonly contains?: string
  /** What is still to be done before the row holds. */
  readonly pending?: string
}

const FOLDER = fileURLToPath(new URL('../../fixtures/wild_libraries/', import.meta.url))
const rows = JSON.parse(readFileSync(FOLDER + 'manifest.json', 'utf8')) as readonly Row[]

describe('checkpoints of libraries', function () {
  this.timeout(60_000)

  for (const { name, file, input, options, unused, labels, logits, code, contains = '', pending } of rows) {
    if (pending !== undefined) {
      it.skip(`${name} (${pending})`)
      continue
    }
    if (logits === undefined) {
      it(`refuses ${name}, naming ${contains}`, async () => {
        await assert.rejects(openModel(FOLDER + file, options), (error: { code: string; message: string }) => {
          assert.equal(error.code, code, error.message)
          assert.ok(error.message.includes(contains), error.message)
          return true
        })
      })
      continue
    }
    it(`computes what Python does: ${name}`, () =>
      scope(async () => {
        const [channels, side] = input
        const bytes = readFileSync(`${FOLDER}input-${channels}-${side}.bin`)
        const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
        // No preset makes images of other channels.
        const preset = { apply: () => Promise.resolve(zeros([channels, side, side])) }

        using opened = await openModel(FOLDER + file, channels === 3 ? options : { ...options, preset })
        const image = tensor(values).reshape([1, channels, side, side])
        const outputs = [...opened.model.forward(image).toArray()]

        assert.equal(outputs.length, logits.length)
        const largest = Math.max(1, ...logits.map(Math.abs))
        for (const [index, value] of logits.entries()) {
          const difference = Math.abs(Number(outputs[index]) - value) / largest
          assert.ok(difference < 1e-5, `output ${index}: ${String(outputs[index])}, Python gives ${value}`)
        }
        if (unused !== undefined) assert.deepEqual(opened.unused, unused)
        if (labels !== undefined) assert.deepEqual(opened.labels, labels)
      }))
  }
})
