import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import {
  BasicBlockCifar,
  loadCheckpoint,
  manualSeed,
  noGrad,
  resnet18,
  resnet50,
  ResNetCifar,
  saveCheckpoint,
  saveSafetensors,
  scope,
  type Module,
} from 'napi-torch'

import { inFolder } from '../../support/checkpoints.js'
import { napiTorch } from '../../support/cli.js'
import { CHECKPOINT } from '../../support/fashion_mnist.js'
import { itWithPython, python } from '../../support/python.js'

const PYTHON = process.env['NAPI_TORCH_TEST_PYTHON'] ?? ''
const SCRIPT = fileURLToPath(new URL('../../../python/make-reference.py', import.meta.url))

/** Where the classes of {@link WHOLE} are, which Python imports when it reads the file. */
const SCRIPTS = fileURLToPath(new URL('../../../scripts', import.meta.url))
const WHOLE = `
import sys
sys.path.insert(0, sys.argv[1])
import torch, resnet
from torch import nn
model = resnet.ResNet(resnet.BasicBlock, [2, 2, 2, 2], num_classes=5).eval()
torch.save(WRAPPED, sys.argv[2])
`

interface Row {
  readonly name: string
  readonly kind: string
  readonly maxRel: number | null
  readonly cosine: number
  readonly ok: boolean
}

interface Report {
  readonly ok: boolean
  readonly first: string | null
  readonly causes: readonly string[]
  readonly otherTensors: readonly string[]
  readonly modules: readonly Row[]
  readonly compiled: readonly Row[]
}

/** Writes a checkpoint of a small model for small images, whose weights and statistics are drawn. */
async function writeSmall(file: string, change: (model: Module) => void = () => undefined): Promise<string> {
  await scope(async () => {
    manualSeed(3n)
    const model = new ResNetCifar(BasicBlockCifar, [1, 1, 1, 1], { width: 8 })
    for (const [name, buffer] of model.namedBuffers()) {
      if (name.endsWith('running_mean')) buffer.normal_(0, 0.1)
      if (name.endsWith('running_var')) buffer.uniform_(0.5, 1.5)
    }
    change(model)
    await saveCheckpoint(file, model.stateDict())
  })
  return file
}

/** Runs make-reference.py as a program of its own. */
function makeReference(checkpoint: string, out: string, ...args: readonly string[]): string {
  python('import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name="__main__")', [
    ...[SCRIPT, checkpoint, out],
    ...args,
  ])
  return out
}

async function verifyJson(...args: readonly string[]): Promise<Report & { readonly status: number | null }> {
  const { status, stdout, stderr } = await napiTorch(['verify', ...args, '--json'])
  assert.equal(stderr, '')
  return { status, ...(JSON.parse(stdout) as Report) }
}

describe('napi-torch verify', function () {
  this.timeout(60_000)

  itWithPython('finds the model of this package equal to PyTorch, module by module and compiled', async () => {
    const { status, stdout, stderr } = await napiTorch(['verify', CHECKPOINT, '--python', PYTHON])

    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
    assert.match(stdout, /^resnet18Cifar compared with torch 2\.13\S*, input \(1, 3, 28, 28\), normally distributed$/m)
    assert.match(stdout, /^ {2}layer2\.0\.shortcut\.1 +BatchNorm2d +\(1, 128, 14, 14\) +\S+ +\S+ +1\.000000 +ok$/m)
    assert.match(stdout, /^ {2}layer4 +conv2d \+ add \+ relu +\(1, 512, 4, 4\) +\S+ +\S+ +1\.000000 +ok$/m)
    assert.match(stdout, /^✓ 62 of 62 module outputs and 13 of 13 outputs of the compiled model equal PyTorch's/m)
    assert.match(stdout, /^- If predictions still differ from Python’s, the input does/m)
  })

  for (const [name, make] of [
    ['BasicBlock', () => resnet18({ numClasses: 7, inputChannels: 1 })],
    ['Bottleneck', () => resnet50({ numClasses: 7 })],
  ] as const) {
    itWithPython(`finds a ResNet of photos with ${name}s equal to PyTorch`, async () => {
      await inFolder(async (folder) => {
        const file = join(folder, 'model.pth')
        await scope(() => saveCheckpoint(file, make().stateDict()))
        const reference = makeReference(file, join(folder, 'reference.safetensors'), '--size', '64', '64')

        const { status, ok, first, modules, compiled } = await verifyJson(file, '--reference', reference)

        assert.deepEqual([status, ok, first], [0, true, null])
        // The second call of one ReLU has a name of its own.
        assert.ok(modules.some(({ name: module }) => module === 'layer1.0.relu#2'))
        const groups = compiled.map(({ name: module }) => module)
        for (const group of ['relu', 'maxpool', 'layer1.0.relu', 'layer3', 'fc']) {
          assert.ok(groups.includes(group), group)
        }
      })
    })
  }

  const CHANGES: readonly (readonly [what: string, change: (model: Module) => void, cause: RegExp])[] = [
    [
      'permuted weights',
      (model) => noGrad(() => void model.getParameter('layer1.0.conv1.weight').copy_(model.getParameter('layer1.0.conv1.weight').flip([0]))),
      /^1 tensor differs from the reference \(layer1\.0\.conv1\.weight\) in the order of elements alone/,
    ],
    [
      'half precision',
      (model) => {
        noGrad(() => { for (const [, values] of [...model.namedParameters()]) values.copy_(values.to({ dtype: 'bfloat16' }).to({ dtype: 'float32' })) })
      },
      /by rounding alone: one of the two was saved in half precision/,
    ],
    [
      'statistics that are NaN',
      (model) => void model.getBuffer('bn1.running_var').fill_(NaN),
      /^bn1\.running_var holds NaN or infinities/,
    ],
  ] // prettier-ignore
  for (const [what, change, cause] of CHANGES) {
    itWithPython(`names ${what} as the cause`, async () => {
      await inFolder(async (folder) => {
        const good = await writeSmall(join(folder, 'good.pth'))
        const other = await writeSmall(join(folder, 'other.pth'), change)
        const reference = makeReference(good, join(folder, 'reference.safetensors'))

        const { ok, causes } = await verifyJson(other, '--reference', reference)

        assert.equal(ok, false)
        assert.match(causes[0] ?? '', cause)
      })
    })
  }

  itWithPython('compares a model whose statistics are NaN in both', async () => {
    await inFolder(async (folder) => {
      const file = await writeSmall(
        join(folder, 'nan.pth'),
        (model) => void model.getBuffer('bn1.running_var').fill_(NaN),
      )
      const reference = makeReference(file, join(folder, 'reference.safetensors'))

      const { ok, otherTensors } = await verifyJson(file, '--reference', reference)

      assert.deepEqual([ok, otherTensors], [true, []])
    })
  })

  const ARCHITECTURES: readonly (readonly [what: string, make: () => Module, cause: RegExp])[] = [
    ['depth', () => new ResNetCifar(BasicBlockCifar, [1, 1, 1, 2], { width: 8 }), /another architecture: 12 tensors only here \(layer4\.1\./],
    ['classes', () => new ResNetCifar(BasicBlockCifar, [1, 1, 1, 1], { width: 8, numClasses: 3 }), /other classes: linear\.weight is \(3, 64\) here and \(10, 64\) there, and 1 other/],
  ] // prettier-ignore
  for (const [what, make, cause] of ARCHITECTURES) {
    itWithPython(`names another number of ${what} as the cause`, async () => {
      await inFolder(async (folder) => {
        const good = await writeSmall(join(folder, 'good.pth'))
        const other = join(folder, 'other.pth')
        await scope(() => saveCheckpoint(other, make().stateDict()))
        const reference = makeReference(good, join(folder, 'reference.safetensors'))

        const { ok, causes } = await verifyJson(other, '--reference', reference)

        assert.equal(ok, false)
        assert.match(causes[0] ?? '', cause)
      })
    })
  }

  for (const wrapped of ['model', 'nn.DataParallel(model)', 'model.half()']) {
    itWithPython(`compares a module that was pickled as a whole: ${wrapped}`, async () => {
      await inFolder(async (folder) => {
        const file = join(folder, 'whole.pth')
        python(WHOLE.replace('WRAPPED', wrapped), [SCRIPTS, file])

        const args = ['verify', file, '--whole-module', '--python', PYTHON, '--json']
        const { status, stdout, stderr } = await napiTorch(args, { env: { PYTHONPATH: SCRIPTS } })

        assert.equal(status, 0, stderr || stdout)
        assert.ok((JSON.parse(stdout) as Report).modules.length > 60)
      })
    })
  }

  itWithPython('names the batch normalization of which one statistic differs, and why that may be', async () => {
    await inFolder(async (folder) => {
      const good = await writeSmall(join(folder, 'good.pth'))
      const broken = await writeSmall(join(folder, 'broken.pth'), (model) => {
        model.getBuffer('layer2.0.bn1.running_var').slice(0, 3, 4).mul_(2)
      })
      const reference = makeReference(good, join(folder, 'reference.safetensors'))

      const { status, ok, first, causes, otherTensors, modules } = await verifyJson(broken, '--reference', reference)

      assert.deepEqual([status, ok, first], [1, false, 'layer2.0.bn1'])
      assert.deepEqual(otherTensors, ['layer2.0.bn1.running_var'])
      assert.match(causes.join('\n'), /training mode/)
      const before = modules.slice(
        0,
        modules.findIndex(({ ok: isEqual }) => !isEqual),
      )
      assert.equal(before.at(-1)?.name, 'layer2.0.conv1')

      const { status: ended, stdout } = await napiTorch(['verify', broken, '--reference', reference])
      assert.equal(ended, 1)
      assert.match(stdout, /^ {2}layer2\.0\.bn1 +BatchNorm2d .* differs$/m)
      assert.match(stdout, /^The first output that differs is layer2\.0\.bn1$/m)
    })
  })

  itWithPython('takes state dicts inside a training checkpoint, under a prefix, and as safetensors', async () => {
    await inFolder(async (folder) => {
      const plain = await writeSmall(join(folder, 'plain.pth'))
      const [training, safetensors] = [join(folder, 'training.ckpt'), join(folder, 'model.safetensors')]
      await scope(async () => {
        const state = await loadCheckpoint(plain)
        const wrapped = new Map([...state].map(([key, tensor]) => [`module.${key}`, tensor]))
        await saveCheckpoint(
          training,
          new Map<string, unknown>([
            ['epoch', 3],
            ['net', wrapped],
          ]) as never,
        )
        await saveSafetensors(safetensors, state)
      })

      for (const file of [training, safetensors]) {
        const { ok, modules } = await verifyJson(file, '--python', PYTHON)
        assert.deepEqual([ok, modules.at(-1)?.name], [true, '(model)'], file)
      }
    })
  })

  itWithPython('compares a network whose names are those of other projects', async () => {
    await inFolder(async (folder) => {
      const plain = await writeSmall(join(folder, 'plain.pth'))
      const file = join(folder, 'renamed.pth')
      await scope(async () => {
        const state = await loadCheckpoint(plain)
        const renamed = [...state].map(([key, tensor]) => [key.replace('linear.', 'classifier.'), tensor] as const)
        await saveCheckpoint(file, new Map(renamed))
      })

      const { status, stdout, stderr } = await napiTorch(['verify', file, '--python', PYTHON, '--json'])

      assert.equal(status, 0, stderr || stdout)
      assert.equal((JSON.parse(stdout) as Report).modules.at(-1)?.name, '(model)')
      assert.match(stderr, /Python gets the tensors under the names of torchvision/)
    })
  })

  itWithPython('compares what there is where the reference is of another architecture', async () => {
    await inFolder(async (folder) => {
      const small = await writeSmall(join(folder, 'small.pth'))
      const reference = makeReference(small, join(folder, 'reference.safetensors'))

      const { status, first, causes, modules } = await verifyJson(CHECKPOINT, '--reference', reference)

      assert.deepEqual([status, first], [1, 'conv1'])
      assert.match(causes.join('\n'), /of another architecture: \d+ tensors only here \(layer1\.1\./)
      assert.match(causes.join('\n'), /conv1\.weight is \(64, 3, 3, 3\) here and \(8, 3, 3, 3\) there, and \d+ others/)
      assert.equal(modules.find(({ name }) => name === 'layer1.1.conv1')?.maxRel, null)
    })
  })

  describe('bad input', () => {
    it('says how to go on where there is no such Python', async () => {
      const { status, stdout, stderr } = await napiTorch(['verify', CHECKPOINT, '--python', 'no-such-python'])

      assert.deepEqual([status, stdout], [1, ''])
      const how = `name another Python with --python, or run ${SCRIPT} where torch is installed and pass its file with --reference`
      assert.equal(stderr, `napi-torch: no-such-python: No such program; ${how} (TORCH_PYTHON)\n`)
    })

    it('says what a Python without torch says', async () => {
      await inFolder(async (folder) => {
        const program = join(folder, 'python')
        await writeFile(program, '#!/bin/sh\necho "ModuleNotFoundError: No module named torch" >&2\nexit 1\n', {
          mode: 0o755,
        })

        const { status, stderr } = await napiTorch(['verify', CHECKPOINT, '--python', program])

        assert.equal(status, 1)
        assert.match(stderr, /python: ModuleNotFoundError: No module named torch; name another Python with --python/)
      })
    })

    it('refuses a file that is no reference', async () => {
      const { status, stderr } = await napiTorch(['verify', CHECKPOINT, '--reference', CHECKPOINT])

      assert.equal(status, 1)
      const message = `${CHECKPOINT}: Is not a reference that make-reference.py wrote`
      assert.equal(stderr, `napi-torch: ${message} (TORCH_INVALID_ARGUMENT)\n`)
    })

    it('refuses --reference and --python together', async () => {
      const { status } = await napiTorch(['verify', CHECKPOINT, '--reference', 'x', '--python', 'y'])

      assert.equal(status, 2)
    })
  })
})
