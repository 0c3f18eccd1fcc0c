import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import {
  NumpyArray,
  PickledGlobal,
  PickledObject,
  PickleTuple,
  readCheckpoint,
  StoredTensor,
  type CheckpointValue,
} from 'napi-torch'

import { checkpointOf, zip } from '../support/archive.js'
import { fixture, inFolder } from '../support/checkpoints.js'

const STORAGE = 'X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu'

/** The pickle of one float32 tensor of storage `0`. */
function tensorPickle({ numel = 'K\x04', offset = 'K\x00', shape = 'K\x04\x85', strides = 'K\x01\x85' }): string {
  return `\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((${STORAGE}${numel}tQ${offset}${shape}${strides}\x89}tR.`
}

async function rootOf(pickle: string, bytes = 16): Promise<CheckpointValue> {
  const { root } = await readCheckpoint(checkpointOf(Buffer.from(pickle, 'latin1'), { 0: new Uint8Array(bytes) }))
  return root
}

describe('readCheckpoint()', () => {
  it('gives the tree of a training checkpoint, tensors unread', async () => {
    const { root, format, path, byteOrder } = await readCheckpoint(fixture('training.pth'))

    assert.equal(format, 'zip')
    assert.equal(path, fixture('training.pth'))
    assert.equal(byteOrder, 'little')
    assert.ok(root instanceof Map)
    const state = root.get('state_dict')
    assert.ok(state instanceof Map)
    const weight = state.get('conv.weight')
    assert.ok(weight instanceof StoredTensor)
    assert.deepEqual([weight.dtype, weight.shape, weight.nbytes], ['float32', [4, 3, 3, 3], 432])
  })

  for (const name of ['training.pth', 'training5.pth']) {
    it(`keeps what Python's restricted reader refuses as inert data in ${name}`, async () => {
      const { root } = await readCheckpoint(fixture(name))

      assert.ok(root instanceof Map)
      assert.equal(root.get('epoch'), 7)
      assert.equal(root.get('best_acc'), 94.5)
      assert.equal(root.get('seed'), 2n ** 70n)
      assert.equal(root.get('__proto__'), 'a plain key')
      assert.deepEqual(root.get('raw'), new Uint8Array([0, 255]))
      assert.deepEqual(root.get('tags'), new Set(['a']))
      assert.deepEqual(root.get('recent'), [1.5, 2.5])
      const classes = root.get('classes')
      assert.ok(classes instanceof PickleTuple)
      assert.deepEqual([...classes], ['shirt', 'shoe'])
      const args = root.get('args')
      assert.ok(args instanceof PickledObject)
      assert.equal(args.path, 'argparse.Namespace')
      assert.ok(args.state instanceof Map)
      const phase = args.state.get('phase')
      assert.ok(phase instanceof PickledObject)
      assert.equal(phase.path, '__main__.Phase')
      const dtype = root.get('dtype')
      assert.ok(dtype instanceof PickledGlobal)
      assert.equal(dtype.path, 'torch.float16')
      const history = root.get('history')
      assert.ok(history instanceof Map)
      assert.deepEqual(history.get('loss'), [0.5, 0.25])
      assert.ok(history.get('top') instanceof NumpyArray)
      const parameter = root.get('parameter')
      assert.ok(parameter instanceof StoredTensor)
      assert.deepEqual([parameter.isParameter, parameter.requiresGrad], [true, true])
    })
  }

  it('tells views, strides, offsets and shared storages apart', async () => {
    const { root } = await readCheckpoint(fixture('tensors.pth'))

    assert.ok(root instanceof Map)
    const [base, tied, row, strided] = ['base', 'tied', 'row', 'strided'].map((key) => root.get(key))
    assert.ok(base instanceof StoredTensor && tied instanceof StoredTensor)
    assert.ok(row instanceof StoredTensor && strided instanceof StoredTensor)
    assert.equal(tied.storage, base.storage)
    assert.equal(row.storage, base.storage)
    assert.deepEqual([row.storageOffset, row.shape], [6, [6]])
    assert.deepEqual([strided.storageOffset, strided.strides], [1, [5]])
  })

  it('names element types of which no Tensor can be made', async () => {
    const { root } = await readCheckpoint(fixture('foreign_dtypes.pth'))

    assert.ok(root instanceof Map)
    const found = [...root.values()].map((value) =>
      value instanceof StoredTensor ? [value.dtype, value.nbytes] : null,
    )
    assert.deepEqual(found, [
      ['complex64', 24],
      ['complex128', 48],
      ['uint16', 6],
      ['uint32', 12],
      ['uint64', 24],
      ['float8_e4m3fn', 3],
      ['float8_e5m2', 3],
      ['quint8', 3],
    ])
  })

  it('knows the byte order of a big-endian file', async () => {
    assert.equal((await readCheckpoint(fixture('big_endian.pth'))).byteOrder, 'big')
  })

  it('reads a buffer as it reads a file', async () => {
    const fromFile = await readCheckpoint(fixture('state_dict.pth'))
    const fromBuffer = await readCheckpoint(await readFile(fixture('state_dict.pth')))

    assert.equal(fromBuffer.path, null)
    assert.ok(fromFile.root instanceof Map && fromBuffer.root instanceof Map)
    assert.deepEqual([...fromBuffer.root.keys()], [...fromFile.root.keys()])
  })

  it('needs no libtorch', () => {
    const script = `
      const { readCheckpoint } = await import(${JSON.stringify(new URL('../../lib/checkpoint/read.ts', import.meta.url).href)})
      const { root } = await readCheckpoint(${JSON.stringify(fixture('state_dict.pth'))})
      console.log(root.size)`
    const env = { ...process.env, NAPI_TORCH_LIBTORCH: '/nonexistent' }
    const output = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { env })

    assert.equal(output.toString(), '8\n')
  })

  describe('refuses', () => {
    const files: readonly [name: string, code: string, text: string][] = [
      [
        'expected.json',
        'TORCH_CHECKPOINT_FORMAT',
        'Is not a checkpoint: it is JSON, but without the weight_map of an index of shards',
      ],
    ]
    for (const [name, code, text] of files) {
      it(name, () => assert.rejects(readCheckpoint(fixture(name)), { code, message: `${fixture(name)}: ${text}` }))
    }

    const contents: readonly [name: string, bytes: string, code: string, text: string][] = [
      ['an empty file', '', 'TORCH_CHECKPOINT_FORMAT', 'The file is empty'],
      [
        'a tar archive',
        `${'\0'.repeat(257)}ustar`,
        'TORCH_CHECKPOINT_UNSUPPORTED',
        'Is a tar archive; if it contains a checkpoint, unpack it first',
      ],
      [
        'a tar archive of PyTorch 0.1',
        `sys_info${'\0'.repeat(249)}ustar`,
        'TORCH_CHECKPOINT_UNSUPPORTED',
        `Is in the tar format of PyTorch 0.1, which is not read; if you trust it, convert it in Python: torch.save(torch.load('file', weights_only=False), 'new.pth')`,
      ],
      ['text', 'epoch,loss\n', 'TORCH_CHECKPOINT_FORMAT', 'Is not a checkpoint: it is text'],
      [
        'a Git LFS pointer',
        'version https://git-lfs.github.com/spec/v1\n',
        'TORCH_CHECKPOINT_FORMAT',
        'Is not a checkpoint: it is a Git LFS pointer; fetch the real file with `git lfs pull`',
      ],
      [
        'a web page',
        '<!DOCTYPE html><html>',
        'TORCH_CHECKPOINT_FORMAT',
        'Is not a checkpoint: it is a web page; the download got an HTML page instead of the file',
      ],
      [
        'gzip',
        '\x1f\x8b\x08',
        'TORCH_CHECKPOINT_FORMAT',
        'Is not a checkpoint: it is compressed with gzip; unpack it with `gunzip FILE`',
      ],
      [
        'HDF5',
        '\x89HDF\r\n',
        'TORCH_CHECKPOINT_FORMAT',
        "Is not a checkpoint: it is an HDF5 file, such as Keras writes; this package reads models of PyTorch: in Python, torch.save(model.state_dict(), 'model.pth')",
      ],
      [
        'a plain pickle',
        '\x80\x04N.',
        'TORCH_CHECKPOINT_FORMAT',
        "Is not a checkpoint: it is a plain pickle, as of pickle.dump or joblib; only what torch.save wrote is read: in Python, torch.save(pickle.load(open('FILE', 'rb')), 'model.pth')",
      ],
      ['other bytes', '\x00\x01\x02', 'TORCH_CHECKPOINT_FORMAT', 'Is not a checkpoint: its first bytes are 00 01 02'],
    ]
    for (const [name, bytes, code, text] of contents) {
      it(name, () => {
        return assert.rejects(readCheckpoint(Buffer.from(bytes, 'latin1')), { code, message: `buffer: ${text}` })
      })
    }

    it('a missing file', () =>
      assert.rejects(readCheckpoint(fixture('none.pth')), {
        name: 'CheckpointError',
        code: 'TORCH_FILE',
        message: `${fixture('none.pth')}: No such file`,
        path: fixture('none.pth'),
      }))

    it('a directory, naming checkpoints in it', () =>
      assert.rejects(readCheckpoint(fixture('')), {
        code: 'TORCH_FILE',
        message: `${fixture('')}: Is a directory with several checkpoints, pass one of them: big_endian.pth, data_parallel.pth, deflated.pth, dtypes.pth, …`,
      }))

    it('a named pipe, without waiting for a writer', () =>
      inFolder(async (folder) => {
        const path = join(folder, 'pipe')
        execFileSync('mkfifo', [path])

        await assert.rejects(readCheckpoint(path), { code: 'TORCH_FILE', message: `${path}: Is not a regular file` })
      }))

    it('a file that is cut at every 64th byte', () =>
      inFolder(async (folder) => {
        const whole = await readFile(fixture('state_dict.pth'))
        const path = join(folder, 'cut.pth')
        for (let length = 64; length < whole.length; length += 64) {
          await writeFile(path, whole.subarray(0, length))
          await assert.rejects(readCheckpoint(path), { code: 'TORCH_CHECKPOINT_CORRUPT' }, `at ${length} bytes`)
        }
      }))

    it('a zip archive that torch.save did not write', () =>
      assert.rejects(readCheckpoint(zip([{ name: 'a/readme', data: '' }])), {
        code: 'TORCH_CHECKPOINT_FORMAT',
        message: 'buffer: Is a zip archive without a/data.pkl, so torch.save did not write it',
      }))

    it('an archive without a version', () =>
      assert.rejects(readCheckpoint(zip([{ name: 'a/data.pkl', data: 'N.' }])), {
        code: 'TORCH_CHECKPOINT_CORRUPT',
        message: 'buffer: The entry a/version is missing',
      }))

    it('a version from the future', () =>
      assert.rejects(
        readCheckpoint(
          zip([
            { name: 'a/data.pkl', data: 'N.' },
            { name: 'a/version', data: '11\n' },
          ]),
        ),
        {
          code: 'TORCH_CHECKPOINT_UNSUPPORTED',
          message: 'buffer, entry a/version: Expected a version from 1 to 10, found "11"',
        },
      ))

    it('an unknown byte order', () =>
      assert.rejects(
        readCheckpoint(
          zip([
            { name: 'a/data.pkl', data: 'N.' },
            { name: 'a/version', data: '3' },
            { name: 'a/byteorder', data: 'middle' },
          ]),
        ),
        {
          code: 'TORCH_CHECKPOINT_CORRUPT',
          message: 'buffer, entry a/byteorder: Expected little or big, found "middle"',
        },
      ))

    it('bytes behind the pickle', () =>
      assert.rejects(rootOf('N.N.'), {
        code: 'TORCH_CHECKPOINT_CORRUPT',
        message: 'buffer, entry archive/data.pkl, byte 2: Bytes follow the end of the pickle',
      }))

    it('a pickle past the limit, before it is read', () =>
      assert.rejects(readCheckpoint(fixture('state_dict.pth'), { limits: { pickleBytes: 100 } }), {
        code: 'TORCH_CHECKPOINT_LIMIT',
        message: /archive\/data\.pkl: The pickle has \d+ bytes, more than the limit pickleBytes of 100$/,
      }))

    it('more tensors than the limit', () =>
      assert.rejects(readCheckpoint(fixture('state_dict.pth'), { limits: { tensors: 3 } }), {
        code: 'TORCH_CHECKPOINT_LIMIT',
        message: /The checkpoint has 4 tensors, more than the limit tensors of 3$/,
      }))

    it('an unknown option and an unknown limit', async () => {
      const code = 'TORCH_INVALID_ARGUMENT'
      // @ts-expect-error: there is no such option.
      await assert.rejects(readCheckpoint('x', { limit: {} }), { code })
      // @ts-expect-error: there is no such limit.
      await assert.rejects(readCheckpoint('x', { limits: { opcode: 1 } }), { code })
      await assert.rejects(readCheckpoint('x', { limits: { opcodes: 0 } }), { code })
      // @ts-expect-error: a number is no file.
      await assert.rejects(readCheckpoint(3), {
        code,
        message: 'Expected a path, a file: URL, bytes, a Blob, a Response or a stream of bytes for file, received 3',
      })
    })
  })

  describe('refuses a tensor', () => {
    const cases: readonly [name: string, fields: Parameters<typeof tensorPickle>[0], text: string][] = [
      [
        'that is longer than its storage',
        { shape: 'K\x05\x85' },
        'A float32 tensor of shape (5,), strides (1,) and offset 0 reaches outside its storage of 4 elements',
      ],
      [
        'that begins past its storage',
        { offset: 'K\x04' },
        'A float32 tensor of shape (4,), strides (1,) and offset 4 reaches outside its storage of 4 elements',
      ],
      [
        'whose strides leave its storage',
        { strides: 'K\x02\x85' },
        'A float32 tensor of shape (4,), strides (2,) and offset 0 reaches outside its storage of 4 elements',
      ],
      [
        'without elements whose other sizes overflow 64 bits',
        {
          shape: '\x8a\x05\x00\x00\x00\x00\x01\x8a\x05\x00\x00\x00\x00\x01K\x00\x87',
          strides: 'K\x00K\x00K\x00\x87',
        },
        'A float32 tensor of shape (4294967296, 4294967296, 0) has sizes whose product is past 2^63',
      ],
      [
        'whose size overflows 64 bits',
        {
          shape: '\x8a\x05\x00\x00\x00\x00\x01\x8a\x05\x00\x00\x00\x00\x01\x86',
          strides: '\x8a\x05\x00\x00\x00\x00\x01\x8a\x05\x00\x00\x00\x00\x01\x86',
        },
        'A float32 tensor of shape (4294967296, 4294967296), strides (4294967296, 4294967296) and offset 0 reaches outside its storage of 4 elements',
      ],
      [
        'of a negative size',
        { shape: 'J\xff\xff\xff\xff\x85' },
        'Expected a shape of integers of at least 0, found a tuple of 1 values',
      ],
      [
        'of a negative stride',
        { strides: 'J\xff\xff\xff\xff\x85' },
        'Expected strides of integers of at least 0, found a tuple of 1 values',
      ],
      ['of a negative offset', { offset: 'J\xff\xff\xff\xff' }, 'Expected a storage offset of at least 0, found -1'],
      [
        'of a size beyond 2^53',
        { shape: '\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x40\x85' },
        'Expected a shape of integers of at least 0, found a tuple of 1 values',
      ],
      ['of more strides than sizes', { strides: 'K\x01K\x01\x86' }, 'A float32 tensor of shape (4,) has 2 strides'],
      [
        'whose storage is not as long as it says',
        { numel: 'K\x05' },
        'The entry archive/data/0 has 16 bytes, expected 5 elements of 4 bytes',
      ],
      [
        'whose storage has a negative length',
        { numel: 'J\xff\xff\xff\xff' },
        'Expected a storage for persistent id, found a tuple of 5 values',
      ],
    ]
    for (const [name, fields, text] of cases) {
      it(name, () =>
        assert.rejects(rootOf(tensorPickle(fields)), (error: Error & { code?: string }) => {
          assert.equal(error.code, 'TORCH_CHECKPOINT_CORRUPT')
          assert.equal(error.message.replace(/^.*?\): /, ''), text)
          return true
        }),
      )
    }

    it('that zero strides blow up past the limit', () =>
      assert.rejects(rootOf(tensorPickle({ shape: 'J\xff\xff\xff\x7f\x85', strides: 'K\x00\x85' })), {
        code: 'TORCH_CHECKPOINT_LIMIT',
        message: /claims 8589934588 bytes of a storage of 16, more than the limit expandedBytes of 1073741824$/,
      }))

    it('of more than 64 dimensions', () =>
      assert.rejects(rootOf(tensorPickle({ shape: `(${'K\x01'.repeat(65)}t`, strides: `(${'K\x01'.repeat(65)}t` })), {
        code: 'TORCH_CHECKPOINT_LIMIT',
        message: /A tensor has 65 dimensions, more than the limit dimensions of 64$/,
      }))

    it('of a storage that is not in the archive', async () => {
      const bytes = checkpointOf(Buffer.from(tensorPickle({}), 'latin1'))

      await assert.rejects(readCheckpoint(bytes), {
        code: 'TORCH_CHECKPOINT_CORRUPT',
        message: /\(BINPERSID\): The entry archive\/data\/0 is missing$/,
      })
    })

    it('of a storage of an unknown class', () =>
      assert.rejects(rootOf(tensorPickle({}).replace('FloatStorage', 'FloatStore')), {
        code: 'TORCH_CHECKPOINT_CORRUPT',
        message: /\(BINPERSID\): Expected a storage class, found torch\.FloatStore$/,
      }))
  })
})
