import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'

import fc from 'fast-check'

import { CheckpointError, findStateDict, loadCheckpoint, memory, readCheckpoint } from 'napi-torch'

const MAX_MS = 2_000

/** Runs `body`, which may end in a value or in a CheckpointError, within two seconds, and leave no tensor alive. */
export async function survives(body: () => Promise<unknown>): Promise<void> {
  const before = memory()
  const ended = body().then(
    () => true,
    (error: unknown) => {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
      assert.ok(error instanceof CheckpointError, text)
      return true
    },
  )
  assert.ok(await Promise.race([ended, setTimeout(MAX_MS, false, { ref: false })]), `takes over ${MAX_MS} ms`)
  assert.deepEqual(memory(), before)
}

/** Inspects and loads a file that may be anything. */
export async function readAll(file: string | Uint8Array): Promise<void> {
  const checkpoint = await readCheckpoint(file)
  const { tensors } = findStateDict(checkpoint, { wholeModule: true })
  for (const { storage } of tensors.values()) {
    const { offset, length, source } = storage.record
    const { size } = typeof source === 'string' ? { size: Infinity } : { size: source.length }
    assert.ok(offset >= 0 && offset + length <= size, 'a storage lies outside the file')
  }
  const state = await loadCheckpoint(file, { wholeModule: true })
  state.dispose()
}

/** Changes of a file: bytes flipped, removed, doubled, or replaced by ones that mean something to the format. */
export function mutations(bytes: Uint8Array, words: readonly (string | Uint8Array)[]): fc.Arbitrary<Uint8Array> {
  const at = fc.nat(Math.max(bytes.length - 1, 0))
  const change = fc.oneof(
    fc.record({ kind: fc.constant('flip' as const), at, bits: fc.integer({ min: 1, max: 255 }) }),
    fc.record({ kind: fc.constant('cut' as const), at, count: fc.integer({ min: 1, max: 64 }) }),
    fc.record({ kind: fc.constant('copy' as const), at, from: at, count: fc.integer({ min: 1, max: 64 }) }),
    fc.record({ kind: fc.constant('word' as const), at, word: fc.constantFrom(...words), insert: fc.boolean() }),
  )
  return fc.array(change, { minLength: 1, maxLength: 6 }).map((changes) => {
    let result = Buffer.from(bytes)
    for (const step of changes) {
      const before = result.subarray(0, step.at)
      const after = result.subarray(step.at)
      if (step.kind === 'flip') {
        if (after.length > 0) after.writeUInt8(after.readUInt8(0) ^ step.bits, 0)
      } else if (step.kind === 'cut') {
        result = Buffer.concat([before, after.subarray(step.count)])
      } else if (step.kind === 'copy') {
        result = Buffer.concat([before, result.subarray(step.from, step.from + step.count), after])
      } else {
        const word = typeof step.word === 'string' ? Buffer.from(step.word, 'latin1') : step.word
        result = Buffer.concat([before, word, step.insert ? after : after.subarray(word.length)])
      }
    }
    return result
  })
}
