import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import {
  loadCheckpoint,
  NumpyArray,
  OrderedDict,
  PickledGlobal,
  PickledObject,
  readCheckpoint,
  saveCheckpoint,
  scope,
  StateDict,
  StoredTensor,
  tensor,
  zeros,
  type CheckpointTree,
} from 'napi-torch'

import { tuple } from '../../../lib/checkpoint/values.js'
import { describeState, expectedFixtures, fixture, inFolder, toJson } from '../../support/checkpoints.js'
import { itWithPython, python } from '../../support/python.js'

/** Saves a tree and gives what is read back. */
function roundTrip(tree: CheckpointTree): Promise<unknown> {
  return inFolder(async (folder) => {
    const path = join(folder, 'x.pth')
    await saveCheckpoint(path, tree)
    return toJson((await readCheckpoint(path)).root)
  })
}

/** Prints every tensor of a checkpoint as expected.json has it, and what else Python says of it. */
const DESCRIBE = `
import base64, json, sys, torch
state = torch.load(sys.argv[1], weights_only=True)
def describe(tensor):
    data = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() > 0 else b""
    return dict(dtype=str(tensor.dtype)[6:], shape=list(tensor.shape), strides=list(tensor.stride()), bytes=base64.b64encode(data).decode())
pointers = {key: value.untyped_storage().data_ptr() for key, value in state.items()}
print(json.dumps(dict(
    type=type(state).__name__,
    tensors=[[key, describe(value)] for key, value in state.items()],
    tied=[key for key in state if pointers[key] == pointers.get("base")],
    metadata={key: dict(value) for key, value in getattr(state, "_metadata", {}).items()})))
`

interface Described {
  readonly type: string
  readonly tensors: unknown
  readonly tied: unknown
  readonly metadata: unknown
}

function describeWithPython(path: string): Described {
  return JSON.parse(python(DESCRIBE, [path])) as Described
}

describe('saveCheckpoint()', () => {
  const trees: readonly [name: string, tree: unknown, json: unknown][] = [
    ['null and booleans', [null, true, false], [null, true, false]],
    [
      'integers of every width',
      [0, 255, 256, 65535, 65536, -1, -(2 ** 31), 2 ** 31, Number.MAX_SAFE_INTEGER],
      [0, 255, 256, 65535, 65536, -1, -(2 ** 31), 2 ** 31, Number.MAX_SAFE_INTEGER],
    ],
    [
      'bigints',
      [5n, 2n ** 53n, -(2n ** 63n), 2n ** 2100n],
      [5, { bigint: String(2n ** 53n) }, { bigint: String(-(2n ** 63n)) }, { bigint: String(2n ** 2100n) }],
    ],
    ['floats', [0.5, 1e300, -0, NaN], [0.5, 1e300, { number: '-0' }, { number: 'NaN' }]],
    ['strings', ['', 'é😀', 'a\ud800'], ['', 'é😀', { utf16: [97, 0xd800] }]],
    ['bytes', [new Uint8Array([0, 255]), new Uint8Array(0)], [{ bytes: 'AP8=' }, { bytes: '' }]],
    ['tuples', tuple([1, tuple([]), tuple([1, 2, 3, 4])]), { tuple: [1, { tuple: [] }, { tuple: [1, 2, 3, 4] }] }],
    ['plain objects', { b: 1, a: { c: [] } }, { map: [['b', 1], ['a', { map: [['c', []]] }]] }], // prettier-ignore
    ['maps with any keys', new Map<unknown, unknown>([[1, 'a'], [null, 2], ['__proto__', 3]]), { map: [[1, 'a'], [null, 2], ['__proto__', 3]] }], // prettier-ignore
    ['sets', new Set([1, 'a']), { set: [1, 'a'] }],
    [
      'lists and dicts past a batch',
      [Array.from({ length: 2500 }, (_, n) => n)],
      [Array.from({ length: 2500 }, (_, n) => n)],
    ],
    ['dtypes', new PickledGlobal('torch', 'float16'), { global: 'torch.float16' }],
    [
      'devices',
      new PickledObject({ module: 'torch', name: 'device' }, ['cuda', 0]),
      { object: 'torch.device', args: ['cuda', 0] },
    ],
  ]
  for (const [name, tree, json] of trees) {
    it(`writes ${name}`, async () => {
      assert.deepEqual(await roundTrip(tree as CheckpointTree), json)
    })
  }

  it('writes 100,000 levels of nesting', () =>
    inFolder(async (folder) => {
      let tree: unknown = []
      for (let level = 1; level < 100_000; level++) tree = [tree]
      await saveCheckpoint(join(folder, 'x.pth'), tree as CheckpointTree)

      let value = (await readCheckpoint(join(folder, 'x.pth'))).root
      let depth = 0
      while (Array.isArray(value)) {
        depth++
        value = value[0] ?? null
      }
      assert.equal(depth, 100_000)
    }))

  it('writes a shared value once', () =>
    inFolder(async (folder) => {
      const shared = [1, 2]
      await saveCheckpoint(join(folder, 'x.pth'), [shared, shared])

      const { root } = await readCheckpoint(join(folder, 'x.pth'))
      assert.ok(Array.isArray(root))
      assert.equal(root[0], root[1])
    }))

  it('writes an OrderedDict with its attributes', () =>
    inFolder(async (folder) => {
      const dict = new OrderedDict([['a', 1]])
      dict.attributes = new Map([['note', 'x']])
      await saveCheckpoint(join(folder, 'x.pth'), dict)

      const { root } = await readCheckpoint(join(folder, 'x.pth'))
      assert.ok(root instanceof OrderedDict)
      assert.deepEqual([...root], [['a', 1]])
      assert.deepEqual(root.attributes, new Map([['note', 'x']]))
    }))

  for (const name of ['state_dict.pth', 'dtypes.pth', 'big_endian.pth']) {
    it(`writes the loaded and the unread tensors of ${name} to the same bytes`, () =>
      scope(() =>
        inFolder(async (folder) => {
          const [loaded, unread] = [join(folder, 'loaded.pth'), join(folder, 'unread.pth')]
          await saveCheckpoint(loaded, await loadCheckpoint(fixture(name)))
          await saveCheckpoint(unread, (await readCheckpoint(fixture(name))).root)

          assert.deepEqual(await readFile(unread), await readFile(loaded))
        }),
      ))
  }

  for (const name of ['tensors.pth', 'deflated.pth', 'big_endian.pth']) {
    it(`writes the unread tensors of ${name} to the bit`, () =>
      scope(() =>
        inFolder(async (folder) => {
          const path = join(folder, 'x.pth')
          await saveCheckpoint(path, (await readCheckpoint(fixture(name))).root)

          const [ours, original] = [await loadCheckpoint(path), await loadCheckpoint(fixture(name))]
          assert.deepEqual(describeState(ours), describeState(original))
        }),
      ))
  }

  it('writes the bytes that torch.save writes, but for the serialization id', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'x.pth')
      const state = await loadCheckpoint(fixture('state_dict.pth'))
      await saveCheckpoint(path, state)
      state.dispose()

      const [ours, theirs] = [await readFile(path), await readFile(fixture('state_dict.pth'))]
      assert.equal(ours.length, theirs.length)
      const id = theirs.indexOf('.data/serialization_id')
      const directory = theirs.indexOf('PK\x01\x02', 0, 'latin1')
      const idInDirectory = theirs.lastIndexOf('.data/serialization_id')
      for (const bytes of [ours, theirs]) {
        bytes.fill(0, id + '.data/serialization_id'.length, directory)
        bytes.fill(0, idInDirectory - '....'.length - 40, idInDirectory)
      }
      assert.deepEqual(ours, theirs)
    }))

  it('writes foreign element types without reading them', () =>
    inFolder(async (folder) => {
      const { root } = await readCheckpoint(fixture('foreign_dtypes.pth'))
      assert.ok(root instanceof Map)
      root.delete('quint8')
      await saveCheckpoint(join(folder, 'x.pth'), root)

      const again = (await readCheckpoint(join(folder, 'x.pth'))).root
      assert.ok(again instanceof Map)
      const types = [...again.values()].map((value) => (value instanceof StoredTensor ? value.dtype : null))
      assert.deepEqual(types, ['complex64', 'complex128', 'uint16', 'uint32', 'uint64', 'float8_e4m3fn', 'float8_e5m2'])
    }))

  it('replaces a file as a whole and leaves nothing beside it', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'x.pth')
      await writeFile(path, 'old')
      await saveCheckpoint(path, { a: 1 })

      assert.deepEqual(toJson((await readCheckpoint(path)).root), { map: [['a', 1]] })
      assert.deepEqual(await readdir(folder), ['x.pth'])
    }))

  it('leaves the old file when a tensor is disposed meanwhile', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'x.pth')
      await writeFile(path, 'old')
      const disposed = zeros([2])
      const saving = saveCheckpoint(path, [disposed])
      disposed.dispose()

      await assert.rejects(saving, { code: 'TORCH_DISPOSED' })
      assert.equal(await readFile(path, 'utf8'), 'old')
      assert.deepEqual(await readdir(folder), ['x.pth'])
    }))

  it('overwrites the file that its tensors come from', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'x.pth')
      await writeFile(path, await readFile(fixture('state_dict.pth')))
      await saveCheckpoint(path, (await readCheckpoint(path)).root)

      const state = await loadCheckpoint(path)
      assert.deepEqual(describeState(state), Object.entries(expectedFixtures().state_dict))
      state.dispose()
    }))

  describe('refuses, writing nothing,', () => {
    const cycle: unknown[] = []
    cycle.push({ again: cycle })
    const cases: readonly [name: string, tree: unknown, code: string, text: string][] = [
      [
        'undefined',
        { a: [undefined] },
        'TORCH_INVALID_ARGUMENT',
        "Expected a value that a checkpoint can hold for tree['a'][0], received undefined",
      ],
      [
        'a function',
        { a: () => 1 },
        'TORCH_INVALID_ARGUMENT',
        "Expected a value that a checkpoint can hold for tree['a'], received function a",
      ],
      [
        'an instance of a class',
        [new Date(0)],
        'TORCH_INVALID_ARGUMENT',
        'Expected a value that a checkpoint can hold for tree[0], received an instance of Date',
      ],
      ['a cycle', cycle, 'TORCH_CHECKPOINT_UNSUPPORTED', "PATH: The value at tree[0]['again'] contains itself"],
      [
        'an inert object',
        [new PickledObject({ module: 'argparse', name: 'Namespace' }, [])],
        'TORCH_CHECKPOINT_UNSUPPORTED',
        'PATH: The value at tree[0] is an object of Python class argparse.Namespace, which torch.load(weights_only=True) would not read back',
      ],
      [
        'a numpy array',
        [new NumpyArray()],
        'TORCH_CHECKPOINT_UNSUPPORTED',
        'PATH: The value at tree[0] is a numpy array of shape (), which torch.load(weights_only=True) would not read back',
      ],
      [
        'the name of a function',
        [new PickledGlobal('os', 'system')],
        'TORCH_CHECKPOINT_UNSUPPORTED',
        'PATH: The value at tree[0] is os.system, which torch.load(weights_only=True) would not read back',
      ],
    ]
    for (const [name, tree, code, text] of cases) {
      it(name, () =>
        inFolder(async (folder) => {
          const path = join(folder, 'x.pth')

          const message = text.replace('PATH', path)
          await assert.rejects(saveCheckpoint(path, tree as CheckpointTree), { code, message })
          assert.deepEqual(await readdir(folder), [])
        }),
      )
    }

    it('tensors of two dtypes that share memory', () =>
      inFolder(async (folder) => {
        const path = join(folder, 'x.pth')
        const { root } = await readCheckpoint(fixture('tensors.pth'))
        assert.ok(root instanceof Map)
        const base = root.get('base')
        assert.ok(base instanceof StoredTensor)
        const { storage, shape, strides, storageOffset, requiresGrad } = base
        const other = new StoredTensor({ storage, dtype: 'int32', shape, strides, storageOffset, requiresGrad })

        await assert.rejects(saveCheckpoint(path, [base, other]), {
          code: 'TORCH_CHECKPOINT_UNSUPPORTED',
          message: `${path}: Tensors of float32 and int32 share memory, which PyTorch cannot save: clone one of them`,
        })
      }))

    it('a folder that is not there', () =>
      inFolder(async (folder) => {
        const path = join(folder, 'none', 'x.pth')

        await assert.rejects(saveCheckpoint(path, 1), { code: 'TORCH_FILE', message: `${path}: No such file` })
      }))

    it('a path that is none', () =>
      assert.rejects(saveCheckpoint('', 1), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a path for path, received ""',
      }))
  })

  describe('writes for torch.load(weights_only=True)', () => {
    itWithPython('a StateDict with its order, shared storages and metadata', () =>
      scope(() =>
        inFolder(async (folder) => {
          const path = join(folder, 'x.pth')
          const state = await loadCheckpoint(fixture('tensors.pth'))
          state.metadata = new Map([
            ['', new Map([['version', 1]])],
            ['bn', new Map([['version', 2]])],
          ])
          await saveCheckpoint(path, state)

          const { type, tensors, tied, metadata } = describeWithPython(path)
          assert.equal(type, 'OrderedDict')
          assert.deepEqual(tensors, Object.entries(expectedFixtures().tensors))
          assert.deepEqual(tied, ['base', 'tied', 'row', 'column', 'transposed', 'strided', 'tail'])
          assert.deepEqual(metadata, { '': { version: 1 }, bn: { version: 2 } })
        }),
      ),
    )

    itWithPython('every dtype', () =>
      scope(() =>
        inFolder(async (folder) => {
          const path = join(folder, 'x.pth')
          await saveCheckpoint(path, await loadCheckpoint(fixture('dtypes.pth')))

          assert.deepEqual(describeWithPython(path).tensors, Object.entries(expectedFixtures().dtypes))
        }),
      ),
    )

    itWithPython('what a big-endian machine wrote, unread', () =>
      inFolder(async (folder) => {
        const path = join(folder, 'x.pth')
        await saveCheckpoint(path, (await readCheckpoint(fixture('big_endian.pth'))).root)

        assert.deepEqual(describeWithPython(path).tensors, Object.entries(expectedFixtures().dtypes))
      }),
    )

    itWithPython('a tree of plain values and tensors', () =>
      scope(() =>
        inFolder(async (folder) => {
          const path = join(folder, 'x.pth')
          const weight = tensor([1.5, 2.5])
          const state = new StateDict([['w', weight]])
          const tree = {
            epoch: 3,
            loss: 0.5,
            big: 2n ** 70n,
            name: 'é😀',
            raw: new Uint8Array([0, 255]),
            empty: new Uint8Array(0),
            none: null,
            flags: [true, false],
            pair: tuple([1, 'a']),
            tags: new Set([1]),
            device: new PickledObject({ module: 'torch', name: 'device' }, ['cpu']),
            dtype: new PickledGlobal('torch', 'bfloat16'),
            complex: new PickledObject({ module: 'builtins', name: 'complex' }, [1.5, -2]),
            model: state,
          }
          await saveCheckpoint(path, tree)

          const script = 'import sys, torch; print(torch.load(sys.argv[1], weights_only=True))'
          assert.equal(
            python(script, [path]),
            `{'epoch': 3, 'loss': 0.5, 'big': 1180591620717411303424, 'name': 'é😀', 'raw': b'\\x00\\xff', ` +
              `'empty': b'', 'none': None, 'flags': [True, False], 'pair': (1, 'a'), 'tags': {1}, ` +
              `'device': device(type='cpu'), 'dtype': torch.bfloat16, 'complex': (1.5-2j), ` +
              `'model': OrderedDict([('w', tensor([1.5000, 2.5000]))])}\n`,
          )
        }),
      ),
    )

    itWithPython('with mmap=True too', () =>
      inFolder(async (folder) => {
        const path = join(folder, 'x.pth')
        await saveCheckpoint(path, (await readCheckpoint(fixture('state_dict.pth'))).root)

        const script =
          'import sys, torch; a, b = (torch.load(path, weights_only=True, mmap=mmap) for path, mmap in ' +
          '[(sys.argv[1], True), (sys.argv[2], False)]); print(all(torch.equal(a[k], b[k]) for k in b))'
        assert.equal(python(script, [path, fixture('state_dict.pth')]), 'True\n')
      }),
    )
  })
})
