import { functional as F, type Tensor } from 'napi-torch'

import { describeCalls, type PythonCall } from '../../support/python_calls.js'

const IMAGES = [2, 4, 9, 8]
const HEADS = [2, 3, 5, 8]

const one = (python: string, call: (x: Tensor) => Tensor, shape: readonly number[] = IMAGES): PythonCall => ({
  ...{ python, call, inputs: [shape], atol: 2e-6 },
})

describeCalls('functional.interpolate', [
  ...(['nearest', 'nearest-exact', 'area'] as const).flatMap((mode) => [
    one(`F.interpolate(x, scale_factor=1.7, mode='${mode}')`, (x) => F.interpolate(x, { scaleFactor: 1.7, mode })),
    one(`F.interpolate(x, size=4, mode='${mode}')`, (x) => F.interpolate(x, { size: 4, mode }), [2, 4, 9]),
    one(`F.interpolate(x, size=4, mode='${mode}')`, (x) => F.interpolate(x, { size: 4, mode }), [1, 2, 3, 4, 5]),
  ]),
  ...(['bilinear', 'bicubic'] as const).flatMap((mode) => [
    one(`F.interpolate(x, size=(5, 11), mode='${mode}')`, (x) => F.interpolate(x, { size: [5, 11], mode })),
    one(`F.interpolate(x, scale_factor=(0.6, 1.3), mode='${mode}', align_corners=True)`, (x) =>
      F.interpolate(x, { scaleFactor: [0.6, 1.3], mode, alignCorners: true }),
    ),
    one(`F.interpolate(x, scale_factor=0.4, mode='${mode}', antialias=True)`, (x) =>
      F.interpolate(x, { scaleFactor: 0.4, mode, antialias: true }),
    ),
    one(`F.interpolate(x, scale_factor=1.3, mode='${mode}', recompute_scale_factor=True)`, (x) =>
      F.interpolate(x, { scaleFactor: 1.3, mode, recomputeScaleFactor: true }),
    ),
  ]),
  one(
    "F.interpolate(x, scale_factor=2, mode='trilinear')",
    (x) => F.interpolate(x, { scaleFactor: 2, mode: 'trilinear' }),
    [...[1, 2, 3, 4, 5]],
  ),
])

describeCalls('functional.gridSample', [
  ...(['bilinear', 'nearest', 'bicubic'] as const).flatMap((mode) =>
    (['zeros', 'border', 'reflection'] as const).map((paddingMode): PythonCall => ({
      python: `F.grid_sample(x, y, mode='${mode}', padding_mode='${paddingMode}', align_corners=${
        mode === 'bilinear' ? 'True' : 'False'
      })`,
      call: (x, y) => F.gridSample(x, y, { mode, paddingMode, alignCorners: mode === 'bilinear' }),
      inputs: [IMAGES, [2, 3, 5, 2]],
      atol: 1e-5,
    })),
  ),
])

const attention = (python: string, call: (q: Tensor, k: Tensor, v: Tensor) => Tensor): PythonCall => ({
  python: `F.scaled_dot_product_attention(x, y, z${python})`,
  call,
  inputs: [HEADS, HEADS, HEADS],
})

describeCalls('functional.scaledDotProductAttention', [
  attention('', (q, k, v) => F.scaledDotProductAttention(q, k, v)),
  attention(', is_causal=True', (q, k, v) => F.scaledDotProductAttention(q, k, v, { isCausal: true })),
  attention(', scale=0.5', (q, k, v) => F.scaledDotProductAttention(q, k, v, { scale: 0.5 })),
  attention(', attn_mask=torch.ones(5, 5).tril().bool()', (q, k, v) =>
    F.scaledDotProductAttention(q, k, v, {
      attnMask: F.pad(q, [0, -3]).select(0, 0).select(0, 0).mul(0).add(1).tril().bool(),
    }),
  ),
])

describeCalls('functional', [
  one('F.normalize(x)', (x) => F.normalize(x)),
  one('F.normalize(x, p=1.0, dim=(2, 3))', (x) => F.normalize(x, { p: 1, dim: [2, 3] })),
  one('F.one_hot(x.abs().mul(3).long())', (x) => F.oneHot(x.abs().mul(3).long()), [5]),
  one('F.one_hot(x.abs().long(), 7)', (x) => F.oneHot(x.abs().long(), 7), [2, 3]),
  one('F.hardtanh(x, -0.5, 0.25)', (x) => F.hardtanh(x, { minVal: -0.5, maxVal: 0.25 })),
  one('F.dropout2d(x, 0.3)', (x) => F.dropout2d(x, 0.3)),
  one('F.dropout2d(x, training=False)', (x) => F.dropout2d(x, { training: false })),
  one('F.instance_norm(x)', (x) => F.instanceNorm(x), [2, 3, 7]),
  one('F.unfold(x, (2, 3), stride=(1, 2))', (x) => F.unfold(x, [2, 3], { stride: [1, 2] })),
])
