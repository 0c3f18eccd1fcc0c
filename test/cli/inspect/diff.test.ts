import assert from 'node:assert/strict'
import { join } from 'node:path'

import {
  full,
  readCheckpoint,
  saveCheckpoint,
  saveSafetensors,
  scope,
  StoredTensor,
  tensor,
  type Tensor,
} from 'napi-torch'

import { fixture, inFolder } from '../../support/checkpoints.js'
import { napiTorch, type Ended } from '../../support/cli.js'
import { CHECKPOINT } from '../../support/fashion_mnist.js'
import { formatFixture } from '../../support/formats.js'

/** A libtorch that cannot be opened: opening it fails. */
const env = { NAPI_TORCH_LIBTORCH: 'no-libtorch-here', NAPI_TORCH_CACHE: 'no-cache-here' }

/** What `--json` prints. */
interface Report {
  readonly equal: boolean
  readonly source: string
  readonly otherSource: string
  readonly onlyInFile: readonly string[]
  readonly onlyInOther: readonly string[]
  readonly tensors: readonly {
    readonly key: string
    readonly equal: boolean
    readonly largestDifference: number | string | null
  }[]
}

function diff(file: string, other: string, ...args: readonly string[]): Promise<Ended> {
  return napiTorch(['inspect', file, '--diff', other, ...args], { env })
}

/** Compares, checks that the exit code says the same, and gives the report. */
async function diffJson(file: string, other: string, ...args: readonly string[]): Promise<Report> {
  const { status, stdout, stderr } = await diff(file, other, '--json', ...args)
  assert.equal(stderr, '')
  const report = JSON.parse(stdout) as Report
  assert.equal(status, report.equal ? 0 : 1)
  return report
}

/** Saves two state dicts and compares them. */
function diffOf(
  first: () => Record<string, Tensor>,
  other: () => Record<string, Tensor>,
): Promise<Record<string, readonly [equal: boolean, largestDifference: number | string | null]>> {
  return inFolder(async (folder) => {
    const [a, b] = [join(folder, 'a.pth'), join(folder, 'b.pth')]
    await scope(() => saveCheckpoint(a, new Map(Object.entries(first()))))
    await scope(() => saveCheckpoint(b, new Map(Object.entries(other()))))
    const { tensors } = await diffJson(a, b)
    return Object.fromEntries(
      tensors.map(({ key, equal, largestDifference }) => [key, [equal, largestDifference] as const]),
    )
  })
}

describe('napi-torch inspect --diff', function () {
  this.timeout(20_000)

  it('prints what differs, and ends with 1', async () => {
    await inFolder(async (folder) => {
      const [a, b] = [join(folder, 'a.pth'), join(folder, 'b.pth')]
      const state = (rest: Record<string, Tensor>): Map<string, Tensor> =>
        new Map(Object.entries({ same: full([2, 3], 1.5), ...rest }))
      await scope(() =>
        saveCheckpoint(
          a,
          state({
            w: tensor([1, 2, 3]),
            half: full([4], 2),
            shape: full([4], 1),
            nan: full([2], NaN),
            left: full([1], 1),
          }),
        ),
      )
      await scope(() =>
        saveCheckpoint(b, {
          model: state({
            w: tensor([1, 2.25, 2.5]),
            half: full([4], 2).half(),
            shape: full([2, 2], 1),
            nan: tensor([NaN, 1]),
            right: full([1], 1),
          }),
        }),
      )

      assert.deepEqual(await diff(a, b), {
        status: 1,
        signal: null,
        stderr: '',
        stdout: `key    dtype              shape          largest difference
left                                     only in the first
right                                    only in the other
same   float32            (2, 3)         equal
w      float32            (3,)           0.5
half   float32 / float16  (4,)           same numbers
shape  float32            (4,) / (2, 2)  –
nan    float32            (2,)           NaN

first    ${a}
other    ${b}, state dict at model
keys     5 in both, 1 only in the first, 1 only in the other
tensors  1 equal, 4 different
`,
      })
    })
  })

  it('finds a checkpoint equal to itself in another format, order and layout, and ends with 0', async () => {
    await inFolder(async (folder) => {
      for (const [file, name] of [
        [CHECKPOINT, 'model.safetensors'],
        [fixture('tensors.pth'), 'tensors.safetensors'],
        [formatFixture('foreign.safetensors'), 'foreign.pth'],
      ] as const) {
        const other = join(folder, name)
        const { status } = await napiTorch(['convert', file, other], { env })
        assert.equal(status, 0)

        const { equal, tensors } = await diffJson(file, other)
        assert.equal(equal, true)
        assert.ok(tensors.every((row) => row.equal))
      }
    })
  })

  it('finds big-endian, deflated and other forms of one file equal', async () => {
    assert.equal((await diffJson(fixture('dtypes.pth'), fixture('big_endian.pth'))).equal, true)
    assert.equal((await diffJson(fixture('tensors.pth'), fixture('deflated.pth'))).equal, true)
  })

  it('tells dtypes and shapes of both in the JSON', async () => {
    await inFolder(async (folder) => {
      const other = join(folder, 'half.pth')
      await napiTorch(['convert', fixture('state_dict.pth'), other, '--half'], { env })

      const { equal, source, otherSource, tensors } = await diffJson(fixture('state_dict.pth'), other)

      assert.deepEqual([equal, source, otherSource], [false, '', ''])
      assert.deepEqual(tensors[1], {
        key: 'bn.weight',
        equal: false,
        dtype: 'float32',
        otherDtype: 'float16',
        shape: [4],
        otherShape: [4],
        largestDifference: 0,
      })
      const { largestDifference } = tensors[0] ?? {}
      assert.ok(Number(largestDifference) > 0 && Number(largestDifference) < 1e-4)
    })
  })

  it('takes --key for the first and --diff-key for the other', async () => {
    const nested = fixture('nested.pth')
    const { source, otherSource } = await diffJson(nested, nested, '--key', 'ema', '--diff-key', 'model.state_dict')

    assert.deepEqual([source, otherSource], ['ema', 'model.state_dict'])
  })

  it('takes NaN at one place, and equal infinities, for equal', async () => {
    const values = [NaN, Infinity, -Infinity, 1]
    const found = await diffOf(
      () => ({ same: tensor(values), other: tensor(values), sign: tensor([0, Infinity]) }),
      () => ({ same: tensor(values), other: tensor([NaN, Infinity, 5, 1]), sign: tensor([-0, Infinity]) }),
    )

    assert.deepEqual(found, { same: [true, 0], other: [false, 'Infinity'], sign: [true, 0] })
  })

  it('compares numbers of different types, and integers past 2^53 exactly', async () => {
    const big = 2n ** 60n
    const found = await diffOf(
      () => ({ mixed: tensor([1, 2, 3], { dtype: 'int64' }), big: tensor(BigInt64Array.of(big)) }),
      () => ({ mixed: tensor([1, 2.5, 3]), big: tensor(BigInt64Array.of(big + 1n)) }),
    )

    assert.deepEqual(found, { mixed: [false, 0.5], big: [false, 1] })
  })

  it('compares tensors of several chunks, of which one is transposed', async () => {
    const values = Float32Array.from({ length: 1500 * 1000 }, (_, index) => index % 1013)
    await inFolder(async (folder) => {
      const [a, b, c] = [join(folder, 'a.safetensors'), join(folder, 'b.pth'), join(folder, 'c.safetensors')]
      await scope(async () => {
        const w = tensor(values, { shape: [1500, 1000] })
        await saveSafetensors(a, new Map([['w', w]]))
        await saveCheckpoint(b, new Map([['w', w.transpose(0, 1).contiguous().transpose(0, 1)]]))
        w.select(0, 1499).select(0, 999).add_(0.5)
        await saveSafetensors(c, new Map([['w', w.to('float64')]]))
      })

      assert.equal((await diffJson(a, b)).equal, true)
      assert.equal((await diffJson(b, c)).tensors[0]?.largestDifference, 0.5)
    })
  })

  it('compares complex tensors by their bytes', async () => {
    await inFolder(async (folder) => {
      const [a, b] = [join(folder, 'a.pth'), join(folder, 'b.pth')]
      const { root } = await readCheckpoint(fixture('foreign_dtypes.pth'))
      assert.ok(root instanceof Map)
      const [complex, other] = [root.get('complex64'), root.get('uint64')]
      assert.ok(complex instanceof StoredTensor && other instanceof StoredTensor)
      // The same bytes as the uint64, under another name.
      const { shape, strides, storageOffset } = complex
      const geometry = { shape, strides, storageOffset, requiresGrad: false }
      await saveCheckpoint(a, new Map([['c', complex]]))
      await scope(async () => {
        const file = join(folder, 'one.pth')
        await saveCheckpoint(file, new Map([['c', full([6], 1)]]))
        const one = (await readCheckpoint(file)).root
        assert.ok(one instanceof Map)
        const floats = one.get('c')
        assert.ok(floats instanceof StoredTensor)
        const { storage } = floats
        await saveCheckpoint(b, new Map([['c', new StoredTensor({ storage, dtype: 'complex64', ...geometry })]]))
      })

      const [row] = (await diffJson(a, b)).tensors
      assert.deepEqual([row?.equal, row?.largestDifference], [false, null])
      assert.match((await diff(a, b)).stdout, /^c +complex64 +\(3,\) +different bytes$/m)
      assert.equal((await diffJson(a, a)).equal, true)
    })
  })

  it('lists 400 keys, those that differ first, and all with --tensors', async () => {
    await inFolder(async (folder) => {
      const [a, b] = [join(folder, 'a.pth'), join(folder, 'b.pth')]
      const state = (last: number): Map<string, Tensor> =>
        new Map(Array.from({ length: 403 }, (_, index) => [`w.${index}`, full([1], index === 402 ? last : 0)]))
      await scope(() => saveCheckpoint(a, state(1)))
      await scope(() => saveCheckpoint(b, state(2)))

      const { stdout } = await diff(a, b)
      assert.match(stdout.split('\n')[1] ?? '', /^w\.402 .* 1$/)
      assert.match(stdout, /^… 3 more keys \(--tensors prints all of them\)$/m)
      assert.match((await diff(a, b, '--tensors')).stdout, /^w\.401 .* equal\nw\.402 .* 1\n\nfirst /m)
    })
  })

  it('says why two checkpoints of one model have no key in common', async () => {
    const { status, stderr } = await diff(fixture('state_dict.pth'), fixture('data_parallel.pth'))

    assert.equal(status, 1)
    assert.equal(
      stderr,
      'Note: All keys of the other begin with module.; napi-torch convert --strip-prefix module. removes it\n',
    )
  })

  it('is an error where a file cannot be read: then nothing is printed', async () => {
    const { status, stdout, stderr } = await diff(fixture('state_dict.pth'), 'missing.pth')

    assert.deepEqual({ status, stdout }, { status: 1, stdout: '' })
    assert.equal(stderr, 'napi-torch: missing.pth: No such file (TORCH_FILE)\n')
  })

  it('does not go with --stats', async () => {
    const { status, stderr } = await diff('a', 'b', '--stats')

    assert.equal(status, 2)
    assert.match(stderr, /^napi-torch: Option '--stats' cannot be used with option '--diff <other>'/)
  })
})
