import type { Value } from '../graph.js'
import { atenKernel } from './aten_kernel.js'
import { VALUE } from './fields.js'
import type { NodeBase, Op } from './op.js'

/** Gives the same elements, in row-major order, the shape of the output. */
export interface ReshapeNode extends NodeBase {
  readonly kind: 'reshape'
  readonly input: Value
}

export const reshape: Op<ReshapeNode> = {
  kind: 'reshape',
  fields: { input: VALUE },
  // Views of whole tensors are recorded in trace/views.ts: most of the binding's functions that make them share a rule.
  record: {},
  absorbs: [],
  shape: ({ input, output }) => (elementsOf(input) === elementsOf(output) ? output.shape : null),
  eager: ({ input, output }, lookup) => [lookup(input).reshape(output.shape)],
  mayAlias: () => true,
  kernels: {
    aten: atenKernel('view', ({ input, output }, plan) => ({
      schema: 'aten::reshape',
      args: [plan.read(input), { literal: output.shape }],
    })),
    native: {
      // A buffer has no shape but that of an image: (N, C, 1, 1) and (N, C) are one.
      supports: ({ input, output }) => isPixel(input) && isPixel(output),
      isAlias: true,
      operation: () => {
        throw new TypeError('A reshape of one pixel is no operation')
      },
    },
  },
}

/** Tells whether a value holds vectors: (N, C) or (N, C, 1, 1). */
function isPixel({ shape: [, , height = 1, width = 1] }: Value): boolean {
  return height === 1 && width === 1
}

function elementsOf({ shape }: Value): number {
  return shape.reduce((product, size) => product * size, 1)
}
