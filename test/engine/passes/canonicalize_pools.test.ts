import { AdaptiveAvgPool2d, AvgPool2d, functional as F } from 'napi-torch'

import { canonicalizePools } from '../../../lib/engine/passes/canonicalize_pools.js'
import { applied, itRewrites } from '../../support/graphs.js'

describe('canonicalizePools()', () => {
  const pooled = ['globalAvgPool']
  itRewrites(canonicalizePools, [
    { name: 'finds adaptive pooling to one pixel', model: () => new AdaptiveAvgPool2d(1), kinds: pooled },
    { name: 'finds a window that covers all', model: () => new AvgPool2d([6, 5]), kinds: pooled },
    { name: 'finds a mean over height and width', model: () => applied((x) => x.mean({ dim: [2, 3] })), kinds: pooled },
    {
      name: 'finds a mean over width and height that keeps its dimensions',
      model: () => applied((x) => x.mean({ dim: [-1, -2], keepdim: true })),
      kinds: pooled,
    },
    {
      name: 'finds a mean over height and width that were joined',
      model: () => applied((x) => x.flatten(2).mean({ dim: -1 })),
      kinds: pooled,
    },
    {
      name: 'takes over the shape that follows',
      model: () => applied((x) => F.adaptiveAvgPool2d(x, 1).flatten(1)),
      kinds: pooled,
    },
    {
      name: 'leaves a shape that is neither (N, C) nor (N, C, 1, 1)',
      model: () => applied((x) => F.adaptiveAvgPool2d(x, 1).flatten()),
      kinds: ['globalAvgPool', 'reshape'],
    },
    {
      name: 'makes adaptive pooling with windows of one size plain',
      model: () => new AdaptiveAvgPool2d([2, 5]),
      kinds: ['avgPool2d'],
    },
    {
      name: 'leaves adaptive pooling with windows of several sizes',
      model: () => new AdaptiveAvgPool2d([4, 5]),
      kinds: ['aten::adaptive_avg_pool2d'],
    },
    {
      name: 'leaves adaptive pooling with windows of several widths',
      model: () => new AdaptiveAvgPool2d([2, 3]),
      kinds: ['aten::adaptive_avg_pool2d'],
    },
    {
      name: 'leaves a mean over more than height and width',
      model: () => applied((x) => x.view([2, 4, 6, 5, 1]).flatten(2).mean({ dim: 2 })),
      kinds: ['reshape', 'reshape', 'aten::mean.dim'],
    },
    {
      name: 'leaves a window with padding',
      model: () => new AvgPool2d([6, 5], { padding: 1, stride: 9 }),
      kinds: ['avgPool2d'],
    },
    {
      name: 'leaves a window with a divisor of its own',
      model: () => new AvgPool2d([6, 5], { divisorOverride: 2 }),
      kinds: ['avgPool2d'],
    },
    {
      name: 'leaves a mean over other dimensions',
      model: () => applied((x) => x.mean({ dim: [1, 2] }).add(x.mean({ dim: 3 }).sum())),
      kinds: ['aten::mean.dim', 'aten::mean.dim', 'aten::sum.dim_IntList', 'aten::add.Tensor'],
    },
    {
      name: 'leaves a mean of all',
      model: () => applied((x) => x.mean()),
      kinds: ['aten::mean.dim'],
    },
    {
      name: 'leaves a mean in another dtype',
      model: () => applied((x) => x.mean({ dim: [2, 3], dtype: 'float32' })),
      kinds: ['aten::mean.dim'],
    },
    {
      name: 'leaves a mean over height and width that were joined in another dtype',
      model: () => applied((x) => x.flatten(2).mean({ dim: 2, dtype: 'float32' })),
      kinds: ['reshape', 'aten::mean.dim'],
    },
    {
      name: 'leaves a mean over dimensions that were joined otherwise',
      model: () => applied((x) => x.flatten(1, 2).mean({ dim: 2 })),
      kinds: ['reshape', 'aten::mean.dim'],
    },
  ])
})
