import assert from 'node:assert/strict'

import { compile, fromArray, manualSeed, memory, randn, resnet18, resnet18Cifar, scope, type Module } from 'napi-torch'

import { native } from '../../../lib/libtorch/binding.js'
import type { PlanSpec } from '../../../lib/libtorch/plan_spec.js'
import { Constants } from '../../../lib/engine/plan/constants.js'
import { lower } from '../../../lib/engine/plan/lower.js'
import { optimize } from '../../../lib/engine/passes/optimize.js'
import { trace } from '../../../lib/engine/trace/trace.js'
import { Branches, OUTPUTS, SAMPLE, samples, smallModel } from '../../support/engines.js'
import { randomizeNorms } from '../../support/graphs.js'
import { assertClose } from '../../support/numeric.js'

// What plans for another device do is tried here with the CPU as that device: all but the recording. The rest is in
// cuda.test.ts.

/** Calls `body` with the specification of a plan as for CUDA, but with the CPU as device. */
function withSpec<T>(model: Module, shape: readonly number[], dtype: Dtype, body: (spec: PlanSpec) => T): T {
  return scope(() => {
    const graph = optimize(trace(model, shape))
    const constants = new Constants()
    constants.add(graph)
    try {
      return body({ ...lower(graph, constants, { kernels: 'cudnn', dtype, tuned: true }).spec, device: 'cpu' })
    } finally {
      constants.dispose()
    }
  })
}

/** Runs a plan three times on the same batch, and gives what came last and what the plan says of itself. */
function runThrice(spec: PlanSpec, batch: Float32Array): { output: Float32Array; note: string } {
  const plan = native.createPlan(spec)
  const engine = native.createEngine(2, 'cpu')
  const length = spec.values[spec.output]?.shape.reduce((product, size) => product * size, 1) ?? 0
  try {
    const output = new Float32Array(length)
    for (let run = 0; run < 3; run++) native.runPlansSync(engine, [plan], batch, output.fill(NaN))
    return { output, note: native.planNote(plan) }
  } finally {
    native.disposePlan(plan)
    native.disposeEngine(engine)
  }
}

type Dtype = 'float32' | 'bfloat16'
// Of the largest output: folding changes the order of roundings, and bfloat16 has 8 bits.
const TOLERANCE = { float32: 1e-5, bfloat16: 4e-2 } as const

describe('a plan for another device', () => {
  const nets: readonly [name: string, make: () => Module, shape: readonly number[]][] = [
    ['resnet18', () => resnet18(), [2, 3, 64, 64]],
    ['resnet18Cifar', () => resnet18Cifar(), [3, 3, 32, 32]],
    ['a model of operators without kernels', () => new Branches(), [3, 3, 8, 8]],
  ]
  for (const [name, make, shape] of nets) {
    for (const dtype of ['float32', 'bfloat16'] as const) {
      it(`computes ${name} in ${dtype} as forward() does within ${TOLERANCE[dtype]}`, () => {
        manualSeed(5n)
        scope(() => {
          const model = randomizeNorms(make().eval())
          const batch = randn(shape)
          const wanted = model.forward(batch)

          const { output } = withSpec(model, shape, dtype, (spec) => runThrice(spec, batch.toFloat32Array()))

          const scale = wanted.abs().max().item() as number
          assertClose(fromArray(output, wanted.shape), wanted, { atol: TOLERANCE[dtype] * scale })
          model.dispose()
        })
      })
    }
  }

  it('lets NaN and infinities flow', () => {
    scope(() => {
      const model = smallModel()
      const batch = samples(2)
      batch.set([NaN, Infinity])
      const wanted = model.forward(fromArray(batch, [2, ...SAMPLE]))

      const { output } = withSpec(model, [2, ...SAMPLE], 'float32', (spec) => runThrice(spec, batch))

      assertClose(fromArray(output, [2, OUTPUTS]), wanted, { atol: 1e-5 })
      model.dispose()
    })
  })

  it('says that the CPU records nothing, and before it is prepared nothing', () => {
    scope(() => {
      const model = smallModel()
      const notes = withSpec(model, [1, ...SAMPLE], 'float32', (spec) => {
        const plan = native.createPlan(spec)
        const before = native.planNote(plan)
        native.disposePlan(plan)
        return [before, runThrice(spec, samples(1)).note]
      })

      assert.deepEqual(notes, ['', 'not recorded, as the process has no graphs for this device'])
      model.dispose()
    })
  })

  it('keeps the layout that cuDNN is fastest with from one convolution to the next', () => {
    scope(() => {
      const model = resnet18().eval()
      const converted = withSpec(model, [2, 3, 64, 64], 'float32', ({ steps }) =>
        steps.filter((step) => step.kind === 'aten' && step.schema === 'aten::contiguous'),
      )

      // That of the image alone.
      assert.equal(converted.length, 1)
      model.dispose()
    })
  })
})

describe('compile() for CUDA', () => {
  const refusals: readonly [options: object, message: string][] = [
    [{ device: 'cuda', kernels: 'native' }, `Expected 'cudnn' or 'aten' for kernels on cuda, received "native"`],
    [{ device: 'cuda:1', kernels: 'onednn' }, `Expected 'cudnn' or 'aten' for kernels on cuda:1, received "onednn"`],
    [{ kernels: 'cudnn' }, `Expected 'native', 'onednn' or 'aten' for kernels on the CPU, received "cudnn"`],
    [{ dtype: 'float16' }, `Expected 'float32' or 'bfloat16' for dtype on the CPU, received "float16"`],
    [{ device: 'gpu' }, `Expected 'cpu', 'cuda' or 'cuda:N' for device, received "gpu"`],
  ]
  for (const [options, message] of refusals) {
    it(`refuses ${JSON.stringify(options)}`, async () => {
      const model = smallModel()

      await assert.rejects(compile(model, { input: SAMPLE, ...options }), { code: 'TORCH_INVALID_ARGUMENT', message })

      model.dispose()
    })
  }

  it('misses a device that is not there before it takes memory', async () => {
    const model = smallModel()
    const before = memory()

    await assert.rejects(compile(model, { input: SAMPLE, device: 'cuda:99' }), { code: 'TORCH_CUDA_UNAVAILABLE' })

    assert.deepEqual(memory(), before)
    model.dispose()
  })
})
