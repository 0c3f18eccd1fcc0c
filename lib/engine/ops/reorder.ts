import type { PlanArgument } from '../../libtorch/plan_spec.js'
import type { DType } from '../../util/dtype.js'
import { layoutOf, type Value } from '../graph.js'
import { UNIT_QPARAMS } from '../quantization/qparams.js'
import { literal, VALUE } from './fields.js'
import { literals, type Kernel } from './kernel.js'
import type { NodeBase, Op } from './op.js'

/** How a value is brought into another layout. */
export const REORDERS = ['convert', 'quantize', 'dequantize'] as const

/**
 * Gives the same elements another dtype or layout, or makes uint8 of floats and floats of uint8. Only `assignLayouts()` makes
 * such nodes, whose values have layouts.
 */
export interface ReorderNode extends NodeBase {
  readonly kind: 'reorder'
  readonly input: Value
  readonly operation: (typeof REORDERS)[number]
}

const kernel: Kernel<ReorderNode> = {
  reads: (_node, { dtype }) => ({ dtype }),
  writes: (_node, output) => ({ dtype: output.dtype, ...layoutOf(output) }),
  emit: (node, plan) => {
    const { input, output, operation } = node
    if (operation !== 'convert') {
      const { qparams } = layoutOf(operation === 'quantize' ? output : input)
      plan.uint8(node, { kind: operation, ...(qparams ?? UNIT_QPARAMS) })
      return
    }
    const format = { literal: layoutOf(output).isChannelsLast ? 'channels_last' : null }
    if (changesDType(node)) {
      plan.call(node, 'ATen', {
        schema: 'aten::_to_copy',
        args: toCopyArguments(plan.read(input), output.dtype, format),
      })
    } else {
      plan.call(node, 'ATen', { schema: 'aten::contiguous', args: [plan.read(input), format] })
    }
  },
}

export const reorder: Op<ReorderNode> = {
  kind: 'reorder',
  fields: {
    input: VALUE,
    operation: literal((json, { wrong }) => {
      const known = REORDERS.find((name) => name === json)
      if (known === undefined) throw wrong(`one of ${REORDERS.join(', ')}`, json)
      return known
    }),
  },
  record: {},
  absorbs: [],
  title: ({ operation }) => operation,
  shape: ({ input }) => input.shape,
  eager: ({ input, output, operation }, lookup) => {
    const tensor = lookup(input)
    if (operation === 'convert') return [tensor.to(output.dtype)]
    const { scale, zeroPoint } = layoutOf(operation === 'quantize' ? output : input).qparams ?? UNIT_QPARAMS
    if (operation === 'dequantize') return [tensor.float().sub(zeroPoint).mul(scale)]
    // Rounds half up, where the native kernel rounds half to even.
    const rounded = tensor.div(scale).add(zeroPoint + 0.5)
    return [rounded.clamp({ min: 0, max: MAX_UINT8 }).to('uint8')]
  },
  // What has the dtype and layout already is not copied.
  mayAlias: (node) => node.operation === 'convert' && !changesDType(node),
  kernels: { aten: kernel },
}

/** Largest uint8. */
const MAX_UINT8 = 255

/** The arguments of `aten::_to_copy`. */
export function toCopyArguments(source: PlanArgument, dtype: DType, memoryFormat: PlanArgument): PlanArgument[] {
  return [source, ...literals(dtype, null, null, null, false), memoryFormat]
}

function changesDType({ input, output }: ReorderNode): boolean {
  return input.dtype !== output.dtype
}
