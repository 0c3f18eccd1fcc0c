import assert from 'node:assert/strict'

import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  Identity,
  Linear,
  MaxPool2d,
  randn,
  ReLU,
  scope,
  type DType,
  type Module,
  type Tensor,
} from 'napi-torch'

import { trace } from '../../../lib/engine/trace/trace.js'
import { applied } from '../../support/graphs.js'

const SHAPE = [2, 4, 9, 8]

const LAYERS: readonly [name: string, make: () => Module][] = [
  ['Conv2d', () => new Conv2d(4, 6, 3)],
  ['Conv2d with groups', () => new Conv2d(4, 6, 3, { groups: 2, stride: 2, padding: 1 })],
  ['Conv2d with kernels that lie channels last', () => new Conv2d(4, 6, 3).to({ memoryFormat: 'channels_last' })],
  ['Conv2d of 1×1', () => new Conv2d(4, 6, 1)],
  ['BatchNorm2d', () => new BatchNorm2d(4)],
  ['ReLU', () => new ReLU()],
  ['MaxPool2d', () => new MaxPool2d(3, { stride: 2, padding: 1 })],
  ['AvgPool2d', () => new AvgPool2d(2)],
  ['AdaptiveAvgPool2d', () => new AdaptiveAvgPool2d([3, 4])],
  ['AdaptiveAvgPool2d to a pixel', () => new AdaptiveAvgPool2d(1)],
  ['Linear', () => new Linear(8, 3)],
  ['a sum', () => applied((x) => x.add(x.clone()))],
  ['a sum of two layouts', () => applied((x) => x.add(x.transpose(-2, -1).contiguous().transpose(-2, -1)))],
  ['Identity', () => new Identity()],
]

const LAYOUTS: readonly [name: string, lay: (x: Tensor) => Tensor][] = [
  ['row by row', (x) => x],
  ['channels last', (x) => x.contiguous({ memoryFormat: 'channels_last' })],
  ['turned', (x) => x.transpose(0, 1).contiguous().transpose(0, 1)],
  ['as a part of a larger one', (x) => x.slice(2, 1).slice(3, 1)],
  ['as one image', (x) => x.select(0, 1)],
]

/** Tells whether a layer would refuse images of that layout, as they have another shape. */
function takesNot(name: string, layout: string): boolean {
  return layout === 'as one image'
    ? name === 'BatchNorm2d'
    : layout === 'as a part of a larger one' && name === 'Linear'
}

/** Strides of what a layer makes, when it is traced and when it is run. */
function stridesOf(layer: Module, lay: (x: Tensor) => Tensor, dtype: DType): { traced: unknown; eager: unknown } {
  const seen: unknown[] = []
  const model = applied(
    (x) => {
      const y = layer.forward(lay(x))
      seen.push({ shape: y.shape, strides: y.strides, dtype: y.dtype })
      return y.sum()
    },
    { layer },
  )
  trace(model, SHAPE, dtype)
  model.forward(randn(SHAPE, { dtype }))
  return { traced: seen[0], eager: seen[1] }
}

describe('trace() foretells the layout of', () => {
  for (const [name, make] of LAYERS) {
    for (const [layout, lay] of LAYOUTS) {
      if (takesNot(name, layout)) continue
      for (const dtype of ['float32', 'float64'] as const) {
        it(`${name} of ${dtype} images that lie ${layout}`, () =>
          scope(() => {
            const layer = make().to(dtype).eval()

            const { traced, eager } = stridesOf(layer, lay, dtype)

            assert.deepEqual(traced, eager)
          }))
      }
    }
  }
})
