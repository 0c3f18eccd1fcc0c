import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { loadCheckpoint, manualSeed, resnet18Cifar, saveCheckpoint, scope } from 'napi-torch'

import { napiTorch, NODE_COMMAND } from '../../support/cli.js'
import { testImages, writeFolders } from '../../support/images.js'
import { itWithPython, python } from '../../support/python.js'

const NAMES = new Map([
  [1, 'trousers'],
  [7, 'sneaker'],
  [8, 'bag'],
])
/** Few epochs, which are not enough to learn from parts of images. */
const QUICK = [
  ...['--preset', 'fashion-mnist', '--epochs', '3', '--head-epochs', '3', '--batch-size', '16', '--lr', '5e-3'],
  '--no-crop',
]

describe('napi-torch train', function () {
  this.timeout(120_000)
  let folder = ''
  let photos = ''
  let checkpoint = ''
  const run = (output: string): string[] => [
    'train',
    photos,
    '--from',
    checkpoint,
    '-o',
    join(folder, output),
    ...QUICK,
  ]

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'napi-torch-train-'))
    photos = join(folder, 'photos')
    checkpoint = join(folder, 'start.pth')
    const images = (await testImages(240)).filter(({ label }) => NAMES.has(label))
    await writeFolders(photos, images, (label) => NAMES.get(label) ?? '')
    await scope(async () => {
      manualSeed(1)
      await saveCheckpoint(checkpoint, resnet18Cifar({ width: 8 }).stateDict())
    })
    const { status, stderr } = await napiTorch([...run('whole'), '--json'])
    assert.equal(status, 0, stderr)
  })

  after(() => rmSync(folder, { recursive: true, force: true }))

  it('writes the model with all that classify and evaluate need', async () => {
    assert.deepEqual(readdirSync(join(folder, 'whole')).sort(), [
      ...['confusion.svg', 'curve.svg', 'labels.txt', 'model.pth', 'preset.json', 'training.json'],
    ])
    const model = join(folder, 'whole', 'model.pth')
    const { best } = JSON.parse(await readFile(join(folder, 'whole', 'training.json'), 'utf8')) as {
      best: { accuracy: number }
    }

    const { stdout } = await napiTorch(['evaluate', model, photos, '--json'])

    const { top1, classes } = JSON.parse(stdout) as { top1: number; classes: { label: string }[] }
    assert.deepEqual(
      classes.map(({ label }) => label),
      ['bag', 'sneaker', 'trousers'],
    )
    assert.ok(top1 > 0.5 && best.accuracy > 0.5, `${top1}, ${best.accuracy}`)
    assert.match(await readFile(join(folder, 'whole', 'curve.svg'), 'utf8'), /^<svg [^]*<polyline class="accuracy"/)
  })

  it('goes on after kill -9, to the very bytes of the model, and prints lines of JSON', async () => {
    const [program, ...args] = [...NODE_COMMAND, ...run('killed'), '--json']
    const child = spawn(program ?? '', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface(child.stdout)
    let killed = ''
    lines.on('line', (line) => {
      if (killed !== '' || !line.includes('"phase":"stages"')) return
      killed = line
      child.kill('SIGKILL')
    })
    await once(child, 'close')
    assert.match(killed, /^\{"type":"epoch","phase":"stages","epoch":1,/)
    assert.deepEqual(readdirSync(join(folder, 'killed')), ['.training'])

    const { status, stdout } = await napiTorch([...run('killed'), '--json'])

    assert.equal(status, 0)
    const printed = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; epoch?: number })
    assert.deepEqual(
      printed.map(({ type, epoch }) => [type, epoch]),
      [
        ['epoch', 2],
        ['epoch', 3],
        ['end', undefined],
      ],
    )
    const [whole, resumed] = await Promise.all(
      ['whole', 'killed'].map((name) => readFile(join(folder, name, 'model.pth'))),
    )
    assert.ok(whole?.equals(resumed ?? Buffer.alloc(0)))
  })

  it('refuses to replace a model, unless it is forced to', async () => {
    const { status, stderr } = await napiTorch(run('whole'))

    assert.equal(status, 1)
    assert.match(stderr, /model\.pth: Exists already: choose another folder, or replace it by --force/)
  })

  it('prints curves, the confusion table and the command that serves', async () => {
    const { status, stdout } = await napiTorch([...run('printed'), '--epochs', '1'])

    assert.equal(status, 0)
    assert.match(stdout, /^accuracy +\d+\.\d\d % /)
    assert.match(stdout, /^loss +[▁-█]{4} +4 epochs/m)
    assert.match(stdout, /^Accuracy by class, with the number of images by predicted class$/m)
    assert.ok(stdout.endsWith(`serve it by:\n  napi-torch serve ${join(folder, 'printed', 'model.pth')}\n`), stdout)
  })

  itWithPython('writes what Python opens', () =>
    scope(async () => {
      const model = join(folder, 'whole', 'model.pth')
      const script = `
import sys, torch
state = torch.load(sys.argv[1], weights_only=True)
print(len(state), tuple(state['linear.weight'].shape), state['linear.bias'].sum().item())
`
      const state = await loadCheckpoint(model)
      const sum = Number(state.get('linear.bias')?.sum().item())

      const [entries, shape, theirs] = python(script, [model])
        .trim()
        .split(/ (?=\()|(?<=\)) /)

      assert.deepEqual([entries, shape], [String(state.size), '(3, 64)'])
      assert.ok(Math.abs(Number(theirs) - sum) < 1e-6)
    }),
  )
})
