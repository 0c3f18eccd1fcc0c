import assert from 'node:assert/strict'

import { readCheckpoint } from 'napi-torch'

import { failure } from '../../lib/checkpoint/failure.js'
import { checkpointOf, zip } from '../support/archive.js'

describe('the message of a CheckpointError', () => {
  it('cuts a text that echoes a file', () => {
    assert.ok(failure('TORCH_CHECKPOINT_CORRUPT', {}, 'x'.repeat(3e7)).message.length < 2_100)
  })

  const long = 'n'.repeat(60_000)
  const text = `X\x60\xea\x00\x00${long}`
  const files: readonly (readonly [name: string, bytes: Uint8Array])[] = [
    ['an entry in no folder', zip([{ name: long, data: '' }])],
    ['two folders', zip([{ name: `a${long}/data.pkl`, data: '' }, { name: `b${long}/x`, data: '' }])],
    ['an entry of an unknown method', zip([{ name: `a/${long}`, data: '', method: 9 }])],
    ['entries that overlap', zip([{ name: `a/${long}`, data: '' }, { name: `a/${long}`, data: '', offset: 0 }])],
    ['a storage that is missing', checkpointOf(`\x80\x02(U\x07storagectorch\nFloatStorage\n${text}U\x03cpuK\x01tQ.`)],
    ['a class in the place of a tuple', checkpointOf(`\x80\x02${text}${text}R.`)],
    ['getattr of a text', checkpointOf(`\x80\x02cbuiltins\ngetattr\n${text}${text}\x86R.`)],
    ['the kind of a dtype', checkpointOf(`\x80\x02cnumpy\ndtype\n${text}\x85R.`)],
  ] // prettier-ignore
  for (const [name, bytes] of files) {
    it(`is short for ${name} of 60,000 characters`, async () => {
      await assert.rejects(readCheckpoint(bytes), (error: Error) => {
        assert.ok(error.message.length < 1_000, `${error.message.length} characters`)
        return true
      })
    })
  }
})
