import assert from 'node:assert/strict'

import { Compose, Resize, ToTensor } from 'napi-torch'

import { native } from '../../lib/libtorch/binding.js'
import { detach } from '../support/buffers.js'

const SIZE = { height: 300, width: 200, channels: 3 } as const

function pixels(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(300 * 200 * 3).fill(7)
}

const file = (data: Uint8Array): { data: Uint8Array; size: readonly [number, number] } => ({ data, size: [300, 200] })

/** Each operation on images that reads an array on another thread. */
const READERS: readonly [name: string, start: (data: Uint8Array) => Promise<unknown>][] = [
  ['resize', (data) => new Resize([900, 800]).apply({ data, ...SIZE })],
  ['rgbToGray', (data) => native.rgbToGray(data)],
  ['invertImage', (data) => native.invertImage(data)],
  ['orientImage', (data) => native.orientImage({ ...file(data), orientation: 3 })],
]

const messageOf = (what: string): string =>
  `The memory of ${what} was transferred or resized while it was in use: leave it as it is until the promise settles`

describe('memory of JavaScript on other threads', () => {
  for (const [name, start] of READERS) {
    it(`stays valid until ${name} is done where it is transferred, which rejects`, async () => {
      const data = pixels()
      const working = start(data)
      detach(data)

      await assert.rejects(working, { code: 'TORCH_INVALID_ARGUMENT', message: messageOf('the image') })
    })
  }

  it('stays valid where the target of applyInto() is transferred, which rejects', async () => {
    const target = new Float32Array(3 * 600 * 500)
    const working = new Compose([new Resize([600, 500]), new ToTensor()]).applyInto({ data: pixels(), ...SIZE }, target)
    detach(target)

    await assert.rejects(working, { code: 'TORCH_INVALID_ARGUMENT', message: messageOf('the target') })
  })

  it('is copied where it can be resized', async () => {
    const buffer = Reflect.construct(ArrayBuffer, [
      SIZE.height * SIZE.width * 3,
      { maxByteLength: 2 ** 20 },
    ]) as ArrayBuffer
    const data = new Uint8Array(buffer).fill(7)

    const inverted = await native.invertImage(data)

    assert.ok(inverted.every((value) => value === 248))
  })
})
