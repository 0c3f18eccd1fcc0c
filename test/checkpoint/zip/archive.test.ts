import assert from 'node:assert/strict'

import type { CheckpointError, CheckpointLimits } from 'napi-torch'

import { checkLimits } from '../../../lib/checkpoint/limits.js'
import { openSource } from '../../../lib/checkpoint/source.js'
import { readEntry, readZip, type ZipArchive } from '../../../lib/checkpoint/zip/archive.js'
import { ZipWriter } from '../../../lib/checkpoint/write/zip_writer.js'
import { zip } from '../../support/archive.js'

async function open(bytes: Uint8Array, limits: Partial<CheckpointLimits> = {}): Promise<ZipArchive> {
  return readZip(await openSource(bytes), checkLimits(limits))
}

async function assertRefused(
  bytes: Uint8Array,
  code: string,
  message: string,
  limits: Partial<CheckpointLimits> = {},
): Promise<void> {
  await assert.rejects(open(bytes, limits), { name: 'CheckpointError', code, message })
}

async function textOf(archive: ZipArchive, name: string): Promise<string> {
  const entry = archive.entries.get(name)
  assert.ok(entry !== undefined, `no entry ${name}`)
  return Buffer.from(await readEntry(archive.source, entry)).toString('latin1')
}

const CORRUPT = 'TORCH_CHECKPOINT_CORRUPT'
const FORMAT = 'TORCH_CHECKPOINT_FORMAT'
const LIMIT = 'TORCH_CHECKPOINT_LIMIT'
const UNSUPPORTED = 'TORCH_CHECKPOINT_UNSUPPORTED'

describe('readZip()', () => {
  it('reads stored and deflated entries', async () => {
    const archive = await open(
      zip([
        { name: 'a/x', data: 'stored' },
        { name: 'a/y', data: 'deflated'.repeat(9), deflate: true },
        { name: 'a/e', data: '', deflate: true },
      ]),
    )

    assert.equal(archive.root, 'a')
    assert.equal(await textOf(archive, 'x'), 'stored')
    assert.equal(await textOf(archive, 'y'), 'deflated'.repeat(9))
    assert.equal(await textOf(archive, 'e'), '')
  })

  it('gives the offset of the data of an entry', async () => {
    const bytes = zip([{ name: 'a/x', data: 'here' }])
    const { entries } = await open(bytes)

    assert.equal(entries.get('x')?.dataOffset, Buffer.from(bytes).indexOf('here'))
  })

  it('passes over bytes behind the archive, and over folders', async () => {
    const archive = await open(
      zip(
        [
          { name: 'a/', data: '' },
          { name: 'a/x', data: '1' },
        ],
        { trailing: 'junk' },
      ),
    )

    assert.deepEqual([...archive.entries.keys()], ['x'])
  })

  it('believes only a directory that fits its place', async () => {
    const decoy = `PK\x05\x06${'\xff'.repeat(18)}`
    const archive = await open(zip([{ name: 'a/x', data: '1' }], { trailing: decoy }))

    assert.equal(await textOf(archive, 'x'), '1')
  })

  describe('refuses', () => {
    it('a truncated archive at every length', async () => {
      const whole = zip([{ name: 'a/x', data: 'some data' }])
      for (let length = 0; length < whole.length; length++) {
        await assert.rejects(open(whole.subarray(0, length)), { code: CORRUPT }, `at ${length} bytes`)
      }
    })

    it('an archive without a directory', () =>
      assertRefused(
        Buffer.alloc(100),
        CORRUPT,
        'buffer: The zip archive is truncated: its directory is missing from the end of the file',
      ))

    it('an empty archive', () => assertRefused(zip([]), FORMAT, 'buffer: Is an empty zip archive'))

    it('a duplicate name', () =>
      assertRefused(
        zip([
          { name: 'a/x', data: '1' },
          { name: 'a/x', data: '2' },
        ]),
        CORRUPT,
        'buffer: Entry a/x is a duplicate',
      ))

    it('two top folders', () =>
      assertRefused(
        zip([
          { name: 'a/x', data: '1' },
          { name: 'b/x', data: '2' },
        ]),
        FORMAT,
        'buffer: Has two top folders, a and b',
      ))

    it('an entry without a folder', () =>
      assertRefused(
        zip([{ name: 'x', data: '1' }]),
        FORMAT,
        'buffer: Entry x is not in a folder, as in a file of torch.save',
      ))

    it('entries that overlap', () =>
      assertRefused(
        zip([
          { name: 'a/x', data: '1'.repeat(200) },
          { name: 'a/y', data: '2', size: 250, compressedSize: 250, offset: 0, localName: 'a/y' },
        ]),
        CORRUPT,
        'buffer, entry a/y, byte 0: The local header and the directory disagree',
      ))

    it('an entry that reaches into the next one', () =>
      assertRefused(
        zip([
          { name: 'a/x', data: '1', size: 20, compressedSize: 20 },
          { name: 'a/y', data: '2' },
        ]),
        CORRUPT,
        'buffer: Entries a/x and a/y overlap',
      ))

    it('an entry that reaches into the directory', () =>
      assertRefused(
        zip([{ name: 'a/x', data: '1', size: 20, compressedSize: 20 }]),
        CORRUPT,
        'buffer: Entry a/x overlaps the directory',
      ))

    it('an entry past the end of the file', () =>
      assertRefused(
        zip([{ name: 'a/x', data: '1', offset: 0x7fffffff }]),
        CORRUPT,
        'buffer, byte 2147483647: Expected 33 bytes at byte 2147483647, but the file ends at byte 105',
      ))

    it('an offset at which no entry begins', () =>
      assertRefused(
        zip([{ name: 'a/x', data: '1', offset: 1 }]),
        CORRUPT,
        'buffer, entry a/x, byte 1: Expected a local file header',
      ))

    it('a stored entry of two sizes', () =>
      assertRefused(
        zip([{ name: 'a/x', data: '1', size: 2 }]),
        CORRUPT,
        'buffer, byte 34: Entry a/x is stored, but has two sizes, 1 and 2',
      ))

    it('an entry without its 64-bit sizes', () =>
      assertRefused(
        zip([{ name: 'a/x', data: '1', size: 0xffffffff }]),
        CORRUPT,
        'buffer, byte 34: Entry a/x lacks its 64-bit sizes',
      ))

    it('encryption', () =>
      assertRefused(
        zip([{ name: 'a/x', data: '1', flags: 1 }]),
        UNSUPPORTED,
        'buffer, byte 34: Entry a/x is encrypted',
      ))

    it('another compression', () =>
      assertRefused(
        zip([{ name: 'a/x', data: '1', method: 12 }]),
        UNSUPPORTED,
        'buffer, byte 34: Entry a/x is compressed by method 12, expected stored or deflated',
      ))

    it('a directory of fewer entries than it says', () =>
      assertRefused(
        zip([{ name: 'a/x', data: '1' }], { count: 2 }),
        CORRUPT,
        'buffer, byte 83: Expected entry 2 of 2 in the directory of the archive',
      ))

    it('a directory of more entries than it says', () =>
      assertRefused(
        zip(
          [
            { name: 'a/x', data: '1' },
            { name: 'a/y', data: '2' },
          ],
          { count: 1 },
        ),
        CORRUPT,
        'buffer, byte 117: The directory holds more than its entries',
      ))
  })

  describe('stops at the limit', () => {
    it('archiveEntries', () =>
      assertRefused(
        zip([{ name: 'a/x', data: '1' }], { count: 2 }),
        LIMIT,
        'buffer: The archive has 2 entries, more than the limit archiveEntries of 1',
        { archiveEntries: 1 },
      ))

    it('directoryBytes', () =>
      assertRefused(
        zip([{ name: 'a/x', data: '1' }]),
        LIMIT,
        'buffer: The directory of the archive has 49 bytes, more than the limit directoryBytes of 48',
        { directoryBytes: 48 },
      ))

    it('inflateRatio', () => {
      const bomb = zip([{ name: 'a/x', data: new Uint8Array(2 ** 21), deflate: true, compressedSize: 2000 }])
      const text = 'Entry a/x claims to inflate from 2000 to 2097152 bytes, more than the limit inflateRatio of 200'
      return assertRefused(bomb, LIMIT, `buffer: ${text}`)
    })

    it('inflatedBytes', () =>
      assertRefused(
        zip([
          { name: 'a/x', data: '1234567', deflate: true },
          { name: 'a/y', data: '1234567', deflate: true },
        ]),
        LIMIT,
        'buffer: The deflated entries claim to inflate to 14 bytes, more than the limit inflatedBytes of 10',
        { inflatedBytes: 10 },
      ))
  })
})

describe('readEntry()', () => {
  for (const [claim, text] of [
    [5, 'Cannot be inflated to 5 bytes'],
    [50, 'Expected 50 bytes, inflated to 10'],
  ] as const) {
    it(`refuses 10 deflated bytes that claim to be ${claim}`, async () => {
      const { source, entries } = await open(zip([{ name: 'a/x', data: '0123456789', deflate: true, size: claim }]))
      const entry = entries.get('x')

      assert.ok(entry !== undefined)
      await assert.rejects(readEntry(source, entry), (error: CheckpointError) => {
        assert.equal(error.code, CORRUPT)
        assert.equal(error.message, `buffer, entry a/x, byte 0: ${text}`)
        assert.equal(error.entry, 'a/x')
        return true
      })
    })
  }
})

describe('ZipWriter', () => {
  async function write(entries: Readonly<Record<string, string>>): Promise<Buffer> {
    const pieces: Uint8Array[] = []
    const writer = new ZipWriter((bytes) => {
      pieces.push(bytes.slice())
      return Promise.resolve()
    })
    for (const [name, data] of Object.entries(entries)) await writer.add(name, data.length, [Buffer.from(data)])
    await writer.finish()
    return Buffer.concat(pieces)
  }

  it('writes what readZip() reads, each entry at a multiple of 64 bytes', async () => {
    const archive = await open(await write({ 'a/x': 'one', 'a/long name': 'two'.repeat(99), 'a/e': '' }))

    assert.equal(await textOf(archive, 'x'), 'one')
    assert.equal(await textOf(archive, 'long name'), 'two'.repeat(99))
    for (const { name, dataOffset } of archive.entries.values()) assert.equal(dataOffset % 64, 0, name)
  })

  it('rejects an entry that is not as long as was said', async () => {
    const writer = new ZipWriter(() => Promise.resolve())

    await assert.rejects(writer.add('a/x', 3, [Buffer.from('ab')]), RangeError)
  })

  it('writes 64-bit sizes and offsets past 4 GiB', async function () {
    this.timeout(60_000)
    // The archive is too large to keep: only what lies between the zeros of its one huge entry is.
    const chunk = new Uint8Array(2 ** 26)
    const kept: { at: number; bytes: Uint8Array }[] = []
    let position = 0
    const writer = new ZipWriter((bytes) => {
      if (bytes !== chunk) kept.push({ at: position, bytes: bytes.slice() })
      position += bytes.length
      return Promise.resolve()
    })
    const size = 65 * chunk.length
    await writer.add(
      'a/huge',
      size,
      Array.from({ length: 65 }, () => chunk),
    )
    await writer.add('a/after', 5, [Buffer.from('after')])
    await writer.finish()

    const source = {
      path: undefined,
      bytes: undefined,
      size: position,
      close: () => Promise.resolve(),
      read: (offset: number, length: number) => {
        const bytes = new Uint8Array(length)
        for (const piece of kept) {
          const from = Math.max(piece.at, offset)
          const to = Math.min(piece.at + piece.bytes.length, offset + length)
          if (from < to) bytes.set(piece.bytes.subarray(from - piece.at, to - piece.at), from - offset)
        }
        return Promise.resolve(bytes)
      },
    }
    const archive = await readZip(source, checkLimits())
    assert.equal(archive.entries.get('huge')?.size, size)
    assert.ok((archive.entries.get('after')?.dataOffset ?? 0) > size)
    assert.equal(await textOf(archive, 'after'), 'after')
  })
})
