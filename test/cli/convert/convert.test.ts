import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

import {
  findStateDict,
  loadCheckpoint,
  readCheckpoint,
  saveCheckpoint,
  saveSafetensors,
  scope,
  tensor,
} from 'napi-torch'

import { describeState, expectedFixtures, fixture, inFolder } from '../../support/checkpoints.js'
import { convert, converted, tensorsOf } from '../../support/convert.js'
import { CHECKPOINT } from '../../support/fashion_mnist.js'
import {
  byKey,
  describeTensors,
  expectedTensors,
  formatFixture,
  itWithSafetensors,
  reportOfPython,
  withState,
} from '../../support/formats.js'
import { itWithPython, python } from '../../support/python.js'

describe('napi-torch convert', function () {
  this.timeout(30_000)

  it('says in two lines what it did, and what else it left out', async () => {
    await inFolder(async (folder) => {
      const [file, out] = [fixture('nested.pth'), join(folder, 'x.safetensors')]

      const { status, stdout, stderr } = await convert(file, out, '--key', 'ema', '--half')

      const size = (await stat(out)).size
      assert.deepEqual(
        { status, stdout, stderr },
        {
          status: 0,
          stdout:
            `${file} (zip, 6.26 kB) → ${out} (safetensors, ${size} B)\n` +
            '8 tensors (7 float32 as float16, 1 int64), state dict at ema\n',
          stderr: 'Note: Left out the entries beside the state dict: model\n',
        },
      )
    })
  })

  it('prints JSON', async () => {
    await inFolder(async (folder) => {
      const [file, out] = [fixture('data_parallel.pth'), join(folder, 'x.safetensors')]

      const { stdout, stderr } = await convert(file, out, '--json', '--bf16', '--strip-prefix', 'module.')

      assert.equal(stderr, '')
      assert.deepEqual(JSON.parse(stdout), {
        file,
        out,
        format: 'zip',
        outFormat: 'safetensors',
        bytes: (await stat(file)).size,
        outBytes: (await stat(out)).size,
        source: '',
        strippedPrefix: 'module.',
        wrapperPrefix: '',
        cast: 'bfloat16',
        tensors: 8,
        dtypes: { float32: 7, int64: 1 },
        outDtypes: { bfloat16: 7, int64: 1 },
        leftOut: [],
        unshared: [],
        overflowed: [],
      })
    })
  })

  describe('from every format', () => {
    for (const name of ['legacy.pth', 'traced.pt', 'module.pth', 'tensors.safetensors', 'legacy_big_endian.pth']) {
      it(`writes ${name} as zip, to the bit and in order`, async () => {
        await inFolder(async (folder) => {
          const out = join(folder, 'x.pth')
          await converted(formatFixture(name), out, ...(name === 'module.pth' ? ['--whole-module'] : []))

          const tensors = await tensorsOf(out)
          const { tensors: originals } = findStateDict(await readCheckpoint(formatFixture(name)), { wholeModule: true })
          assert.deepEqual(byKey(tensors), byKey(expectedTensors(name)))
          assert.deepEqual(
            tensors.map(([key]) => key),
            [...originals.keys()],
          )
        })
      })
    }

    it('writes a sharded checkpoint as one file of safetensors, with the metadata of the shards', async () => {
      await inFolder(async (folder) => {
        const index = formatFixture('sharded/model.safetensors.index.json')
        const out = join(folder, 'x.safetensors')
        await converted(index, out)

        assert.deepEqual(byKey(await tensorsOf(out)), byKey(await tensorsOf(index)))
        assert.deepEqual((await readCheckpoint(out)).metadata, (await readCheckpoint(index)).metadata)
      })
    })

    for (const name of ['big_endian.pth', 'deflated.pth']) {
      it(`writes ${name} as zip, to the bit, with its views`, async () => {
        await inFolder(async (folder) => {
          const out = join(folder, 'x.bin')
          await converted(fixture(name), out)

          const { dtypes, tensors } = expectedFixtures()
          const expected = Object.entries(name === 'big_endian.pth' ? dtypes : tensors)
          await withState(loadCheckpoint(out), (state) => assert.deepEqual(describeState(state), expected))
        })
      })
    }
  })

  describe('from pth to safetensors to pth', () => {
    for (const name of ['state_dict.pth', 'tensors.pth', 'dtypes.pth']) {
      it(`keeps every bit of ${name}`, async () => {
        await inFolder(async (folder) => {
          const [middle, out] = [join(folder, 'x.safetensors'), join(folder, 'x.pth')]
          await converted(fixture(name), middle)
          await converted(middle, out)

          assert.deepEqual(byKey(await tensorsOf(out)), byKey(await tensorsOf(fixture(name))))
        })
      })
    }

    it('keeps every bit of the embedded model', async () => {
      await inFolder(async (folder) => {
        const [middle, out] = [join(folder, 'x.safetensors'), join(folder, 'x.pth')]
        await converted(CHECKPOINT, middle)
        await converted(middle, out)

        assert.deepEqual(byKey(await tensorsOf(out)), byKey(await tensorsOf(CHECKPOINT)))
      })
    })
  })

  it('writes the same bytes as the library: a file of safetensors again, and a state dict with its metadata', async () => {
    await inFolder(async (folder) => {
      for (const name of ['tensors.safetensors', 'foreign.safetensors']) {
        const out = join(folder, name)
        await converted(formatFixture(name), out)
        assert.deepEqual(await readFile(out), await readFile(formatFixture(name)))
      }
      const [out, own] = [join(folder, 'x.pth'), join(folder, 'own.pth')]
      await converted(fixture('state_dict.pth'), out)
      await withState(loadCheckpoint(fixture('state_dict.pth')), (state) => saveCheckpoint(own, state))
      assert.deepEqual(await readFile(out), await readFile(own))
    })
  })

  it('attaches { format: pt } to safetensors that come from another format', async () => {
    await inFolder(async (folder) => {
      const out = join(folder, 'x.SafeTensors')
      await converted(fixture('state_dict.pth'), out)

      assert.deepEqual((await readCheckpoint(out)).metadata, new Map([['format', 'pt']]))
    })
  })

  it('keeps shared storages in zip, cast or not', async () => {
    await inFolder(async (folder) => {
      for (const flags of [[], ['--half']]) {
        const out = join(folder, `x${flags.length}.ckpt`)
        assert.equal(await converted(fixture('tensors.pth'), out, ...flags), '')

        await withState(loadCheckpoint(out), (state) => {
          state.get('base')?.fill_(7)
          assert.deepEqual([...new Set(state.get('row')?.toFloat32Array())], [7])
        })
      }
    })
  })

  it('says that safetensors cannot share memory', async () => {
    await inFolder(async (folder) => {
      const stderr = await converted(fixture('tensors.pth'), join(folder, 'x.safetensors'))

      const note = 'Note: safetensors cannot share memory: each of base, tied, row, column, transposed and 2 more'
      assert.equal(stderr, `${note} is written in full\n`)
    })
  })

  it('strips a prefix from keys and module paths, and names one that is still there', async () => {
    await inFolder(async (folder) => {
      const [stripped, out] = [join(folder, 'stripped.pth'), join(folder, 'x.pth')]
      assert.equal(await converted(fixture('data_parallel.pth'), stripped, '--strip-prefix', 'module.'), '')
      const stderr = await converted(fixture('data_parallel.pth'), out)

      await withState(loadCheckpoint(stripped), (state) => {
        assert.deepEqual([...state.keys()].slice(0, 2), ['conv.weight', 'bn.weight'])
        assert.deepEqual(state.metadata?.get('bn'), new Map([['version', 2]]))
      })
      assert.equal(stderr, 'Note: All keys begin with module.; --strip-prefix module. removes it\n')
    })
  })

  describe('--half and --bf16', () => {
    for (const [flag, dtype] of [
      ['--half', 'float16'],
      ['--bf16', 'bfloat16'],
    ] as const) {
      for (const ending of ['pth', 'safetensors']) {
        it(`cast as libtorch does, into ${dtype} in ${ending}, and leave other types alone`, async () => {
          await inFolder(async (folder) => {
            const out = join(folder, `x.${ending}`)
            await converted(fixture('dtypes.pth'), out, flag)

            let expected: ReturnType<typeof describeTensors> = []
            await withState(loadCheckpoint(fixture('dtypes.pth')), (state) =>
              scope(() => {
                expected = describeTensors(
                  new Map([...state].map(([key, value]) => [key, value.isFloatingPoint() ? value.to(dtype) : value])),
                )
              }),
            )
            assert.deepEqual(byKey(await tensorsOf(out)), byKey(expected))
          })
        })
      }
    }

    it('keep views, strides and offsets in zip', async () => {
      await inFolder(async (folder) => {
        const out = join(folder, 'x.pth')
        await converted(fixture('tensors.pth'), out, '--bf16')

        await withState(loadCheckpoint(fixture('tensors.pth')), (state) =>
          scope(async () => {
            await withState(loadCheckpoint(out), (cast) => {
              for (const [key, value] of state) {
                const own = cast.get(key)
                assert.ok(own?.equal(value.to('bfloat16')) === true, key)
                assert.deepEqual([own.strides, own.storageOffset], [value.strides, value.storageOffset], key)
              }
            })
          }),
        )
      })
    })

    it('warn of numbers that become infinite', async () => {
      await inFolder(async (folder) => {
        const file = join(folder, 'large.pth')
        await scope(() => saveCheckpoint(file, new Map([['w', tensor([1e6, 1, -1e9, Infinity])]])))

        for (const ending of ['pth', 'safetensors']) {
          const stderr = await converted(file, join(folder, `x.${ending}`), '--half')
          assert.equal(stderr, 'Warning: 2 numbers of w became infinite: they are too large for float16\n')
        }
        assert.equal(await converted(file, join(folder, 'y.pth'), '--bf16'), '')
      })
    })

    it('cast a tensor of several chunks', async () => {
      await inFolder(async (folder) => {
        const [file, out] = [join(folder, 'large.safetensors'), join(folder, 'x.pth')]
        const values = Float32Array.from({ length: 2_500_001 }, (_, index) => Math.sin(index))
        await scope(() => saveSafetensors(file, new Map([['w', tensor(values)]])))
        await converted(file, out, '--half')

        await withState(loadCheckpoint(out), (state) => {
          scope(() => assert.ok(state.get('w')?.equal(tensor(values).half())))
        })
      })
    })
  })

  describe('for Python', () => {
    itWithPython('writes zip files that torch.load(weights_only=True) opens, cast to the bit as by .to()', async () => {
      await inFolder(async (folder) => {
        const script = `
state = torch.load(sys.argv[1], weights_only=True)
cast = torch.load(sys.argv[2], weights_only=True)
assert type(cast) is type(state) and list(cast) == list(state), list(cast)
assert cast._metadata == state._metadata
assert all(torch.equal(cast[k], v.half() if v.is_floating_point() else v) for k, v in state.items())
report(cast)`
        const out = join(folder, 'x.pth')
        await converted(fixture('state_dict.pth'), out, '--half')

        assert.deepEqual(reportOfPython(script, [fixture('state_dict.pth'), out]), await tensorsOf(out))
      })
    })

    itWithPython('casts random bit patterns that Python wrote as Python does', async () => {
      await inFolder(async (folder) => {
        const file = join(folder, 'random.pth')
        const outs = ['half', 'bf16'].map((name) => join(folder, `${name}.pth`))
        python(
          `
import sys, torch
torch.manual_seed(0)
bits = torch.randint(-2**31, 2**31, (1000000,), dtype=torch.int64).to(torch.int32)
torch.save({"w": bits.view(torch.float32), "t": bits.view(torch.float32).reshape(1000, 1000).t()}, sys.argv[1])`,
          [file],
        )
        await converted(file, outs[0] ?? '', '--half')
        await converted(file, outs[1] ?? '', '--bf16')

        const script = `
import sys, torch
state, half, brain = (torch.load(path, weights_only=True) for path in sys.argv[1:])
def same(a, b):
    nan = a.isnan()
    assert torch.equal(nan, b.isnan())
    return a.dtype == b.dtype and torch.equal(a.view(torch.int16)[~nan], b.view(torch.int16)[~nan])
print(all(same(half[k], v.half()) and same(brain[k], v.bfloat16()) for k, v in state.items()))`
        assert.equal(python(script, [file, ...outs]), 'True\n')
      })
    })

    itWithSafetensors('writes files that the safetensors library opens', async () => {
      await inFolder(async (folder) => {
        const out = join(folder, 'x.safetensors')
        await converted(fixture('tensors.pth'), out)

        const script = 'import safetensors.torch\nreport(safetensors.torch.load_file(sys.argv[1]))'
        assert.deepEqual(byKey(reportOfPython(script, [out])), byKey(await tensorsOf(fixture('tensors.pth'))))
      })
    })
  })
})
