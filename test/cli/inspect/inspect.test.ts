import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { full, saveCheckpoint, scope, tensor } from 'napi-torch'

import { fixture, inFolder } from '../../support/checkpoints.js'
import { napiTorch } from '../../support/cli.js'
import { CHECKPOINT } from '../../support/fashion_mnist.js'
import { formatFixture } from '../../support/formats.js'

/** A libtorch that cannot be opened: opening it fails. */
const env = { NAPI_TORCH_LIBTORCH: 'no-libtorch-here' }

/** What `--json` prints, as far as the tests look at it. */
interface Report {
  readonly format: string
  readonly source: string
  readonly architecture: { readonly name: string; readonly numClasses: number } | null
  readonly architectureError: string | null
  readonly totals: Readonly<Record<string, unknown>>
  readonly entries: readonly { readonly key: string; readonly value: unknown }[]
  readonly values: { readonly checked: boolean; readonly notFinite: readonly unknown[] }
  readonly tensors: readonly { readonly key: string; readonly dtype: string; readonly shape: readonly number[] }[]
}

async function inspectJson(...args: readonly string[]): Promise<Report> {
  const { status, stdout, stderr } = await napiTorch(['inspect', '--json', ...args], { env })
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
  return JSON.parse(stdout) as Report
}

describe('napi-torch inspect', function () {
  this.timeout(20_000)

  it('prints tensors and totals, without libtorch', async () => {
    const file = fixture('state_dict.pth')

    const { status, stdout, stderr } = await napiTorch(['inspect', file], { env })

    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
    assert.equal(
      stdout,
      `key                     dtype    shape          size
conv.weight             float32  (4, 3, 3, 3)  432 B
bn.weight               float32  (4,)           16 B
bn.bias                 float32  (4,)           16 B
bn.running_mean         float32  (4,)           16 B
bn.running_var          float32  (4,)           16 B
bn.num_batches_tracked  int64    ()              8 B
fc.weight               float32  (2, 4)         32 B
fc.bias                 float32  (2,)            8 B

file          ${file} (3.92 kB, zip, little-endian)
architecture  No known model: it has no residual blocks of two 3×3, or of 1×1, 3×3 and 1×1 convolutions (8 tensors: conv.weight, bn.weight, bn.bias, bn.running_mean, …)
tensors       8 (7 float32, 1 int64) in 8 storages
parameters    126
size          544 B
`,
    )
  })

  it('lists the 122 tensors of the embedded model and names its architecture', async () => {
    const { architecture, architectureError, totals, tensors, values } = await inspectJson(CHECKPOINT)

    assert.equal(tensors.length, 122)
    assert.deepEqual([architecture?.name, architecture?.numClasses, architectureError], ['resnet18Cifar', 10, null])
    assert.deepEqual(totals, {
      tensors: 122,
      parameters: 11_173_962,
      elements: 11_183_582,
      bytes: 22_367_284,
      storages: 122,
      storageBytes: 22_367_284,
      dtypes: { float16: 102, int64: 20 },
    })
    assert.deepEqual(values, { checked: true, notFinite: [] })
    assert.deepEqual(tensors.at(-1), {
      key: 'linear.bias',
      dtype: 'float16',
      shape: [10],
      elements: 10,
      bytes: 20,
      strides: [1],
      storageOffset: 0,
      storage: '121',
    })
  })

  it('prints each shape in a line of the JSON', async () => {
    const { stdout } = await napiTorch(['inspect', '--json', fixture('state_dict.pth')], { env })

    assert.match(stdout, /^ {6}"shape": \[4, 3, 3, 3\],$/m)
  })

  it('says where a training checkpoint holds the state dict, and what stands beside it', async () => {
    const { source, entries } = await inspectJson(fixture('training.pth'))

    const facts = new Map(entries.map(({ key, value }) => [key, value]))
    assert.equal(source, 'state_dict')
    assert.equal(facts.get('epoch'), 7)
    assert.equal(facts.get('seed'), '1180591620717411303424')
    assert.equal(facts.get('device'), 'an object of Python class torch.device')
    assert.equal(facts.get('__proto__'), 'a plain key')
  })

  it('takes the state dict at --key', async () => {
    const { source, tensors } = await inspectJson(fixture('nested.pth'), '--key', 'ema')

    assert.deepEqual([source, tensors.length], ['ema', 8])
  })

  it('takes the weights of a pickled module with --whole-module', async () => {
    const { tensors } = await inspectJson(fixture('whole_module.pth'), '--whole-module')

    assert.deepEqual(
      tensors.map(({ key }) => key),
      ['0.weight', '0.bias'],
    )
  })

  const formats: readonly (readonly [name: string, format: string, ...flags: string[]])[] = [
    ['legacy.pth', 'legacy'],
    ['traced.pt', 'torchscript'],
    ['module.pth', 'zip', '--whole-module'],
    ['legacy_module.pth', 'legacy', '--whole-module'],
    ['tensors.safetensors', 'safetensors'],
    ['sharded/model.safetensors.index.json', 'safetensors-index'],
  ]
  for (const [name, expected, ...flags] of formats) {
    it(`lists the tensors of ${name}, with and without --stats`, async () => {
      const { format, tensors } = await inspectJson(formatFixture(name), ...flags)
      const { tensors: measured } = await inspectJson(formatFixture(name), '--stats', ...flags)

      assert.equal(format, expected)
      assert.ok(tensors.length > 0)
      assert.deepEqual(
        measured.map(({ key, dtype, shape }) => [key, dtype, shape]),
        tensors.map(({ key, dtype, shape }) => [key, dtype, shape]),
      )
    })
  }

  it('marks tensors that share memory', async () => {
    const { stdout } = await napiTorch(['inspect', fixture('tensors.pth')], { env })

    assert.match(stdout, /^tied +float32 +\S.* B {2}shares memory 0$/m)
    assert.match(stdout, /^scalar +float32 +\(\) +4 B$/m)
  })

  describe('a checkpoint of more than 400 tensors', () => {
    /** Saves 402 tensors of one element. */
    const saveMany = async (folder: string): Promise<string> => {
      const file = join(folder, 'many.pth')
      const keys = Array.from({ length: 402 }, (_, index) => `w.${index}`)
      await scope(() => saveCheckpoint(file, new Map(keys.map((key, index) => [key, full([1], index || NaN)]))))
      return file
    }

    it('has its summary first, and 400 of them listed', async () => {
      const { stdout } = await inFolder(async (folder) => napiTorch(['inspect', await saveMany(folder)], { env }))

      const lines = stdout.split('\n')
      assert.match(lines[0] ?? '', /^file +.*many\.pth/)
      assert.match(stdout, /^w\.399 +float32/m)
      assert.doesNotMatch(stdout, /^w\.400 /m)
      assert.deepEqual(lines.slice(-3), [
        '… 2 more tensors (--tensors prints all of them)',
        'Warning: w.0 holds 1 NaN',
        '',
      ])
    })

    it('has all listed, and nothing else, with --tensors', async () => {
      const { stdout } = await inFolder(async (folder) =>
        napiTorch(['inspect', await saveMany(folder), '--tensors'], { env }),
      )

      const lines = stdout.trimEnd().split('\n')
      assert.deepEqual(
        [lines.length, lines[0], lines[402]],
        [403, 'key    dtype    shape  size', 'w.401  float32  (1,)    4 B'],
      )
    })

    it('has all in the JSON', async () => {
      const { tensors } = await inFolder(async (folder) => inspectJson(await saveMany(folder)))

      assert.equal(tensors.length, 402)
    })
  })

  describe('values', () => {
    /** Saves tensors that hold NaN and infinity, each in another dtype. */
    const saveBroken = async (folder: string): Promise<string> => {
      const file = join(folder, 'broken.pth')
      await scope(async () => {
        const values = [1, NaN, -Infinity, Infinity, 65504, 0]
        await saveCheckpoint(
          file,
          new Map([
            ['fine', full([3, 5], -2.5)],
            ['single', tensor(values)],
            ['double', tensor(values, { dtype: 'float64' })],
            ['half', tensor(values).half()],
            ['brain', tensor(values).to('bfloat16')],
            ['onlyNan', tensor([NaN, NaN])],
            // All that tells it from infinity is its last bit.
            ['signaling', tensor(new Float64Array(new BigUint64Array([0x7ff0000000000001n]).buffer))],
            ['whole', tensor([1, 2], { dtype: 'int64' })],
          ]),
        )
      })
      return file
    }

    it('warns of NaN and infinity in every dtype of floats', async () => {
      const { stdout } = await inFolder(async (folder) => napiTorch(['inspect', await saveBroken(folder)], { env }))

      assert.deepEqual(stdout.split('\n').slice(-7), [
        'Warning: single holds 1 NaN and 2 infinite',
        'Warning: double holds 1 NaN and 2 infinite',
        'Warning: half holds 1 NaN and 2 infinite',
        'Warning: brain holds 1 NaN and 2 infinite',
        'Warning: onlyNan holds 2 NaN',
        'Warning: signaling holds 1 NaN',
        '',
      ])
    })

    it('counts them in the JSON', async () => {
      const { values } = await inFolder(async (folder) => inspectJson(await saveBroken(folder)))

      assert.equal(values.checked, true)
      assert.deepEqual(values.notFinite[0], { key: 'single', nan: 1, infinite: 2 })
      assert.equal(values.notFinite.length, 6)
    })

    it('does not look at them with --no-check', async () => {
      const { values } = await inFolder(async (folder) => inspectJson(await saveBroken(folder), '--no-check'))

      assert.deepEqual(values, { checked: false, notFinite: [] })
    })

    it('looks at every chunk of a large tensor', async () => {
      const { values } = await inFolder(async (folder) => {
        const file = join(folder, 'large.pth')
        await scope(async () => {
          const large = full([700_001], 1)
          for (const index of [300_000, 700_000]) large.select(0, index).fill_(NaN)
          await saveCheckpoint(file, new Map([['large', large]]))
        })
        return inspectJson(file)
      })

      assert.deepEqual(values.notFinite, [{ key: 'large', nan: 2, infinite: 0 }])
    })

    for (const name of ['big_endian.pth', 'deflated.pth', 'foreign_dtypes.pth']) {
      it(`finds nothing wrong in ${name}`, async () => {
        const { values } = await inspectJson(fixture(name))

        assert.deepEqual(values, { checked: true, notFinite: [] })
      })
    }
  })

  describe('bad input', () => {
    const refusals: readonly (readonly [string, () => Promise<Uint8Array>, string, string])[] = [
      ['an empty file', async () => Promise.resolve(new Uint8Array(0)), 'The file is empty', 'TORCH_CHECKPOINT_FORMAT'],
      [
        'a text file',
        async () => Promise.resolve(Buffer.from('weights')),
        'Is not a checkpoint: it is text',
        'TORCH_CHECKPOINT_FORMAT',
      ],
      [
        'a truncated archive',
        async () => (await readFile(fixture('state_dict.pth'))).subarray(0, 2000),
        'The zip archive is truncated: its directory is missing from the end of the file',
        'TORCH_CHECKPOINT_CORRUPT',
      ],
      [
        'a whole pickled module',
        async () => readFile(fixture('whole_module.pth')),
        'The checkpoint is a whole pickled module of class torch.nn.modules.container.Sequential: ' +
          "pass --whole-module to take its parameters and buffers; in Python, save torch.save(model.state_dict(), 'new.pth') instead",
        'TORCH_CHECKPOINT_UNSUPPORTED',
      ],
    ]
    for (const [what, bytes, message, code] of refusals) {
      it(`refuses ${what} in one line`, async () => {
        await inFolder(async (folder) => {
          const file = join(folder, 'model.pth')
          await writeFile(file, await bytes())

          assert.deepEqual(await napiTorch(['inspect', file], { env }), {
            status: 1,
            signal: null,
            stdout: '',
            stderr: `napi-torch: ${file}: ${message} (${code})\n`,
          })
        })
      })
    }

    it('refuses a folder in one line', async () => {
      await inFolder(async (folder) => {
        const { status, stderr } = await napiTorch(['inspect', folder], { env })

        assert.equal(status, 1)
        const looked =
          'model.safetensors, model.safetensors.index.json, pytorch_model.bin, pytorch_model.bin.index.json'
        const message = `Is a directory without a checkpoint, expected ${looked}, or one .pth or .pt file (TORCH_FILE)`
        assert.equal(stderr, `napi-torch: ${folder}: ${message}\n`)
      })
    })

    it('prints the control characters of a key as text', async () => {
      await inFolder(async (folder) => {
        const file = join(folder, 'model.pth')
        await scope(() => saveCheckpoint(file, new Map([['\u001b[2Jweight', full([1], 1)]])))

        const { stdout } = await napiTorch(['inspect', file], { env })

        assert.match(stdout, /^\\u001b\[2Jweight +float32 +\(1,\) +4 B$/m)
      })
    })
  })
})
