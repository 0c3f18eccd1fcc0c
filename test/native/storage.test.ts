import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { DTYPES, memory } from 'napi-torch'

import { native } from '../../lib/libtorch/binding.js'
import type { TensorHandle } from '../../lib/libtorch/handles.js'

const INVALID = 'TORCH_INVALID_ARGUMENT'
const folder = mkdtempSync(join(tmpdir(), 'napi-torch-storage-'))
const file = join(folder, 'file')
const content = Uint8Array.from({ length: 10_000 }, (_, index) => index % 251)

before(() => writeFileSync(file, content))
after(() => rmSync(folder, { recursive: true }))

/** Runs `body` with handles that are disposed after it. */
function using<T>(make: () => TensorHandle, body: (handle: TensorHandle) => T): T {
  const handle = make()
  try {
    return body(handle)
  } finally {
    native.dispose(handle)
  }
}

function bytesOf(handle: TensorHandle): number[] {
  try {
    return Array.from(new Uint8Array(native.toBytes(handle)))
  } finally {
    native.dispose(handle)
  }
}

function map(path: string, offset: number, length: number): TensorHandle {
  return only(native.mapStorages(path, [offset], [length]))
}

function only([handle]: readonly TensorHandle[]): TensorHandle {
  assert.ok(handle !== undefined)
  return handle
}

type Open = (path: string, offset: number, length: number) => Promise<TensorHandle>

const OPENERS: Readonly<Record<string, Open>> = {
  readStorages: async (path, offset, length) => only(await native.readStorages(path, [offset], [length])),
  mapStorages: (...args) => new Promise((resolve) => resolve(map(...args))),
}

for (const [name, open] of Object.entries(OPENERS)) {
  describe(`${name}()`, () => {
    for (const [offset, length] of [
      [0, 10],
      [5, 10],
      [4095, 3],
      [4096, 5904],
      [9999, 1],
      [0, 0],
      [10_000, 0],
    ] as const) {
      it(`gives ${length} bytes at ${offset}`, async () => {
        assert.deepEqual(
          bytesOf(await open(file, offset, length)),
          Array.from(content.subarray(offset, offset + length)),
        )
      })
    }

    const refused: readonly [title: string, args: readonly unknown[], code: string, message: string | RegExp][] = [
      [
        'a stretch that ends behind the file',
        [file, 9990, 11],
        'TORCH_FILE',
        `Cannot read ${file}: it ends before byte 10001`,
      ],
      [
        'more bytes than memory has, before it takes memory',
        [file, 0, 2 ** 53 - 1],
        'TORCH_FILE',
        `Cannot read ${file}: it ends before byte 9007199254740991`,
      ],
      [
        'an offset behind the file',
        [file, 2 ** 53 - 1, 0],
        'TORCH_FILE',
        `Cannot read ${file}: it ends before byte 9007199254740991`,
      ],
      [
        'a file that is not there',
        [join(folder, 'none'), 0, 1],
        'TORCH_FILE',
        `Cannot open ${join(folder, 'none')}: No such file or directory`,
      ],
      ['a folder', [folder, 0, 1], 'TORCH_FILE', `Cannot read ${folder}: it is not a regular file`],
      ['a device', ['/dev/zero', 0, 1], 'TORCH_FILE', 'Cannot read /dev/zero: it is not a regular file'],
      ['an empty path', ['', 0, 1], 'TORCH_FILE', 'Cannot open : No such file or directory'],
      ['a path with a zero byte', [`${file}\0.txt`, 0, 1], INVALID, 'Expected a path without a zero byte for path'],
      ['a negative offset', [file, -1, 1], INVALID, 'Expected non-negative integers for offsets'],
      ['a negative length', [file, 0, -1], INVALID, 'Expected non-negative integers for lengths'],
      ['NaN as length', [file, 0, NaN], INVALID, `Expected an array of integers for lengths of ${name}`],
      ['a path that is no string', [Buffer.from(file), 0, 1], INVALID, `Expected a string for path of ${name}`],
    ]
    for (const [title, args, code, message] of refused) {
      it(`refuses ${title}`, async () => {
        await assert.rejects(Reflect.apply(open, undefined, args) as Promise<TensorHandle>, { code, message })
      })
    }

    it('does not wait for the other end of a pipe', async () => {
      const pipe = join(folder, `pipe-${name}`)
      execFileSync('mkfifo', [pipe])

      await assert.rejects(open(pipe, 0, 1), {
        code: 'TORCH_FILE',
        message: `Cannot read ${pipe}: it is not a regular file`,
      })
    })

    it('gives memory whose changes stay out of the file', async () => {
      const handle = await open(file, 0, 4)
      native.fill_(handle, 9)

      assert.deepEqual(bytesOf(handle), [9, 9, 9, 9])
      assert.deepEqual(bytesOf(await open(file, 0, 4)), [0, 1, 2, 3])
    })

    it('refuses a file that was cut', async () => {
      const cut = join(folder, `cut-${name}`)
      writeFileSync(cut, content)
      truncateSync(cut, 100)

      await assert.rejects(open(cut, 0, 101), {
        code: 'TORCH_FILE',
        message: `Cannot read ${cut}: it ends before byte 101`,
      })
    })
  })
}

const MANY = {
  readStorages: async (path: string, offsets: number[], lengths: number[]) =>
    await native.readStorages(path, offsets, lengths),
  mapStorages: (path: string, offsets: number[], lengths: number[]) =>
    new Promise<TensorHandle[]>((resolve) => resolve(native.mapStorages(path, offsets, lengths))),
}

for (const [name, open] of Object.entries(MANY)) {
  describe(`${name}() of several stretches`, () => {
    it('gives them in any order; they may overlap or be empty', async () => {
      const [last, first, none, middle, inner] = await open(file, [9_000, 4, 0, 4_090, 5], [1_000, 3, 0, 10, 2])
      assert.ok(last && first && none && middle && inner)

      assert.deepEqual(bytesOf(last), Array.from(content.subarray(9_000)))
      assert.deepEqual(bytesOf(first), [4, 5, 6])
      assert.deepEqual(bytesOf(none), [])
      assert.deepEqual(bytesOf(middle), Array.from(content.subarray(4_090, 4_100)))
      assert.deepEqual(bytesOf(inner), [5, 6])
    })

    it('gives each a storage of its own, which lives on when others are disposed', async () => {
      const [first, second] = await open(file, [0, 8], [8, 8])
      assert.ok(first && second)
      assert.notEqual(native.storageId(first), native.storageId(second))
      native.dispose(first)

      assert.deepEqual(bytesOf(second), [8, 9, 10, 11, 12, 13, 14, 15])
    })

    it('gives nothing for nothing', async () => {
      assert.deepEqual(await open(file, [], []), [])
    })

    it('leaves nothing alive where one lies outside of the file', async () => {
      const before = memory()

      await assert.rejects(open(file, [0, 9_999], [1, 2]), {
        code: 'TORCH_FILE',
        message: `Cannot read ${file}: it ends before byte 10001`,
      })
      assert.deepEqual(memory(), before)
    })

    it('refuses another number of lengths', () =>
      assert.rejects(open(file, [0, 1], [1]), {
        code: INVALID,
        message: 'Expected a length for each offset for lengths',
      }))
  })
}

describe('viewOfStorage()', () => {
  for (const dtype of DTYPES) {
    it(`views bytes as ${dtype}`, () =>
      using(
        () => native.zeros([64], 'uint8', 'cpu'),
        (storage) =>
          using(
            () => native.viewOfStorage(storage, dtype, 1, [2, 3], [3, 1]),
            (view) => {
              assert.deepEqual([native.dtype(view), native.shape(view), native.strides(view)], [dtype, [2, 3], [3, 1]])
              assert.equal(native.storageOffset(view), 1)
              assert.equal(native.storageId(view), native.storageId(storage))
            },
          ),
      ))
  }

  it('copies where the bytes are not aligned for the dtype', () =>
    using(
      () => map(file, 1, 16),
      (storage) =>
        using(
          () => native.viewOfStorage(storage, 'int32', 0, [4], [1]),
          (view) => {
            assert.notEqual(native.storageId(view), native.storageId(storage))
            assert.deepEqual(new Uint8Array(native.toBytes(view)), content.slice(1, 17))
          },
        ),
    ))

  it('leaves the bytes of an incomplete last element out', () =>
    using(
      () => native.zeros([7], 'uint8', 'cpu'),
      (storage) => {
        assert.equal(bytesOf(native.viewOfStorage(storage, 'int32', 0, [1], [1])).length, 4)
        assert.throws(() => native.viewOfStorage(storage, 'int32', 1, [1], [1]), { code: INVALID })
      },
    ))

  it('views empty and scalar tensors', () =>
    using(
      () => native.zeros([8], 'uint8', 'cpu'),
      (storage) => {
        assert.equal(bytesOf(native.viewOfStorage(storage, 'float64', 0, [], [])).length, 8)
        assert.equal(bytesOf(native.viewOfStorage(storage, 'float64', 1, [3, 0], [0, 1])).length, 0)
      },
    ))

  const outside: readonly [title: string, args: readonly unknown[], message: string][] = [
    [
      'an offset behind the end',
      ['float32', 4, [1], [1]],
      'Expected a view inside its storage of 4 elements for shape',
    ],
    [
      'a size that reaches too far',
      ['float32', 0, [5], [1]],
      'Expected a view inside its storage of 4 elements for shape',
    ],
    [
      'a stride that reaches too far',
      ['float32', 0, [2], [4]],
      'Expected a view inside its storage of 4 elements for shape',
    ],
    [
      'a stride whose reach is beyond 64 bits',
      ['float32', 0, [2 ** 53 - 1], [2 ** 53 - 1]],
      'Expected a view inside its storage of 4 elements for shape',
    ],
    [
      'strides whose sum is beyond 64 bits',
      ['int8', 0, [2 ** 31, 2 ** 31, 3], [2 ** 32, 2 ** 32, 2 ** 53 - 1]],
      'Expected a view inside its storage of 16 elements for shape',
    ],
    [
      'an empty view behind the end',
      ['float32', 5, [0], [1]],
      'Expected a view inside its storage of 4 elements for shape',
    ],
    ['a negative offset', ['float32', -1, [1], [1]], 'Expected a non-negative integer for offset'],
    ['a negative size', ['float32', 0, [-1], [1]], 'Expected non-negative sizes for shape'],
    ['a negative stride', ['float32', 3, [2], [-1]], 'Expected a non-negative stride for each size for strides'],
    [
      'another number of strides',
      ['float32', 0, [1, 1], [1]],
      'Expected a non-negative stride for each size for strides',
    ],
  ]
  for (const [title, args, message] of outside) {
    it(`refuses ${title}`, () =>
      using(
        () => native.zeros([16], 'uint8', 'cpu'),
        (storage) => {
          assert.throws(() => Reflect.apply(native.viewOfStorage.bind(native), undefined, [storage, ...args]), {
            code: INVALID,
            message,
          })
        },
      ))
  }

  it('refuses a storage that is not bytes without gaps', () =>
    using(
      () => native.zeros([16], 'float32', 'cpu'),
      (floats) => {
        assert.throws(() => native.viewOfStorage(floats, 'int8', 0, [1], [1]), {
          code: INVALID,
          message: 'Expected a contiguous uint8 tensor for storage',
        })
      },
    ))

  it('lives on when the storage is disposed', () => {
    const storage = map(file, 0, 8)
    const view = native.viewOfStorage(storage, 'uint8', 2, [3], [2])
    native.dispose(storage)

    assert.deepEqual(bytesOf(view), [2, 4, 6])
  })
})

describe('copyStorage()', () => {
  it('copies a stretch of the whole storage behind a view', () =>
    using(
      () => native.fromBytes(Uint8Array.of(1, 2, 3, 4), [4], 'uint8', 'cpu'),
      (storage) =>
        using(
          () => native.select(storage, 0, 3),
          (view) => {
            assert.equal(native.storageBytes(view), 4)
            assert.deepEqual(new Uint8Array(native.copyStorage(view, 1, 2)), Uint8Array.of(2, 3))
            assert.equal(native.copyStorage(view, 4, 0).byteLength, 0)
          },
        ),
    ))

  for (const [offset, length] of [
    [5, 0],
    [0, 5],
    [2, 3],
    [-1, 1],
    [0, -1],
    [2 ** 53 - 1, 2 ** 53 - 1],
  ] as const) {
    it(`refuses ${length} bytes at ${offset} of 4`, () =>
      using(
        () => native.zeros([1], 'float32', 'cpu'),
        (made) => {
          assert.throws(() => native.copyStorage(made, offset, length), {
            code: INVALID,
            message: 'Expected a range inside the storage of 4 bytes for offset',
          })
        },
      ))
  }
})

describe('swapBytes_()', () => {
  for (const [itemSize, bytes] of [
    [1, [1, 2, 3, 4]],
    [2, [2, 1, 4, 3]],
    [4, [4, 3, 2, 1]],
  ] as const) {
    it(`turns the order in items of ${itemSize}`, () => {
      const storage = native.fromBytes(Uint8Array.of(1, 2, 3, 4), [4], 'uint8', 'cpu')
      native.swapBytes_(storage, itemSize)

      assert.deepEqual(bytesOf(storage), bytes)
    })
  }

  for (const itemSize of [0, -1, 3, 2 ** 53 - 1]) {
    it(`refuses items of ${itemSize} of 4 bytes`, () =>
      using(
        () => native.zeros([4], 'uint8', 'cpu'),
        (storage) => {
          assert.throws(() => native.swapBytes_(storage, itemSize), {
            code: INVALID,
            message: 'Expected a divisor of the size for itemSize',
          })
        },
      ))
  }
})
