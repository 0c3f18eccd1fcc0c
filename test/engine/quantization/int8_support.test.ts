import assert from 'node:assert/strict'

import { compile, Conv2d, quantize, randn, scope } from 'napi-torch'

import { evaluateModule } from '../../support/child.js'
import { skip } from '../../support/skip.js'

const COMPILE = `
  const { compile, Conv2d, quantize, randn, Sequential } = await import('napi-torch')
  const model = new Sequential(new Conv2d(3, 8, 3)).eval()
  const quantized = await quantize(model, { input: [3, 8, 8], calibrate: [randn([2, 3, 8, 8])] })
  const told = await compile(quantized).then(
    async (engine) => {
      await engine.close()
      return null
    },
    ({ code, message }) => ({ code, message }),
  )
  console.log(JSON.stringify(told))
`

describe('compile() of a quantized model', () => {
  it('refuses a CPU whose instructions cut off sums of products', async function () {
    if (process.arch !== 'x64') skip(this, 'only x64 has such CPUs')

    const told = await evaluateModule(COMPILE, { env: { ONEDNN_MAX_CPU_ISA: 'AVX2' } })

    assert.deepEqual(told, {
      code: 'TORCH_QUANTIZATION',
      message: 'This CPU has no VNNI instructions, or libtorch may not use them: sums of int8 products would overflow',
    })
  })

  it('holds on to nothing of the trial', async () => {
    await scope(async () => {
      const model = new Conv2d(3, 8, 3).eval()
      const quantized = await quantize(model, { input: [3, 8, 8], calibrate: [randn([2, 3, 8, 8])] })

      const engine = await compile(quantized)

      await engine.close()
      quantized.dispose()
      model.dispose()
    })
  })
})
