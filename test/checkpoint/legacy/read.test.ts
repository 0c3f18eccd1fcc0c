import assert from 'node:assert/strict'
import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import fc from 'fast-check'

import { findStateDict, loadCheckpoint, loadTensors, memory, readCheckpoint, type CheckpointLimits } from 'napi-torch'

import { readLegacy } from '../../../lib/checkpoint/legacy/read.js'
import { checkLimits } from '../../../lib/checkpoint/limits.js'
import { openSource, type ByteSource } from '../../../lib/checkpoint/source.js'
import { inFolder } from '../../support/checkpoints.js'
import { describeTensors, expectedTensors, formatFixture, reportOfPython, withState } from '../../support/formats.js'
import { itWithPython, python } from '../../support/python.js'
import { mutations, readAll, survives } from '../../support/survive.js'

const MAGIC = '\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.'
const PROTOCOL = '\x80\x02M\xe9\x03.'
const SYSTEM = '\x80\x02}X\x0d\x00\x00\x00little_endian\x88s.'

function text(value: string): string {
  return `X${String.fromCharCode(value.length)}\0\0\0${value}`
}

/** The instructions that push a storage. */
function storage({ key = 'a', type = 'FloatStorage', numel = 'K\x04', view = 'N' } = {}): string {
  return `(${text('storage')}ctorch\n${type}\n${text(key)}${text('cpu')}${numel}${view}tQ`
}

/** The instructions that push a float32 tensor of four elements. */
function tensor(storageProgram: string, { offset = 'K\x00', shape = 'K\x04\x85' } = {}): string {
  return `ctorch._utils\n_rebuild_tensor\n(${storageProgram}${offset}${shape}K\x01\x85tR`
}

interface Parts {
  readonly magic?: string
  readonly protocol?: string
  readonly system?: string
  readonly object?: string
  readonly keys?: readonly string[] | string
  readonly data?: string
}

const DATA = `\x04${'\0'.repeat(7)}${'\x00\x00\x80\x3f'.repeat(4)}`

/** Builds a file of one float32 storage `a` of four ones, of which any part may be another. */
function legacy(parts: Parts = {}): Uint8Array {
  const { magic = MAGIC, protocol = PROTOCOL, system = SYSTEM, keys = ['a'], data = DATA } = parts
  const object = parts.object ?? `}${text('w')}${tensor(storage())}s`
  const list = typeof keys === 'string' ? keys : `](${keys.map(text).join('')}e`
  return Buffer.from(`${magic}${protocol}${system}\x80\x02${object}.\x80\x02${list}.${data}`, 'latin1')
}

/** Notes what is read of a source. */
function watched(source: ByteSource): ByteSource & { readonly reads: [offset: number, length: number][] } {
  const reads: [number, number][] = []
  return {
    path: source.path,
    bytes: undefined,
    size: source.size,
    reads,
    close: () => source.close(),
    read(offset, length) {
      reads.push([offset, length])
      return source.read(offset, length)
    },
  }
}

describe('readCheckpoint() of a file of PyTorch before 1.6', () => {
  const names = [
    'legacy.pth',
    'legacy_protocol1.pth',
    'legacy_protocol4.pth',
    'legacy_tensors.pth',
    'legacy_dtypes.pth',
    'legacy_big_endian.pth',
    'legacy_views.pth',
    'legacy_training.pth',
  ]
  for (const name of names) {
    for (const mmap of [false, true]) {
      it(`gives every tensor of ${name} to the bit, in order, ${mmap ? 'mapped' : 'read'}`, () =>
        withState(loadCheckpoint(formatFixture(name), { mmap }), (state) => {
          assert.deepEqual(describeTensors(state), expectedTensors(name))
        }))
    }
  }

  it('reads a buffer as it reads a file', async () => {
    await withState(loadCheckpoint(await readFile(formatFixture('legacy.pth'))), (state) => {
      assert.deepEqual(describeTensors(state), expectedTensors('legacy.pth'))
    })
  })

  it('shares the memory that tensors shared', () =>
    withState(loadCheckpoint(formatFixture('legacy_tensors.pth')), (state) => {
      state.get('tied')?.fill_(7)

      assert.equal(state.get('row')?.toArray()[0], 7)
      assert.equal(state.get('scalar')?.toArray()[0], 2.5)
    }))

  it('gives what else the file holds', async () => {
    const { root, format, byteOrder } = await readCheckpoint(formatFixture('legacy_training.pth'))

    assert.deepEqual([format, byteOrder], ['legacy', 'little'])
    assert.ok(root instanceof Map)
    assert.deepEqual([root.get('epoch'), root.get('lr')], [3, 0.1])
  })

  it('says that the machine was big-endian, though the file is not', async () => {
    assert.equal((await readCheckpoint(formatFixture('legacy_big_endian.pth'))).byteOrder, 'big')
  })

  it('carries the versions of the modules', async () => {
    const { metadata } = findStateDict(await readCheckpoint(formatFixture('legacy.pth')))

    assert.deepEqual(metadata?.get('stem.bn'), new Map([['version', 2]]))
  })

  it('reads a file without storages', async () => {
    const object = `}${text('epoch')}K\x03s`
    const { root } = await readCheckpoint(legacy({ object, keys: [], data: '' }))

    assert.deepEqual(root, new Map([['epoch', 3]]))
  })

  it('takes bytes behind the data for another checkpoint, as PyTorch does', async () => {
    await withState(loadCheckpoint(legacy({ data: `${DATA}more` })), (state) => assert.equal(state.size, 1))
  })

  it('passes over the source code that is kept beside a module class', async () => {
    const object = `(${text('module')}ca\nNet\n${text('net.py')}${text('class Net: pass')}tQ`
    const { root } = await readCheckpoint(legacy({ object, keys: [], data: '' }))

    assert.equal(root?.constructor.name, 'PickledGlobal')
  })

  it('reads pickles and counts, and of 8 GiB of data nothing', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'large.pth')
      const numel = '\x8a\x05\x00\x00\x00\x40\x00'
      const object = `}(${text('x')}${tensor(storage({ key: 'a', numel }))}${text('y')}${tensor(storage({ key: 'b', numel }))}u`
      const head = legacy({ object, keys: ['a', 'b'], data: '' })
      const count = Buffer.from('0000004000000000', 'hex')
      const file = await open(path, 'w')
      await file.write(head)
      await file.write(count)
      await file.write(count, 0, 8, head.length + 8 + 2 ** 32)
      await file.truncate(head.length + 16 + 2 ** 33)
      await file.close()
      const source = watched(await openSource(path))

      const { root } = await readLegacy(source, checkLimits())
      await source.close()

      assert.ok(root instanceof Map)
      assert.equal(root.size, 2)
      const total = source.reads.reduce((sum, [, length]) => sum + length, 0)
      assert.ok(total < 500_000, `read ${total} bytes`)
      const { tensors } = findStateDict(await readCheckpoint(path))
      assert.equal(tensors.get('y')?.storage.record.offset, head.length + 16 + 2 ** 32)
    }))

  describe('refuses', () => {
    const corrupt = 'TORCH_CHECKPOINT_CORRUPT'
    const cases: readonly [name: string, parts: Parts, code: string, message: string, limits?: Partial<CheckpointLimits>][] = [
      ['a storage that is not in the list of keys', { keys: [] }, corrupt, 'The data of storage a are not in the file: it is not listed'],
      ['a key that the object does not use', { keys: ['a', 'b'] }, corrupt, 'Storage b is not used by the object'],
      ['a key that is listed twice', { keys: ['a', 'a'] }, corrupt, 'Storage a is listed twice'],
      ['a key that is no text', { keys: '](K\x01e' }, corrupt, 'Storage 1 is not used by the object'],
      ['keys that are no list', { keys: 'N' }, corrupt, 'Expected a list of storage keys, found None'],
      ['a tuple of keys', { keys: `${text('a')}\x85` }, corrupt, 'Expected a list of storage keys, found a tuple of 1 values'],
      ['another count than the object says', { data: DATA.replace('\x04', '\x03') }, corrupt, 'Expected 4 elements of storage a, found 3'],
      ['a negative count', { data: '\xff'.repeat(24) }, corrupt, 'Expected 4 elements of storage a, found -1'],
      ['data that end early', { data: DATA.slice(0, -1) }, corrupt, /^The file is truncated: storage a has 16 bytes from byte \d+ on, but the file ends at byte \d+$/.source],
      ['a count that ends early', { data: '\x04' }, corrupt, 'The file is truncated: it ends before the data of storage a'],
      ['no data', { data: '' }, corrupt, 'The file is truncated: it ends before the data of storage a'],
      ['a tensor that is longer than its storage', { object: tensor(storage(), { shape: 'K\x05\x85' }) }, corrupt, 'A float32 tensor of shape (5,), strides (1,) and offset 0 reaches outside its storage of 4 elements'],
      ['a storage that claims more than the file', { object: tensor(storage({ numel: 'J\xff\xff\xff\x7f' })) }, corrupt, /^Storage a claims 8589934588 bytes, the file has \d+$/.source],
      ['a storage of a size past 2^53', { object: tensor(storage({ numel: '\x8a\x08\0\0\0\0\0\0\0\x40' })) }, corrupt, 'Expected a storage for persistent id, found a tuple of 6 values'],
      ['a storage of a negative size', { object: tensor(storage({ numel: 'J\xff\xff\xff\xff' })) }, corrupt, 'Expected a storage for persistent id, found a tuple of 6 values'],
      ['a storage of two lengths', { object: `(${storage()}${storage({ numel: 'K\x03' })}t` }, corrupt, 'Storage a has 4 elements of float32, and elsewhere 3 of float32'],
      ['a storage of two types', { object: `(${storage()}${storage({ type: 'IntStorage' })}t` }, corrupt, 'Storage a has 4 elements of float32, and elsewhere 4 of int32'],
      ['a storage of an unknown class', { object: storage({ type: 'FloatStore' }) }, corrupt, 'Expected a storage class, found torch.FloatStore'],
      ['a view outside its storage', { object: storage({ view: `(${text('v')}K\x02K\x03t` }) }, corrupt, 'A view of elements 2 to 5 reaches outside storage a of 4'],
      ['a view of a negative offset', { object: storage({ view: `(${text('v')}J\xff\xff\xff\xffK\x03t` }) }, corrupt, 'Expected a view of a storage, found a tuple of 3 values'],
      ['two views of one key', { object: `(${storage({ view: `(${text('v')}K\x02K\x02t` })}${storage({ view: `(${text('v')}K\x01K\x02t` })}t` }, corrupt, 'The key v stands for two views'],
      ['a persistent id that is no tuple', { object: `${text('a')}Q` }, corrupt, 'Expected a storage for persistent id, found "a"'],
      ['a module that is no class', { object: `(${text('module')}NNNtQ` }, corrupt, 'Expected a storage for persistent id, found a tuple of 4 values'],
      ['a persistent id outside of the object', { keys: `]${storage()}a` }, corrupt, 'Refers to data outside of the pickle, which has none'],
      ['another version of the format', { protocol: '\x80\x02M\xea\x03.' }, 'TORCH_CHECKPOINT_UNSUPPORTED', 'Expected version 1001 of the format, found 1002'],
      ['facts of the system that are none', { system: '\x80\x02N.' }, corrupt, 'Expected facts of the system, found None'],
      ['a byte order that is none', { system: SYSTEM.replace('\x88', 'N') }, corrupt, 'Expected a boolean for little_endian, found None'],
      ['an object that runs code', { object: 'cos\nsystem\n' }, 'TORCH_CHECKPOINT_UNSAFE', 'The file asks Python for os.system, which runs programs or changes files: a trustworthy checkpoint has no use for it; do not open this file with Python either'],
      ['keys that run code', { keys: 'cos\nsystem\n' }, 'TORCH_CHECKPOINT_UNSAFE', 'The file asks Python for os.system, which runs programs or changes files: a trustworthy checkpoint has no use for it; do not open this file with Python either'],
      ['a byte that is no instruction', { object: '\xff' }, corrupt, 'Expected a pickle instruction, found byte 0xff'],
      ['a string that runs past the file', { object: 'X\xff\xff\xff\x7f' }, corrupt, 'The file is truncated: it ends in a pickle'],
      ['a string of a length past 2^63', { object: `\x8d${'\xff'.repeat(8)}` }, corrupt, 'The file is truncated: it ends in a pickle'],
      ['a name without an end', { object: 'ctorch', keys: 'N', data: '' }, corrupt, 'The file is truncated: it ends in a pickle'],
      ['pickles past the limit', {}, 'TORCH_CHECKPOINT_LIMIT', /^The pickles have at least \d+ bytes, more than the limit pickleBytes of 100$/.source, { pickleBytes: 100 }],
      ['instructions past the limit', { object: 'N0'.repeat(50) }, 'TORCH_CHECKPOINT_LIMIT', 'The pickle has 101 instructions, more than the limit opcodes of 100', { opcodes: 100 }],
      ['tensors past the limit', { object: `(${tensor(storage())}${tensor(storage())}t` }, 'TORCH_CHECKPOINT_LIMIT', 'The checkpoint has 2 tensors, more than the limit tensors of 1', { tensors: 1 }],
    ] // prettier-ignore
    for (const [name, parts, code, message, limits = {}] of cases) {
      it(name, () =>
        assert.rejects(readCheckpoint(legacy(parts), { limits }), (error: Error & { code?: string }) => {
          assert.equal(error.code, code)
          const found = error.message.replace(/^buffer(, byte \d+)?( \(\w+\))?: /, '')
          if (message.startsWith('^')) assert.match(found, new RegExp(message))
          else assert.equal(found, message)
          return true
        }),
      )
    }

    it('another magic number', () =>
      assert.rejects(
        openSource(legacy({ magic: '\x80\x02K\x01.' })).then((source) => readLegacy(source, checkLimits())),
        {
          code: 'TORCH_CHECKPOINT_CORRUPT',
          message: `buffer, byte 0: Expected PyTorch's magic number, found 1`,
        },
      ))

    it('an element type of which no Tensor can be made, leaving nothing alive', async () => {
      const before = memory()

      await assert.rejects(loadCheckpoint(formatFixture('legacy_foreign.pth')), {
        code: 'TORCH_CHECKPOINT_UNSUPPORTED',
        message: /legacy_foreign\.pth: Tensor uint16 is of type uint16, expected one of float32, /,
      })
      assert.deepEqual(memory(), before)
    })

    for (const name of ['legacy.pth', 'legacy_protocol4.pth', 'legacy_tensors.pth']) {
      it(`${name} cut at every 64th byte`, async () => {
        const whole = await readFile(formatFixture(name))
        for (let length = 0; length < whole.length; length += 64) {
          await assert.rejects(loadCheckpoint(whole.subarray(0, length)), { name: 'CheckpointError' }, `at ${length}`)
        }
      })
    }

    it('a file that was cut since it was inspected, leaving nothing alive', () =>
      inFolder(async (folder) => {
        const path = join(folder, 'x.pth')
        await writeFile(path, legacy())
        const before = memory()
        const { tensors } = findStateDict(await readCheckpoint(path))
        await writeFile(path, legacy().subarray(0, -4))

        await assert.rejects(loadTensors(tensors.values()), { name: 'CheckpointError' })
        assert.deepEqual(memory(), before)
      }))
  })

  it('keeps the place of a fault in the file', () =>
    assert.rejects(readCheckpoint(legacy({ object: 'cos\nsystem\n' })), {
      offset: MAGIC.length + PROTOCOL.length + SYSTEM.length + 2,
      opcode: 'GLOBAL',
    }))

  for (const name of ['legacy.pth', 'legacy_tensors.pth', 'legacy_module.pth', 'legacy_protocol1.pth']) {
    it(`ends in a value or a CheckpointError on 300 mutations of ${name}`, async () => {
      const words = ['.', 'N', '}', '](', 'tR', 'Q', 'K\x00', 'K\xff', 'J\xff\xff\xff\xff', 'h\x00', 'X\x01\0\0\0a', '\x8a\x08', '\x80\x02', 'ctorch\nIntStorage\n', '\x95', storage(), DATA] // prettier-ignore
      const whole = await readFile(formatFixture(name))

      await fc.assert(
        fc.asyncProperty(mutations(whole, words), (bytes) => survives(() => readAll(bytes))),
        { numRuns: 300 },
      )
    }).timeout(60_000)
  }

  itWithPython('gives what torch.load gives, also of a file that says it is big-endian', () =>
    inFolder(async (folder) => {
      const [little, big] = [join(folder, 'little.pth'), join(folder, 'big.pth')]
      const write = `
import sys, torch
torch.manual_seed(0)
base = torch.randn(5, 7)
state = {"a": base, "b": base.t()[2:], "c": base[1:3, ::2], "n": torch.tensor(7), "half": base.half(), "none": torch.empty(0)}
torch.save(state, sys.argv[1], _use_new_zipfile_serialization=False)
data = open(sys.argv[1], "rb").read()
changed = data.replace(b"little_endianq\\x02\\x88", b"little_endianq\\x02\\x89")
assert changed != data
open(sys.argv[2], "wb").write(changed)`
      python(write, [little, big])

      for (const path of [little, big]) {
        const expected = reportOfPython('report(torch.load(sys.argv[1], weights_only=True))', [path])
        await withState(loadCheckpoint(path), (state) => {
          assert.deepEqual(describeTensors(state), expected)
        })
      }
    }),
  )
})
