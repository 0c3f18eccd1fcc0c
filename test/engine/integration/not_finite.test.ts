import assert from 'node:assert/strict'

import {
  BatchNorm2d,
  compile,
  Conv2d,
  Flatten,
  functional as F,
  Linear,
  manualSeed,
  MaxPool2d,
  randn,
  ReLU,
  scope,
  Sequential,
  type Module,
  type Tensor,
} from 'napi-torch'

import { availableInstructionSets } from '../../../lib/engine/tune/instruction_set.js'
import { applied } from '../../support/graphs.js'

const INPUT = [32, 9, 10]

interface Form {
  readonly name: string
  readonly model: () => Module
}

const conv = (inputs: number, outputs: number, groups = 1): Conv2d =>
  new Conv2d(inputs, outputs, 3, { padding: 1, groups })

/** A block whose sum may be Inf − Inf: one side is the negative of the other. */
function difference(groups: number): Module {
  const one = conv(32, 32, groups)
  return applied((x) => F.relu(one.forward(x).add(x.mul(-1))), { one })
}

function sum(groups: number): Module {
  const [one, two] = [conv(32, 32, groups), conv(32, 32)]
  return applied((x: Tensor) => F.relu(one.forward(x).add(two.forward(x))), { one, two })
}

const FORMS: readonly Form[] = [
  { name: 'conv, relu', model: () => new Sequential(conv(32, 64), new ReLU()) },
  { name: 'conv, add, relu', model: () => sum(1) },
  { name: 'grouped conv, add, relu', model: () => sum(4) },
  { name: 'depthwise conv, add, relu', model: () => sum(32) },
  { name: 'conv, add of the negative input, relu', model: () => difference(1) },
  { name: 'grouped conv, add of the negative input, relu', model: () => difference(8) },
  {
    name: 'grouped conv, bn, relu, pool',
    model: () => new Sequential(conv(32, 64, 4), new BatchNorm2d(64), new ReLU(), new MaxPool2d(2)),
  },
  {
    name: 'depthwise conv, bn, relu, pool with padding',
    model: () =>
      new Sequential(conv(32, 32, 32), new BatchNorm2d(32), new ReLU(), new MaxPool2d(3, { stride: 2, padding: 1 })),
  },
  { name: 'pool', model: () => new Sequential(conv(32, 8), new MaxPool2d(3, { stride: 2, padding: 1 })) },
  { name: 'linear, relu', model: () => new Sequential(new Flatten(), new Linear(2880, 64), new ReLU()) },
]

const TARGETS = [
  ...availableInstructionSets().map(
    (instructionSet) => ({ kernels: 'native', dtype: 'float32', instructionSet }) as const,
  ),
  { kernels: 'onednn', dtype: 'float32' },
  { kernels: 'onednn', dtype: 'bfloat16' },
  { kernels: 'aten', dtype: 'float32' },
] as const

/** NaN in the first sample, both infinities in the second, sums that overflow in the third, nothing in the last. */
function batchOf(): Tensor {
  const batch = randn([4, ...INPUT])
  batch.select(0, 0).select(0, 3).select(0, 4).select(0, 5).fill_(NaN)
  batch.select(0, 1).select(0, 1).select(0, 2).select(0, 2).fill_(Infinity)
  batch.select(0, 1).select(0, 30).select(0, 7).select(0, 7).fill_(-Infinity)
  batch.select(0, 2).select(0, 5).fill_(3.3e38)
  return batch
}

/** `.`, `+`, `-` or `N` for each element: a finite number, an infinity, NaN. */
function kindsOf(values: Float32Array): string {
  return Array.from(values, (value) =>
    Number.isNaN(value) ? 'N' : value === Infinity ? '+' : value === -Infinity ? '-' : '.',
  ).join('')
}

describe('NaN and infinities in a compiled model', () => {
  for (const target of TARGETS) {
    const set = 'instructionSet' in target ? `, ${target.instructionSet}` : ''
    for (const { name, model: make } of FORMS) {
      it(`pass ${name} as in forward(): ${target.kernels} in ${target.dtype}${set}`, async () => {
        await scope(async () => {
          manualSeed(5)
          const model = make().eval()
          const batch = batchOf()
          const wanted = model.forward(batch).toFloat32Array()
          const engine = await compile(model, { input: INPUT, ...target, autotune: false, warmup: false })

          const received = (await engine.run(batch)).toFloat32Array()

          await engine.close()
          assert.match(kindsOf(wanted), /N/)
          if (target.dtype === 'float32') {
            assert.equal(kindsOf(received), kindsOf(wanted))
            return
          }
          // In bfloat16 NaN may reach the neighbors, see docs/engine.md: never does it get lost, nor into another sample.
          const lost = wanted.findIndex((value, index) => Number.isNaN(value) && !Number.isNaN(received[index]))
          assert.equal(lost, -1)
          assert.match(kindsOf(received.subarray((received.length / 4) * 3)), /^\.+$/)
        })
      })
    }
  }
})
