import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import fc from 'fast-check'

import { findStateDict, loadCheckpoint, memory, readCheckpoint } from 'napi-torch'

import { checkLimits } from '../../../lib/checkpoint/limits.js'
import { openSource } from '../../../lib/checkpoint/source.js'
import { readEntry, readZip } from '../../../lib/checkpoint/zip/archive.js'
import { zip, type TestEntry } from '../../support/archive.js'
import { inFolder } from '../../support/checkpoints.js'
import { describeTensors, expectedTensors, formatFixture, reportOfPython, withState } from '../../support/formats.js'
import { itWithPython } from '../../support/python.js'
import { mutations, readAll, survives } from '../../support/survive.js'

function text(value: string): string {
  return `X${String.fromCharCode(value.length)}\0\0\0${value}`
}

/** The instructions that push a float32 tensor of one element. */
const TENSOR = `ctorch._utils\n_rebuild_tensor_v2\n((${text('storage')}ctorch\nFloatStorage\n${text('0')}${text('cpu')}K\x01tQK\x00K\x01\x85K\x01\x85\x89}tR`

/** The instructions that push an object of a class of module `__torch__` with attributes. */
function object(name: string, attributes: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(attributes).map(([key, program]) => text(key) + program)
  return `c__torch__\n${name}\n)\x81}(${pairs.join('')}ub`
}

function script(root: string, code: string): Uint8Array {
  return zip([
    { name: 'a/data.pkl', data: `\x80\x02${root}.` },
    { name: 'a/code/__torch__.py', data: code, deflate: true },
    { name: 'a/data/0', data: '\x00\x00\x80\x3f' },
    { name: 'a/constants.pkl', data: '\x80\x02).' },
    { name: 'a/version', data: '3\n' },
  ])
}

function scriptClass(
  name: string,
  parameters: readonly string[],
  buffers: readonly string[] | null,
  kind = 'Module',
): string {
  const list = (names: readonly string[]): string => `[${names.map((each) => `"${each}", `).join('')}]`
  const second = buffers === null ? '' : `  __buffers__ = ${list(buffers)}\n`
  return `class ${name}(${kind}):\n  __parameters__ = ${list(parameters)}\n${second}  training : bool\n  def forward(self) -> None:\n    return None\n`
}

async function keysOf(root: string, code: string): Promise<string[]> {
  return [...findStateDict(await readCheckpoint(script(root, code))).tensors.keys()]
}

describe('readCheckpoint() of a TorchScript archive', () => {
  for (const name of ['scripted.pt', 'traced.pt']) {
    it(`gives the state dict of ${name} to the bit, in order`, () =>
      withState(loadCheckpoint(formatFixture(name)), (state) => {
        assert.deepEqual(describeTensors(state), expectedTensors(name))
      }))
  }

  it('tells the format', async () => {
    const { format, byteOrder } = await readCheckpoint(formatFixture('scripted.pt'))

    assert.deepEqual([format, byteOrder], ['torchscript', 'little'])
  })

  it('shares what was shared', () =>
    withState(loadCheckpoint(formatFixture('scripted.pt')), (state) => {
      state.get('again.weight')?.fill_(7)

      assert.equal(state.get('layers.2.weight')?.toArray()[0], 7)
    }))

  it('tells parameters and buffers from other tensors by what the code declares', async () => {
    const root = object('Net', { other: TENSOR, b: TENSOR, w: TENSOR, none: 'N', training: '\x88' })

    assert.deepEqual(await keysOf(root, scriptClass('Net', ['w', 'none'], ['b'])), ['w', 'b'])
  })

  it('takes all tensors for buffers where the code does not declare those, as before PyTorch 1.6', async () => {
    const root = object('Net', { other: TENSOR, b: TENSOR, w: TENSOR })

    assert.deepEqual(await keysOf(root, scriptClass('Net', ['w'], null)), ['w', 'other', 'b'])
  })

  it('reads children that are modules, and no other objects', async () => {
    const child = object('Child', { w: TENSOR })
    const root = object('Net', { child, pair: object('Pair', { w: TENSOR }), more: child })
    const code =
      scriptClass('Net', [], []) + scriptClass('Child', ['w'], []) + scriptClass('Pair', ['w'], [], 'NamedTuple')

    assert.deepEqual(await keysOf(root, code), ['child.w', 'more.w'])
  })

  it('reads marks of types as the values that they mark', async () => {
    const list = `ctorch.jit._pickle\nrestore_type_tag\n](K\x01e${text('List[int]')}\x86R`
    const sizes = `ctorch.jit._pickle\nbuild_intlist\n]\x85R`

    assert.deepEqual(await keysOf(object('Net', { list, sizes, w: TENSOR }), scriptClass('Net', ['w'], [])), ['w'])
  })

  describe('refuses', () => {
    const unsupported = 'TORCH_CHECKPOINT_UNSUPPORTED'
    const net = scriptClass('Net', ['w'], [])
    const cases: readonly [name: string, root: string, code: string, errorCode: string, message: string][] = [
      ['a class without code', object('Other', { w: TENSOR }), net, unsupported, 'The TorchScript module at the root of class __torch__.Other does not say which tensors it has'],
      ['a module with a state of its own', `c__torch__\nNet\n)\x81(${TENSOR}tb`, net, unsupported, 'The TorchScript module at the root of class __torch__.Net does not say which tensors it has'],
      ['a declared tensor that is missing', object('Net', {}), net, 'TORCH_CHECKPOINT_CORRUPT', 'Expected a tensor for "w" of the TorchScript module at the root, found nothing'],
      ['a declared tensor that is none', object('Net', { w: 'K\x01' }), net, 'TORCH_CHECKPOINT_CORRUPT', 'Expected a tensor for "w" of the TorchScript module at the root, found 1'],
      ['a value that is no module', 'K\x01', net, unsupported, 'Is a TorchScript archive of 1, expected a module'],
      ['a module without parameters', object('Net', {}), scriptClass('Net', [], []), unsupported, `Is a TorchScript archive without named parameters: torch.jit.freeze makes them constants of the program; save the model's state_dict() in Python instead`],
    ] // prettier-ignore
    for (const [name, root, code, errorCode, message] of cases) {
      it(name, () =>
        assert.rejects(readCheckpoint(script(root, code)), { code: errorCode, message: `buffer: ${message}` }),
      )
    }

    it('a module that contains itself', () =>
      assert.rejects(
        readCheckpoint(script(`c__torch__\nNet\n)\x81q\x00}(${text('me')}h\x00ub`, scriptClass('Net', [], []))),
        { code: unsupported, message: 'buffer: The module at me contains itself' },
      ))

    it('a frozen module', () =>
      assert.rejects(readCheckpoint(formatFixture('frozen.pt')), {
        code: unsupported,
        message: `${formatFixture('frozen.pt')}: Is a TorchScript archive without named parameters: torch.jit.freeze makes them constants of the program; save the model's state_dict() in Python instead`,
      }))

    it('a quantized module, whose weights are packed', () =>
      assert.rejects(readCheckpoint(formatFixture('quantized.pt')), {
        code: unsupported,
        message: `${formatFixture('quantized.pt')}: The TorchScript module at 0._packed_params holds an object of Python class __torch__.torch.classes.quantized.LinearPackedParamsBase, whose tensors have no names`,
      }))

    const LAX = { limits: { inflateRatio: 10_000 } }

    it('code that takes longer to read than the file is long', () =>
      assert.rejects(readCheckpoint(script(object('Net', { w: TENSOR }), `${net}\n${'\n'.repeat(2_500_000)}`), LAX), {
        code: 'TORCH_CHECKPOINT_LIMIT',
        message:
          /^buffer: Reading takes at least \d+ steps for a file of \d+ bytes, more than the limit workRatio of 2$/,
      }))

    it('code with classes that take more memory than the file', () =>
      assert.rejects(readCheckpoint(script(object('Net', { w: TENSOR }), net + 'class A(\n'.repeat(200_000)), LAX), {
        code: 'TORCH_CHECKPOINT_LIMIT',
        message: /more than the limit workRatio of 2$/,
      }))

    it('other functions of torch.jit', () =>
      assert.rejects(readCheckpoint(script(`ctorch.jit._pickle\nbuild_tensor_from_id\nK\x01\x85R`, net)), {
        code: 'TORCH_CHECKPOINT_UNSAFE',
      }))
  })

  it('reads modules that are nested 50,000 deep', async () => {
    const depth = 50_000
    const open = `c__torch__\nNet\n)\x81}${text('m')}`
    const root = `${open.repeat(depth)}c__torch__\nNet\n)\x81}${text('w')}${TENSOR}sb${'sb'.repeat(depth)}`

    // One class for all, so that it declares nothing: in files of before 1.6 every tensor counts.
    const [key] = await keysOf(root, scriptClass('Net', [], null))
    assert.equal(key?.length, 2 * depth + 1)
  })

  it('ends in a value or a CheckpointError on 300 archives with a mutated pickle or mutated code', async () => {
    const { source, entries } = await readZip(await openSource(formatFixture('scripted.pt')), checkLimits())
    const parts: TestEntry[] = []
    for (const [name, entry] of entries) parts.push({ name: `a/${name}`, data: await readEntry(source, entry) })
    await source.close()
    const targets = parts.filter(({ name }) => /data\.pkl$|\.py$/.test(name))
    const words = ['__parameters__ = ["w", ]', '__buffers__ = []', 'class Model(Module):\n', '"weight", ', 'N', 'b', 'u', '}', 'h\x00', 'h\x05'] // prettier-ignore
    const mutated = fc.constantFrom(...targets).chain(({ name, data }) => {
      const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data
      return mutations(bytes, words).map((changed) =>
        zip(parts.map((part) => (part.name === name ? { ...part, data: changed } : part))),
      )
    })

    await fc.assert(
      fc.asyncProperty(mutated, (bytes) => survives(() => readAll(bytes))),
      { numRuns: 300 },
    )
  }).timeout(60_000)

  it('leaves nothing alive when an archive is cut at every 256th byte', async () => {
    const whole = await readFile(formatFixture('scripted.pt'))
    const before = memory()
    for (let length = 0; length < whole.length; length += 256) {
      await assert.rejects(loadCheckpoint(whole.subarray(0, length)), { name: 'CheckpointError' }, `at ${length} bytes`)
    }

    assert.deepEqual(memory(), before)
  })

  const models: readonly [name: string, python: string][] = [
    [
      'a transformer',
      'torch.nn.TransformerEncoder(torch.nn.TransformerEncoderLayer(8, 2, 16), 2, enable_nested_tensor=False)',
    ],
    ['an LSTM', 'torch.nn.LSTM(4, 3, num_layers=2, bidirectional=True)'],
    [
      'convolutions',
      'torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.GroupNorm(1, 2), torch.nn.PReLU())',
    ],
  ]
  for (const [name, model] of models) {
    itWithPython(`gives what torch.jit.load gives of ${name}`, () =>
      inFolder(async (folder) => {
        const path = join(folder, 'x.pt')
        const code = `
torch.jit.save(torch.jit.script(${model}), sys.argv[1])
report(torch.jit.load(sys.argv[1]).state_dict())`
        const expected = reportOfPython(code, [path])

        await withState(loadCheckpoint(path), (state) => {
          assert.deepEqual(describeTensors(state), expected)
        })
      }),
    )
  }
})
