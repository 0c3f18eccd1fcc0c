import assert from 'node:assert/strict'

import sharp from 'sharp'

import { freeMemory } from '../../../packages/server/lib/free_memory.js'

describe('freeMemory()', () => {
  it('frees memory at once, and not when garbage is collected', () => {
    const size = 2 ** 24
    const bodies = Array.from({ length: 4 }, () => Buffer.allocUnsafeSlow(size))
    const held = process.memoryUsage().arrayBuffers
    for (const body of bodies) freeMemory(body)

    assert.ok(process.memoryUsage().arrayBuffers <= held - 4 * size)
    assert.deepEqual(
      bodies.map(({ byteLength }) => byteLength),
      [0, 0, 0, 0],
    )
  })

  it('leaves memory of libraries to them', async () => {
    const pixels = await sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } })
      .raw()
      .toBuffer()
    freeMemory(pixels)

    assert.equal(pixels[0], 255)
  })

  it('leaves memory of which others have a part, and does nothing the second time', () => {
    const whole = Buffer.from('abcdef'.repeat(2))
    const own = Buffer.allocUnsafeSlow(8)
    freeMemory(whole)
    freeMemory(own.subarray(4))
    freeMemory(own)
    freeMemory(own)

    assert.equal(whole.toString(), 'abcdefabcdef')
    assert.equal(own.byteLength, 0)
  })
})
