import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

import { decodeImage } from 'napi-torch'

import { fixture, hollowPng } from '../../support/vision.js'

describe('decodeImage() of files that claim to be large', () => {
  it('refuses a PNG whose rows would take 1.9 GB, from its header', async () => {
    const bytes = hollowPng(20_000_000, 1)
    bytes.writeUInt8(16, 24)
    bytes.writeUInt8(6, 25)

    await assert.rejects(decodeImage(bytes), {
      code: 'TORCH_IMAGE',
      message:
        'Cannot decode image: Its rows of 20000000 pixels take 1920000000 bytes to decode, of which the most is 67108864',
    })
  })

  it('refuses an interlaced PNG of which all pixels would be held', async () => {
    const bytes = hollowPng(4000, 4000)
    bytes.writeUInt8(16, 24)
    bytes.writeUInt8(6, 25)
    bytes.writeUInt8(1, 28)

    await assert.rejects(decodeImage(bytes, { maxPixels: 16_000_000 - 1 }), { code: 'TORCH_IMAGE' })
    await assert.rejects(decodeImage(withSize(bytes, 9300, 9300)), {
      code: 'TORCH_IMAGE',
      message:
        'Cannot decode image: Its 9300 × 9300 pixels take 691920000 bytes beside the result to decode; the most is 603979774',
    })
  })

  it('refuses a PNG that is too short for its pixels', async () => {
    await assert.rejects(decodeImage(hollowPng(9000, 9000)), {
      code: 'TORCH_IMAGE',
      message: 'Cannot decode image: It is truncated',
    })
  })

  it('refuses a JPEG of more than 200 scans', async () => {
    const bytes = readFileSync(fixture('progressive.jpg'))
    const scan = bytes.indexOf(Buffer.of(0xff, 0xda))
    const scans = Buffer.concat(Array.from({ length: 201 }, () => bytes.subarray(scan, scan + 14)))
    const many = Buffer.concat([bytes.subarray(0, scan), scans, bytes.subarray(scan)])

    await assert.rejects(decodeImage(many), {
      code: 'TORCH_IMAGE',
      message: 'Cannot decode image: It has more than 200 scans',
    })
  })
})

function withSize(bytes: Buffer, width: number, height: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt32BE(width, 16)
  copy.writeUInt32BE(height, 20)
  return copy
}
