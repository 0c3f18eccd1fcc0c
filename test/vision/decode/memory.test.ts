import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'

import { decodeImage } from 'napi-torch'

import { runChild } from '../../support/installed.js'
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

  const onLinux = process.platform === 'linux' ? it : it.skip

  for (const compression of ['deflate', 'LZW', 'PackBits'] as const) {
    onLinux(`takes no memory for the pixels of a TIFF whose last strip is damaged (${compression})`, () => {
      const folder = mkdtempSync(join(tmpdir(), 'napi-torch-test-'))
      const [small, large] = [join(folder, 'small.tif'), join(folder, 'large.tif')]
      writeFileSync(small, damagedTiff(compression, 640, 640))
      writeFileSync(large, damagedTiff(compression, 9000, 9000))
      const { code, stdout, stderr } = runChild(
        `import { readFileSync } from 'node:fs'
        import { decodeImage } from 'napi-torch'
        const peak = () => Number(/VmHWM:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 2 ** 10
        const [small, large] = process.argv.slice(-2).map((path) => readFileSync(path))
        // Opens libtorch and sharp.
        await decodeImage(small).catch(() => undefined)
        const before = peak()
        const told = await decodeImage(large).then(() => null, (error) => error.code + ' ' + error.message)
        console.log(JSON.stringify([told, peak() - before]))`,
        { args: [small, large] },
      )
      rmSync(folder, { recursive: true })

      assert.equal(code, 0, stderr)
      const [message, megabytes] = JSON.parse(stdout) as [string, number]
      assert.equal(message, 'TORCH_IMAGE Cannot decode image: It is truncated')
      assert.ok(megabytes < 60, `${megabytes} MiB`)
    })
  }
})

/** A gray TIFF of 100 strips, all sound but the last, which ends early. */
function damagedTiff(compression: 'deflate' | 'LZW' | 'PackBits', width: number, height: number): Buffer {
  const strips = 100
  const rows = Math.ceil(height / strips)
  const count = Math.ceil(height / rows)
  // Codes of 9 bits: clear, 0, and 246 more, each of which stands for a zero more than the one before.
  const codes = [256, 0, ...Array.from({ length: 246 }, (_, index) => 258 + index)]
  const bits = codes.map((code) => code.toString(2).padStart(9, '0')).join('')
  const zeros = Buffer.from(bits.match(/.{8}/g)?.map((byte) => parseInt(byte, 2)) ?? [])
  const lzw = (pixels: number): Buffer =>
    Buffer.concat(Array.from({ length: Math.ceil(pixels / ((247 * 248) / 2)) }, () => zeros))
  const runs = (pixels: number): Buffer =>
    Buffer.concat(Array.from({ length: Math.ceil(pixels / 128) }, () => Buffer.of(129, 0)))
  const pixels = width * rows
  const whole = Buffer.from(
    compression === 'deflate' ? deflateSync(Buffer.alloc(pixels)) : compression === 'LZW' ? lzw(pixels) : runs(pixels),
  )
  const data = Array.from({ length: count }, (_, index) =>
    index === count - 1 ? whole.subarray(0, Math.floor(whole.length / 8)) : whole,
  )
  const entries = 9
  const tableAt = 8
  const arraysAt = tableAt + 2 + entries * 12 + 4
  const dataAt = arraysAt + count * 8
  const head = Buffer.alloc(dataAt)
  head.write('II*\0', 0, 'latin1')
  head.writeUInt32LE(tableAt, 4)
  head.writeUInt16LE(entries, tableAt)
  const code = { deflate: 8, LZW: 5, PackBits: 32773 }[compression]
  const fields: readonly (readonly [tag: number, count: number, value: number])[] = [
    [256, 1, width],
    [257, 1, height],
    [258, 1, 8],
    [259, 1, code],
    [262, 1, 1],
    [273, count, arraysAt],
    [277, 1, 1],
    [278, 1, rows],
    [279, count, arraysAt + count * 4],
  ]
  fields.forEach(([tag, length, value], index) => {
    const at = tableAt + 2 + index * 12
    head.writeUInt16LE(tag, at)
    head.writeUInt16LE(4, at + 2)
    head.writeUInt32LE(length, at + 4)
    head.writeUInt32LE(value, at + 8)
  })
  let offset = dataAt
  data.forEach((strip, index) => {
    head.writeUInt32LE(offset, arraysAt + index * 4)
    head.writeUInt32LE(strip.length, arraysAt + (count + index) * 4)
    offset += strip.length
  })
  return Buffer.concat([head, ...data])
}

function withSize(bytes: Buffer, width: number, height: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt32BE(width, 16)
  copy.writeUInt32BE(height, 20)
  return copy
}
