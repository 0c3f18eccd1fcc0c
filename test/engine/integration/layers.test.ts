import * as nn from 'napi-torch'

import { assertClose } from '../../support/numeric.js'

const IMAGE = [4, 8, 8]

/** Layers that call operators of libtorch by their schemas, and the shape of a sample. */
const LAYERS: readonly (readonly [title: string, make: () => nn.Module, shape?: readonly number[]])[] = [
  ['ReLU6 in place', () => new nn.ReLU6({ inplace: true })],
  ['SiLU in place', () => new nn.SiLU({ inplace: true })],
  ['GELU', () => new nn.GELU({ approximate: 'tanh' })],
  ['Hardswish in place', () => new nn.Hardswish({ inplace: true })],
  ['Hardsigmoid', () => new nn.Hardsigmoid()],
  ['LeakyReLU', () => new nn.LeakyReLU(0.2)],
  ['ELU in place', () => new nn.ELU({ inplace: true })],
  ['PReLU', () => new nn.PReLU(4)],
  ['Softplus', () => new nn.Softplus()],
  ['Mish', () => new nn.Mish()],
  ['LayerNorm', () => new nn.LayerNorm(8)],
  ['GroupNorm', () => new nn.GroupNorm(2, 4)],
  ['InstanceNorm2d', () => new nn.InstanceNorm2d(4, { affine: true })],
  ['Conv1d', () => new nn.Conv1d(4, 6, 3, { padding: 'same', paddingMode: 'reflect' }), [4, 9]],
  ['ConvTranspose2d', () => new nn.ConvTranspose2d(4, 3, 2, { stride: 2 })],
  ['ReflectionPad2d', () => new nn.ReflectionPad2d(1)],
  ['Upsample', () => new nn.Upsample({ scaleFactor: 2, mode: 'bilinear' })],
  ['PixelShuffle', () => new nn.PixelShuffle(2)],
  ['AdaptiveMaxPool2d', () => new nn.AdaptiveMaxPool2d(3)],
  ['Unfold', () => new nn.Unfold(3)],
  ['Unflatten', () => new nn.Unflatten(1, [2, 2])],
  [
    'Dropout2d, DropPath and StochasticDepth in evaluation mode',
    () => {
      return new nn.Sequential(
        new nn.Dropout2d(),
        new nn.DropPath(0.5),
        new nn.StochasticDepth(0.5, 'row'),
        new nn.SiLU(),
      )
    },
  ],
]

describe('compile() of layers', () => {
  for (const [title, make, shape = IMAGE] of LAYERS) {
    for (const kernels of ['native', 'aten'] as const) {
      it(`gives what forward() of ${title} gives, with ${kernels} kernels`, async () => {
        const model = make().eval()
        const input = nn.randn([3, ...shape])
        const engine = await nn.compile(model, { input: shape, kernels })
        try {
          const output = await engine.run(input)
          nn.scope(() => assertClose(output, model.forward(input.clone()), { atol: 1e-5 }))
          output.dispose()
        } finally {
          await engine.close()
          model.dispose()
          input.dispose()
        }
      })
    }
  }
})
