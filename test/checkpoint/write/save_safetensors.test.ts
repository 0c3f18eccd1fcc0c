import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import {
  findStateDict,
  loadCheckpoint,
  memory,
  readCheckpoint,
  saveSafetensors,
  scope,
  StoredTensor,
  tensor,
  zeros,
  type StateDict,
  type Tensor,
} from 'napi-torch'

import { fixture, inFolder } from '../../support/checkpoints.js'
import {
  byKey,
  describeTensors,
  expectedTensors,
  formatFixture,
  itWithSafetensors,
  reportOfPython,
} from '../../support/formats.js'

type Tensors = ReadonlyMap<string, Tensor | StoredTensor>

/** Saves tensors and gives the bytes of the file. */
function saved(tensors: Tensors, options?: Parameters<typeof saveSafetensors>[2]): Promise<Buffer> {
  return inFolder(async (folder) => {
    const path = join(folder, 'x.safetensors')
    await saveSafetensors(path, tensors, options)
    return readFile(path)
  })
}

/** Loads, gives the state to `body`, and disposes it. */
async function withState<T>(file: string | Uint8Array, body: (state: StateDict) => Promise<T>): Promise<T> {
  const state = await loadCheckpoint(file)
  try {
    return await body(state)
  } finally {
    state.dispose()
  }
}

async function storedOf(path: string): Promise<Map<string, StoredTensor>> {
  return findStateDict(await readCheckpoint(path)).tensors
}

describe('saveSafetensors()', () => {
  for (const name of ['tensors.safetensors', 'dtypes.safetensors']) {
    it(`writes the bytes of ${name} that Python wrote`, async () => {
      const original = await readFile(formatFixture(name))
      const { metadata } = await readCheckpoint(original)

      const bytes = await withState(original, (state) => saved(state, metadata === null ? {} : { metadata }))

      assert.deepEqual(bytes, original)
    })
  }

  it('writes tensors that were not read from one file into another', async () => {
    const name = 'foreign.safetensors'

    assert.deepEqual(await saved(await storedOf(formatFixture(name))), await readFile(formatFixture(name)))
  })

  for (const name of ['legacy_tensors.pth', 'legacy_dtypes.pth', 'module_training.pth'] as const) {
    for (const kind of ['loaded', 'stored'] as const) {
      it(`writes views, strides and shared memory of ${name} in full, ${kind}`, async () => {
        const bytes =
          kind === 'loaded' && name !== 'module_training.pth'
            ? await withState(formatFixture(name), saved)
            : await saved(findStateDict(await readCheckpoint(formatFixture(name)), { wholeModule: true }).tensors)

        await withState(bytes, (state) => {
          assert.deepEqual(byKey(describeTensors(state)), byKey(expectedTensors(name)))
          return Promise.resolve()
        })
      })
    }
  }

  for (const [name, other] of [
    ['tensors.pth', 'deflated.pth'],
    ['dtypes.pth', 'big_endian.pth'],
  ] as const) {
    it(`writes the same of ${other} as of ${name}`, async () => {
      const expected = await withState(fixture(name), saved)

      assert.deepEqual(await saved(await storedOf(fixture(name))), expected)
      assert.deepEqual(await saved(await storedOf(fixture(other))), expected)
    })
  }

  it('writes a large transposed tensor in pieces, read or not', async () => {
    const values = Float32Array.from({ length: 3 * 1024 * 512 }, (_, index) => index)
    await inFolder(async (folder) => {
      const dense = join(folder, 'dense.safetensors')
      const turned = join(folder, 'turned.safetensors')
      await scope(async () => {
        await saveSafetensors(dense, new Map([['a', tensor(values, { shape: [1024, 3, 512] })]]))
        await saveSafetensors(turned, new Map([['a', tensor(values, { shape: [1024, 3, 512] }).transpose(0, 1)]]))
      })
      const [stored] = (await storedOf(dense)).values()
      assert.ok(stored !== undefined)
      const { storage, dtype } = stored
      const geometry = { shape: [3, 1024, 512], strides: [512, 1536, 1], storageOffset: 0 }
      const view = new StoredTensor({ storage, dtype, ...geometry, requiresGrad: false })
      await saveSafetensors(dense, new Map([['a', view]]))

      assert.ok((await readFile(dense)).equals(await readFile(turned)))
    })
  })

  it('needs no more than its argument for names: order, quotes and other letters', async () => {
    const bytes = await scope(() => {
      const names = ['10', '9', '__proto__', 'é', '\u{ffff}', '\u{10000}', 'a"b\\c\n\u2028']
      return saved(new Map(names.map((name, index) => [name, tensor([index], { dtype: 'uint8' })])))
    })

    // By code points, as the reference sorts: as UTF-16 the last two would change places.
    const { tensors } = findStateDict(await readCheckpoint(bytes))
    assert.deepEqual([...tensors.keys()], ['10', '9', '__proto__', 'a"b\\c\n\u2028', 'é', '\u{ffff}', '\u{10000}'])
  })

  it('writes no tensors and an empty header', async () => {
    assert.deepEqual(await saved(new Map()), Buffer.from('\x08\0\0\0\0\0\0\0{}      ', 'latin1'))
  })

  it('takes metadata as an object or a Map', async () => {
    const asObject = await saved(new Map(), { metadata: { format: 'pt' } })

    assert.deepEqual(await saved(new Map(), { metadata: new Map([['format', 'pt']]) }), asObject)
    assert.deepEqual((await readCheckpoint(asObject)).metadata, new Map([['format', 'pt']]))
  })

  it('leaves no live tensor behind', async () => {
    const before = memory()

    await withState(formatFixture('legacy_tensors.pth'), saved)

    assert.deepEqual(memory(), before)
  })

  describe('refuses', () => {
    const wrong: readonly [name: string, tensors: unknown, options: unknown, message: string][] = [
      ['an object in place of a Map', {}, {}, 'Expected a Map of tensors for tensors, received an object'],
      ['a value that is no tensor', new Map([['a', 1]]), {}, 'Expected a tensor for tensors.get("a"), received 1'],
      ['a name that is no text', new Map([[1, 1]]), {}, 'Expected names of tensors for the keys of tensors, received 1'],
      ['half of a character in a name', new Map([['\ud800', 1]]), {}, 'Expected names of tensors for the keys of tensors, received "\\ud800"'],
      ['the name of the metadata', new Map([['__metadata__', 1]]), {}, 'Expected names of tensors for the keys of tensors, received "__metadata__"'],
      ['metadata that are no texts', new Map(), { metadata: { a: 1 } }, 'Expected a string for metadata["a"], received 1'],
      ['metadata that are text', new Map(), { metadata: 'pt' }, 'Expected texts by name for metadata, received "pt"'],
      ['null as metadata', new Map(), { metadata: null }, 'Expected texts by name for metadata, received null'],
      ['half of a character in metadata', new Map(), { metadata: { a: '\udc00' } }, 'Expected a string for metadata["a"], received "\\udc00"'],
      ['an unknown option', new Map(), { meta: {} }, 'Expected options among metadata for options, received "meta" (did you mean metadata?)'],
    ] // prettier-ignore
    for (const [name, tensors, options, message] of wrong) {
      it(name, () =>
        assert.rejects(saved(tensors as Tensors, options as { metadata: Record<string, string> }), {
          code: 'TORCH_INVALID_ARGUMENT',
          message,
        }),
      )
    }

    it('an empty path', () =>
      assert.rejects(saveSafetensors('', new Map()), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a path for path, received ""',
      }))

    it('an element type that the format does not have', async () => {
      const tensors = await storedOf(fixture('foreign_dtypes.pth'))

      await assert.rejects(saveSafetensors('x', tensors), {
        code: 'TORCH_CHECKPOINT_UNSUPPORTED',
        message: 'x: Tensor "complex128" is of type complex128, which safetensors does not have',
      })
    })

    it('a folder that is not there', () =>
      assert.rejects(saveSafetensors('/nonexistent/x', new Map()), {
        code: 'TORCH_FILE',
        message: '/nonexistent/x: No such file',
      }))

    it('a disposed tensor, leaving the old file as it was', () =>
      inFolder(async (folder) => {
        const path = join(folder, 'x.safetensors')
        await writeFile(path, 'old')
        const disposed = zeros([2])
        disposed.dispose()

        await assert.rejects(saveSafetensors(path, new Map([['a', disposed]])), { code: 'TORCH_DISPOSED' })
        assert.equal(await readFile(path, 'utf8'), 'old')
        assert.deepEqual(await readdir(folder), ['x.safetensors'])
      }))

    it('a source that was cut since, leaving the old file as it was', () =>
      inFolder(async (folder) => {
        const [path, source] = [join(folder, 'x.safetensors'), join(folder, 'source')]
        await writeFile(path, 'old')
        await writeFile(source, await readFile(formatFixture('tensors.safetensors')))
        const tensors = await storedOf(source)
        await writeFile(source, (await readFile(source)).subarray(0, 800))

        await assert.rejects(saveSafetensors(path, tensors), { code: 'TORCH_CHECKPOINT_CORRUPT' })
        assert.equal(await readFile(path, 'utf8'), 'old')
        assert.deepEqual((await readdir(folder)).sort(), ['source', 'x.safetensors'])
      }))
  })

  it('needs no libtorch for tensors that were not read', () => {
    const url = (file: string): string =>
      JSON.stringify(new URL(`../../../lib/checkpoint/${file}`, import.meta.url).href)
    const script = `
      const { readCheckpoint } = await import(${url('read.ts')})
      const { denseChunks } = await import(${url('write/dense.ts')})
      await import(${url('write/safetensors_writer.ts')})
      const { root } = await readCheckpoint(${JSON.stringify(formatFixture('legacy_tensors.pth'))})
      let bytes = 0
      for await (const chunk of denseChunks(root.get('channels_last'))) bytes += chunk.length
      console.log(bytes)`
    const env = { ...process.env, NAPI_TORCH_LIBTORCH: '/nonexistent' }
    const output = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { env })

    assert.equal(output.toString(), '96\n')
  })

  itWithSafetensors('is read by Python to the bit, and has the bytes that Python writes', () =>
    inFolder(async (folder) => {
      const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')]
      await withState(formatFixture('legacy_dtypes.pth'), async (state) => {
        for (const name of ['legacy.pth', 'legacy_tensors.pth']) {
          await withState(formatFixture(name), (other) => {
            for (const [key, value] of other) state.set(`${name}.${key}`, value.contiguous())
            return Promise.resolve()
          })
        }
        await saveSafetensors(ours, state, { metadata: { format: 'pt' } })
        const script = `
from safetensors.torch import load_file, save_file
state = load_file(sys.argv[1])
save_file({key: value.clone() for key, value in state.items()}, sys.argv[2], {"format": "pt"})
report(state)`

        assert.deepEqual(byKey(reportOfPython(script, [ours, theirs])), byKey(describeTensors(state)))
        assert.ok((await readFile(ours)).equals(await readFile(theirs)))
      })
    }),
  )
})
