import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { openModel, scope, tensor, zeros, type OpenModelOptions } from 'napi-torch'

/** A row of the manifest that `scripts/wild.py` and `scripts/wild_libraries.py` write. */
interface Row {
  readonly name: string
  readonly file: string
  readonly input: readonly [channels: number, side: number]
  readonly options: OpenModelOptions
  readonly unused?: readonly string[]
  readonly labels?: readonly string[] | null
  /** Python's, for the image in `input-C-S.bin`. */
  readonly logits?: readonly number[]
  /** Code of the refusal, where there are no logits, and what its message has to name. */
  readonly code?: string
  readonly contains?: string
}

/** Makes a test of each row of the manifest in a folder: the model gives Python's logits within 1e-5, or the refusal helps. */
export function testManifest(folder: string): void {
  const rows = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as readonly Row[]
  for (const row of rows) {
    if (row.logits === undefined) it(`refuses ${row.name}, naming ${row.contains}`, () => assertRefused(folder, row))
    else it(`computes what PyTorch does: ${row.name}`, () => assertLogits(folder, row, row.logits ?? []))
  }
}

async function assertRefused(folder: string, { file, options, code, contains = '' }: Row): Promise<void> {
  await assert.rejects(openModel(join(folder, file), options), (error: { code: string; message: string }) => {
    assert.equal(error.code, code, error.message)
    assert.ok(error.message.includes(contains), error.message)
    return true
  })
}

async function assertLogits(folder: string, row: Row, logits: readonly number[]): Promise<void> {
  const { file, input, options, unused, labels } = row
  await scope(async () => {
    const [channels, side] = input
    const bytes = readFileSync(join(folder, `input-${channels}-${side}.bin`))
    const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
    // No preset makes images of other channels.
    const preset = { apply: () => Promise.resolve(zeros([channels, side, side])) }

    using opened = await openModel(join(folder, file), channels === 3 ? options : { ...options, preset })
    const image = tensor(values).reshape([1, channels, side, side])
    const outputs = [...opened.model.forward(image).toArray()]

    assert.equal(outputs.length, logits.length)
    const largest = Math.max(1, ...logits.map(Math.abs))
    for (const [index, value] of logits.entries()) {
      const difference = Math.abs(Number(outputs[index]) - value) / largest
      assert.ok(difference < 1e-5, `output ${index}: ${String(outputs[index])}, PyTorch gives ${value}`)
    }
    if (unused !== undefined) assert.deepEqual(opened.unused, unused)
    if (labels !== undefined) assert.deepEqual(opened.labels, labels)
  })
}
