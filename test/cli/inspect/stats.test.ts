import assert from 'node:assert/strict'
import { join } from 'node:path'

import {
  full,
  loadCheckpoint,
  readCheckpoint,
  saveCheckpoint,
  saveSafetensors,
  scope,
  StoredTensor,
  tensor,
  type CheckpointTree,
  type Tensor,
} from 'napi-torch'

import { fixture, inFolder } from '../../support/checkpoints.js'
import { napiTorch } from '../../support/cli.js'
import { CHECKPOINT } from '../../support/fashion_mnist.js'
import { formatFixture, withState } from '../../support/formats.js'
import { itWithPython, python } from '../../support/python.js'

/** A libtorch that cannot be opened: opening it fails. */
const env = { NAPI_TORCH_LIBTORCH: 'no-libtorch-here', NAPI_TORCH_CACHE: 'no-cache-here' }

/** Numbers of a tensor as `--json` prints them. */
interface Stats {
  readonly min: number | string | null
  readonly max: number | string | null
  readonly mean: number | string | null
  readonly nan: number
  readonly infinite: number
}

interface Report {
  readonly values: { readonly checked: boolean; readonly notFinite: readonly unknown[] }
  readonly tensors: readonly { readonly key: string; readonly stats?: Stats | null }[]
}

async function inspect(...args: readonly string[]): Promise<Report> {
  const { status, stdout, stderr } = await napiTorch(['inspect', '--json', ...args], { env })
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
  return JSON.parse(stdout) as Report
}

async function statsOf(file: string): Promise<Map<string, Stats | null | undefined>> {
  const { tensors } = await inspect(file, '--stats')
  return new Map(tensors.map(({ key, stats }) => [key, stats]))
}

const near = (received: number | string | null | undefined, expected: number, key: string): void =>
  assert.ok(Math.abs(Number(received) - expected) <= 1e-12 * Math.max(1, Math.abs(expected)), `${key}: ${received}`)

describe('napi-torch inspect --stats', function () {
  this.timeout(20_000)

  it('prints them beside each tensor, and a dash where there are none', async () => {
    const { stdout } = await inFolder(async (folder) => {
      const file = join(folder, 'x.pth')
      const { root } = await readCheckpoint(fixture('foreign_dtypes.pth'))
      assert.ok(root instanceof Map)
      const complex = root.get('complex64')
      assert.ok(complex instanceof StoredTensor)
      await scope(() =>
        saveCheckpoint(
          file,
          new Map<string, CheckpointTree>([
            ['w', tensor([0.5, -0.123456, NaN, Infinity])],
            ['empty', full([0], 1)],
            ['complex', complex],
          ]),
        ),
      )
      return napiTorch(['inspect', file, '--stats', '--tensors'], { env })
    })

    assert.equal(
      stdout,
      `key      dtype      shape  size      min       max    mean  NaN  infinite
w        float32    (4,)   16 B  -0.1235  Infinity  0.1883    1         1
empty    float32    (0,)    0 B        –         –       –    0         0
complex  complex64  (3,)   24 B        –         –       –    –         –
`,
    )
  })

  it('are equal to what libtorch finds in the embedded model', async () => {
    const stats = await statsOf(CHECKPOINT)

    await withState(loadCheckpoint(CHECKPOINT), (state) => {
      assert.equal(stats.size, state.size)
      for (const [key, value] of state) {
        const [min, max, mean] = scope(() => {
          const double = value.to('float64')
          return [double.min().item(), double.max().item(), double.mean().item()]
        })
        const found = stats.get(key)
        assert.deepEqual([found?.min, found?.max, found?.nan, found?.infinite], [min, max, 0, 0], key)
        near(found?.mean, Number(mean), key)
      }
    })
  })

  for (const name of ['dtypes.pth', 'big_endian.pth', 'deflated.pth', 'tensors.pth']) {
    it(`are equal to what libtorch finds in ${name}`, async () => {
      const stats = await statsOf(fixture(name))

      await withState(loadCheckpoint(fixture(name)), (state) => {
        for (const [key, value] of state) {
          const found = stats.get(key)
          const numbers = scope(() => value.to('float64').flatten().toArray())
          const finite = [...numbers].filter(Number.isFinite)
          const expected = numbers.length === 0 ? [null, null] : [Math.min(...numbers), Math.max(...numbers)]
          assert.deepEqual([found?.min, found?.max], expected, key)
          if (finite.length > 0) near(found?.mean, finite.reduce((sum, number) => sum + number, 0) / finite.length, key)
        }
      })
    })
  }

  it('leave NaN out of min and max, and what is not finite out of the mean', async () => {
    const stats = await inFolder(async (folder) => {
      const file = join(folder, 'x.pth')
      await scope(() =>
        saveCheckpoint(
          file,
          new Map<string, Tensor>([
            ['mixed', tensor([NaN, 1, 2, -Infinity])],
            ['nan', tensor([NaN, NaN])],
            ['huge', tensor([1e308, 1e308], { dtype: 'float64' })],
          ]),
        ),
      )
      return statsOf(file)
    })

    assert.deepEqual(stats.get('mixed'), { min: '-Infinity', max: 2, mean: 1.5, nan: 1, infinite: 1 })
    assert.deepEqual(stats.get('nan'), { min: null, max: null, mean: null, nan: 2, infinite: 0 })
    assert.deepEqual(stats.get('huge'), { min: 1e308, max: 1e308, mean: 'Infinity', nan: 0, infinite: 0 })
  })

  it('give integers past 2^53 as strings', async () => {
    const stats = await inFolder(async (folder) => {
      const file = join(folder, 'x.pth')
      const integers = BigInt64Array.of(2n ** 62n + 1n, -(2n ** 63n))
      await scope(() => saveCheckpoint(file, new Map([['x', tensor(integers)]])))
      return statsOf(file)
    })

    const { min, max } = stats.get('x') ?? {}
    assert.deepEqual([min, max], ['-9223372036854775808', '4611686018427387905'])
  })

  it('read a tensor of several chunks to its end', async () => {
    const stats = await inFolder(async (folder) => {
      const file = join(folder, 'x.safetensors')
      await scope(async () => {
        const values = full([3_000_001], 0.25)
        values.select(0, 2_999_999).fill_(-3)
        values.select(0, 3_000_000).fill_(NaN)
        await saveSafetensors(file, new Map([['w', values]]))
      })
      return statsOf(file)
    })

    const { min, max, mean, nan } = stats.get('w') ?? {}
    assert.deepEqual([min, max, nan], [-3, 0.25, 1])
    near(mean, (0.25 * 2_999_999 - 3) / 3_000_000, 'w')
  })

  it('take the place of the look for NaN', async () => {
    const { values } = await inFolder(async (folder) => {
      const file = join(folder, 'x.pth')
      await scope(() => saveCheckpoint(file, new Map([['w', tensor([NaN, 1])]])))
      return inspect(file, '--stats')
    })

    assert.deepEqual(values, { checked: true, notFinite: [{ key: 'w', nan: 1, infinite: 0 }] })
  })

  it('are not in the JSON unless they are asked for', async () => {
    const { tensors } = await inspect(formatFixture('foreign.safetensors'))

    assert.ok(tensors.every((report) => !('stats' in report)))
  })

  itWithPython('are equal to what Python finds in every element type', async () => {
    await inFolder(async (folder) => {
      const file = join(folder, 'x.pth')
      const script = `
import json, math, sys, torch
torch.manual_seed(1)
names = "float32 float64 float16 bfloat16 int8 int16 int32 int64 uint8 bool uint16 uint32 uint64".split()
names += "float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu".split()
state, report = {}, {}
for name in names:
    dtype = getattr(torch, name)
    if dtype.is_floating_point:
        numbers = torch.randn(1000) * 3
        numbers[:3] = torch.tensor([float("nan"), float("inf"), -float("inf")])
        state[name] = numbers.to(dtype)
        exact = state[name].double().tolist()
    else:
        bits = torch.randint(0, 2 if name == "bool" else 256, (8000,), dtype=torch.uint8)
        state[name] = bits.view(dtype)
        exact = [int(x) for x in state[name].tolist()]
    rest = [x for x in exact if x == x]
    finite = [x for x in rest if abs(x) != float("inf")]
    mean = math.fsum(finite) / len(finite)
    report[name] = [str(float(min(rest))), str(float(max(rest))), mean, len(exact) - len(rest), len(rest) - len(finite)]
torch.save(state, sys.argv[1])
print(json.dumps(report))`
      const expected = Object.entries(
        JSON.parse(python(script, [file])) as Record<string, [string, string, number, number, number]>,
      )
      const stats = await statsOf(file)

      assert.equal(expected.length, 18)
      for (const [dtype, [min, max, mean, nan, infinite]] of expected) {
        const found = stats.get(dtype)
        const numbers = [min, max].map((text) => Number(text.replace('inf', 'Infinity')))
        assert.deepEqual(
          [Number(found?.min), Number(found?.max), found?.nan, found?.infinite],
          [...numbers, nan, infinite],
          dtype,
        )
        near(found?.mean, mean, dtype)
      }
    })
  })
})
