import assert from 'node:assert/strict'

import {
  cuda,
  functional as F,
  manualSeed,
  randn,
  resnet18,
  resnet18Cifar,
  scope,
  tensor,
  type Module,
  type Tensor,
} from 'napi-torch'

import { itWithCuda } from '../../support/cuda.js'
import { randomizeNorms } from '../../support/graphs.js'
import { assertClose } from '../../support/numeric.js'

// Convolutions and matrix products in float32 may compute with TF32, which has 10 bits, as PyTorch lets cuDNN.
const TOLERANCE = { float32: 5e-3, bfloat16: 4e-2, float16: 5e-3 } as const

/** Computes on both devices, and compares within a part of the largest element. */
function assertAgrees(body: (...tensors: Tensor[]) => Tensor, inputs: readonly Tensor[], tolerance = 1e-5): void {
  const wanted = body(...inputs)
  const received = body(...inputs.map((input) => input.cuda()))

  assert.equal(received.device, 'cuda:0')
  assert.equal(received.dtype, wanted.dtype)
  const scale = Math.max(wanted.float().abs().max().item(), 1)
  assertClose(received.cpu().float(), wanted.float(), { atol: tolerance * scale })
}

type Row = readonly [name: string, body: (...tensors: Tensor[]) => Tensor, shapes: readonly (readonly number[])[]]

const OPERATORS: readonly Row[] = [
  ['add, sub, mul, div', (a, b) => a.add(b).sub(2).mul(b).div(3), [[3, 5], [5]]],
  ['exp, log, sqrt, abs', (a) => a.abs().add(1).log().sqrt().exp(), [[4, 7]]],
  ['sigmoid, tanh, neg, clamp', (a) => a.sigmoid().tanh().neg().clamp({ min: -0.5 }), [[4, 7]]],
  ['sum, mean, amax', (a) => a.sum({ dim: 0 }).add(a.mean({ dim: 0 })), [[6, 4]]],
  ['argmax', (a) => a.argmax({ dim: 1 }), [[6, 4]]],
  ['softmax', (a) => F.softmax(a, 1), [[6, 4]]],
  ['views', (a) => a.transpose(0, 1).reshape([2, 6]).flip([1]).slice(1, 1, 5), [[3, 4]]],
  ['relu', (a) => F.relu(a), [[6, 4]]],
  ['maxPool2d', (a) => F.maxPool2d(a, 3, { stride: 2, padding: 1 }), [[2, 3, 9, 9]]],
  ['avgPool2d', (a) => F.avgPool2d(a, 2), [[2, 3, 8, 8]]],
  ['adaptiveAvgPool2d', (a) => F.adaptiveAvgPool2d(a, 1), [[2, 3, 9, 9]]],
]
const PRODUCTS: readonly Row[] = [
  [
    'matmul',
    (a, b) => a.matmul(b),
    [
      [7, 33],
      [33, 5],
    ],
  ],
  ['linear', (a, w, b) => F.linear(a, w, { bias: b }), [[7, 33], [5, 33], [5]]],
  [
    'conv2d',
    (a, w) => F.conv2d(a, w, { stride: 2, padding: 1 }),
    [
      [2, 6, 9, 9],
      [8, 6, 3, 3],
    ],
  ],
  [
    'conv2d with groups and dilation',
    (a, w) => F.conv2d(a, w, { groups: 2, dilation: 2 }),
    [
      [2, 6, 9, 9],
      [8, 3, 3, 3],
    ],
  ],
]

describe('nn on CUDA', () => {
  for (const [rows, tolerance] of [
    [OPERATORS, 1e-5],
    [PRODUCTS, 5e-3],
  ] as const) {
    for (const [name, body, shapes] of rows) {
      itWithCuda(`computes ${name} as the CPU does within ${tolerance}`, () =>
        scope(() => {
          manualSeed(1n)
          assertAgrees(
            body,
            shapes.map((shape) => randn(shape)),
            tolerance,
          )
        }),
      )
    }
  }

  const nets: readonly [name: string, make: () => Module, shape: readonly number[]][] = [
    ['resnet18', () => resnet18(), [2, 3, 224, 224]],
    ['resnet18Cifar', () => resnet18Cifar(), [2, 3, 32, 32]],
  ]
  for (const [name, make, shape] of nets) {
    for (const dtype of ['float32', 'bfloat16', 'float16'] as const) {
      for (const memoryFormat of ['contiguous_format', 'channels_last'] as const) {
        itWithCuda(`runs ${name} in ${dtype} and ${memoryFormat} as the CPU does in float32`, () =>
          scope(() => {
            manualSeed(2n)
            const model = randomizeNorms(make().eval())
            const batch = randn(shape)
            const wanted = model.forward(batch)
            model.to({ device: 'cuda', dtype, memoryFormat })

            const received = model.forward(batch.to({ device: 'cuda', dtype, memoryFormat }))

            const scale = wanted.abs().max().item() as number
            assertClose(received.cpu().float(), wanted, { atol: TOLERANCE[dtype] * scale })
            model.dispose()
          }),
        )
      }
    }
  }

  itWithCuda('goes on after the device had not the memory', () =>
    scope(() => {
      const model = resnet18Cifar().eval().cuda()
      const small = randn([1, 3, 32, 32], { device: 'cuda' })

      assert.throws(() => model.forward(small.expand([2 ** 22, 3, 32, 32])), { code: 'TORCH_OUT_OF_MEMORY' })

      assert.ok(model.forward(small).isfinite().toArray().every(Boolean))
      model.dispose()
    }),
  )

  itWithCuda('refuses tensors of two devices', () =>
    scope(() => {
      assert.throws(
        () =>
          tensor([1, 2])
            .cuda()
            .add(tensor([1, 2])),
        { code: 'TORCH_OPERATOR' },
      )
      cuda.synchronize()
    }),
  )
})
