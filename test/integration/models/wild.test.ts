import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { openModel, scope, tensor, zeros, type OpenModelOptions } from 'napi-torch'

interface Row {
  readonly name: string
  readonly file: string
  readonly input: readonly [channels: number, side: number]
  readonly options: OpenModelOptions
  readonly unused?: readonly string[]
  readonly logits?: readonly number[]
  readonly code?: string
  readonly contains?: string
}

const INTERPRETER = process.env['NAPI_TORCH_TEST_PYTHON']
const SCRIPT = fileURLToPath(new URL('../../../scripts/wild.py', import.meta.url))

// The rows are the script's: it runs before the tests are named.
const folder = INTERPRETER === undefined ? null : mkdtempSync(join(tmpdir(), 'napi-torch-wild-'))
if (INTERPRETER !== undefined && folder !== null) execFileSync(INTERPRETER, ['-W', 'ignore', SCRIPT, folder])
const rows: readonly Row[] =
  folder === null ? [] : (JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as readonly Row[])

describe('checkpoints in the wild', function () {
  this.timeout(60_000)

  after(() => {
    if (folder !== null) rmSync(folder, { recursive: true })
  })

  if (folder === null) it.skip('(NAPI_TORCH_TEST_PYTHON names no Python with torch)')

  for (const { name, file, input, options, unused, logits, code, contains = '' } of rows) {
    const path = join(folder ?? '', file)
    if (logits === undefined) {
      it(`refuses ${name}, naming ${contains}`, async () => {
        await assert.rejects(openModel(path, options), (error: { code: string; message: string }) => {
          assert.equal(error.code, code, error.message)
          assert.ok(error.message.includes(contains), error.message)
          return true
        })
      })
      continue
    }
    it(`computes what PyTorch does: ${name}`, () =>
      scope(async () => {
        const [channels, side] = input
        const bytes = readFileSync(join(folder ?? '', `input-${channels}-${side}.bin`))
        const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)

        // No preset makes images of other channels.
        const preset = { apply: () => Promise.resolve(zeros([channels, side, side])) }

        using opened = await openModel(path, channels === 3 ? options : { ...options, preset })
        const image = tensor(values).reshape([1, channels, side, side])
        const outputs = [...opened.model.forward(image).toArray()]

        assert.equal(outputs.length, logits.length)
        const largest = Math.max(1, ...logits.map(Math.abs))
        for (const [index, value] of logits.entries()) {
          const difference = Math.abs(Number(outputs[index]) - value) / largest
          assert.ok(difference < 1e-5, `output ${index}: ${String(outputs[index])}, PyTorch gives ${value}`)
        }
        if (unused !== undefined) assert.deepEqual(opened.unused, unused)
      }))
  }
})
