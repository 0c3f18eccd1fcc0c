/**
 * Writes the files that this version of the package makes into test/compat/VERSION/: once for each release, before it. Later versions must
 * open them all, and compute what stands in expected.json.
 *
 * node --conditions=napi-torch-source --import tsx scripts/make_compat_files.ts
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import {
  compile,
  functional,
  ImagePreset,
  manualSeed,
  openModel,
  quantize,
  rand,
  saveCheckpoint,
  saveQuantized,
  saveSafetensors,
  tensor,
  type Tensor,
} from 'napi-torch'
import { SGD } from 'napi-torch/optim'

import { readPackageJson, ROOT } from './package/files.js'

const FOLDER = join(ROOT, 'test', 'compat', readPackageJson('package.json').version)

rmSync(FOLDER, { recursive: true, force: true })
mkdirSync(FOLDER, { recursive: true })

manualSeed(0)
// A ResNet of a few channels.
const { model, preset, labels, inputShape } = await openModel(join(ROOT, 'test/fixtures/hub/timm-resnet18'))
if (!(preset instanceof ImagePreset)) throw new Error('The folder has another preset')
const input = rand([1, ...inputShape])
const logitsOf = (output: Tensor): number[] => Array.from(output.flatten().toFloat32Array())

await saveSafetensors(join(FOLDER, 'input.safetensors'), new Map([['input', input]]))
await saveCheckpoint(join(FOLDER, 'model.pth'), model.stateDict())
await saveSafetensors(join(FOLDER, 'model.safetensors'), model.stateDict(), { metadata: preset.toMetadata() })
writeFileSync(join(FOLDER, 'preset.json'), `${JSON.stringify({ ...preset.toJSON(), labels }, null, 2)}\n`)
const expected: Record<string, number[]> = { model: logitsOf(model.forward(input)) }

const quantized = await quantize(model, { input: inputShape, calibrate: [input] })
await saveQuantized(join(FOLDER, 'quantized.safetensors'), quantized)
const engine = await compile(quantized)
expected['quantized'] = Array.from(await engine.run(input.toFloat32Array()))
await engine.close()

// What training saves: the state of the optimizer beside that of the model, after one step.
const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 })
model.train()
functional.crossEntropy(model.forward(input.repeat([2, 1, 1, 1])), tensor([0, 1], { dtype: 'int64' })).backward()
optimizer.step()
model.eval()
expected['trained'] = logitsOf(model.forward(input))
await saveCheckpoint(join(FOLDER, 'training.pth'), {
  epoch: 1,
  state_dict: model.stateDict(),
  optimizer: optimizer.stateDict(),
})

writeFileSync(
  join(FOLDER, 'server.yaml'),
  `port: 0
page: false
deadlineMs: 60000
models:
  - name: model
    checkpoint: model.pth
    maxBatchSize: 4
`,
)
writeFileSync(join(FOLDER, 'expected.json'), `${JSON.stringify(expected)}\n`)
