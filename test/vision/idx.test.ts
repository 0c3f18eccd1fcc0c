import assert from 'node:assert/strict'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

import { MAX_IDX_BYTES, readIdx } from 'napi-torch'

import { useTemporaryFolder, writeFiles } from '../support/folder.js'
import { idx } from '../support/idx.js'

describe('readIdx()', () => {
  const folder = useTemporaryFolder()
  const read = async (content: Buffer): Promise<{ shape: readonly number[]; data: Uint8Array }> =>
    readIdx(join(writeFiles(folder(), { images: content }), 'images'))
  const fails = async (content: Buffer, text: string | RegExp): Promise<void> =>
    assert.rejects(read(content), {
      code: 'TORCH_DATASET',
      message: typeof text === 'string' ? `${join(folder(), 'images')}: ${text}` : text,
    })

  it('reads sizes and bytes', async () => {
    const { shape, data } = await read(idx([2, 1, 3], Uint8Array.of(1, 2, 3, 4, 5, 6)))

    assert.deepEqual(
      [shape, [...data]],
      [
        [2, 1, 3],
        [1, 2, 3, 4, 5, 6],
      ],
    )
  })

  it('unpacks gzip', async () => {
    assert.deepEqual((await read(gzipSync(idx([2], Uint8Array.of(7, 9))))).shape, [2])
  })

  it('refuses a wrong magic number', async () => {
    const magic = '0x00000803 for images or 0x00000801 for labels at byte 0'

    await fails(Buffer.from('text, not IDX'), `Expected the magic number ${magic}, received 0x74657874`)
  })

  it('refuses floats', async () => {
    await fails(idx([1], Uint8Array.of(0, 0, 0, 0), 0x0d), /received 0x00000d01$/)
  })

  it('refuses a file that ends in its header', async () => {
    await fails(Buffer.of(0, 0), 'Expected 4 bytes of an IDX header, but the file ends at byte 2')
    await fails(
      idx([1, 2], Buffer.of()).subarray(0, 9),
      'Expected 12 bytes of an IDX header, but the file ends at byte 9',
    )
  })

  it('refuses too few bytes', async () => {
    await fails(idx([2, 2], Uint8Array.of(1, 2, 3)), 'Expected 4 bytes at byte 12 for the sizes (2, 2), received 3')
  })

  it('refuses too many bytes', async () => {
    await fails(idx([2], Uint8Array.of(1, 2, 3)), 'Expected 2 bytes at byte 8 for the sizes (2,), received 3')
  })

  it('refuses sizes whose product overflows', async () => {
    const most = 2 ** 32 - 1
    const product = BigInt(most) ** 3n

    await fails(
      idx([most, most, most], Buffer.of(1)),
      `Expected ${product} bytes at byte 16 for the sizes (${most}, ${most}, ${most}), received 1`,
    )
  })

  it('refuses damaged gzip', async () => {
    await fails(gzipSync(idx([2], Uint8Array.of(7, 9))).subarray(0, 20), 'Cannot be unpacked: unexpected end of file')
  })

  it('refuses an archive that unpacks to more than MAX_IDX_BYTES', async function () {
    this.timeout(60_000)
    // 64 packed megabytes of zeros, over and over: gzip files one after the other are one file.
    const part = gzipSync(Buffer.alloc(2 ** 26))
    const bomb = Buffer.concat(Array.from({ length: 17 }, () => part))

    await fails(bomb, `Cannot be unpacked: more than MAX_IDX_BYTES, which is ${MAX_IDX_BYTES}`)
  })

  it('refuses a missing file', async () => {
    const path = join(folder(), 'none')

    await assert.rejects(readIdx(path), { code: 'TORCH_DATASET', message: `${path}: No such file` })
  })
})
