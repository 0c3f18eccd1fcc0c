import assert from 'node:assert/strict'
import { join } from 'node:path'

import { readModel } from '../../lib/model/read.js'
import { runModule } from '../support/child.js'
import { CHECKPOINT } from '../support/fashion_mnist.js'

describe('readModel()', function () {
  this.timeout(30_000)

  it('describes the model of a checkpoint', async () => {
    const { architecture, presetName, labelsName, labels, source, metadata } = await readModel(CHECKPOINT)

    assert.deepEqual(
      [architecture.name, presetName, labelsName, labels?.[9], source, metadata],
      ['resnet18Cifar', 'fashion-mnist', 'preset.json', 'Ankle boot', '', null],
    )
  })

  it('needs no libtorch', async () => {
    const { status, stdout, stderr } = await runModule(
      `import { readModel } from 'napi-torch/internal'
       console.log((await readModel(${JSON.stringify(CHECKPOINT)})).architecture.name)`,
      { env: { NAPI_TORCH_LIBTORCH: join('/no', 'libtorch') } },
    )

    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: 'resnet18Cifar\n', stderr: '' })
  })

  it('refuses unknown options, and another architecture than arch', async () => {
    await assert.rejects(readModel(CHECKPOINT, { device: 'cpu' } as object), {
      code: 'TORCH_INVALID_ARGUMENT',
      message:
        'Expected options among key, wholeModule, prefix, stem, arch, module, preset, labels, activation, exifOrientation, invert for readModel(), received "device"',
    })
    await assert.rejects(readModel(CHECKPOINT, { arch: 'resnet18' }), {
      code: 'TORCH_ARCHITECTURE',
      message: `Expected the architecture resnet18 in ${CHECKPOINT}, found resnet18Cifar`,
    })
  })
})
