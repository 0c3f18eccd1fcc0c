import { native } from '../../libtorch/binding.js'
import type { PlanSpec } from '../../libtorch/plan_spec.js'
import { TorchError } from '../../util/errors.js'
import { scope } from '../../util/scope.js'
import { full, zeros } from '../../tensor/creation.js'
import { handleOf } from '../../tensor/handle.js'

let isExact: boolean | undefined

/**
 * Checks by one small convolution that this libtorch has the int8 operators, and that they are exact on this CPU: without VNNI
 * instructions sums of two products are cut off at 16 bits.
 *
 * @throws {TorchError} `TORCH_QUANTIZATION`
 */
export function checkInt8Support(): void {
  isExact ??= convolveLargest() === MAX_SUM
  if (isExact) return
  const text = 'This CPU has no VNNI instructions, or libtorch may not use them: sums of int8 products would overflow'
  throw new TorchError('TORCH_QUANTIZATION', text)
}

const CHANNELS = 64
const SIZE = 4
const KERNEL = 3
const INPUT = 255
const WEIGHT = 127
const MAX_SUM = INPUT * WEIGHT * CHANNELS * KERNEL * KERNEL

/** Sums products of the largest uint8 and int8. */
function convolveLargest(): number {
  return scope(() => {
    const weight = full([CHANNELS, CHANNELS, KERNEL, KERNEL], WEIGHT, { dtype: 'int8' })
    const [scales, zeroPoints] = [full([CHANNELS], 1), zeros([CHANNELS], { dtype: 'int64' })]
    const constants = [weight, scales, zeroPoints].map((tensor) => ({ constant: handleOf(tensor) }))
    const [weightArgument, scaleArgument, zeroArgument] = constants
    if (weightArgument === undefined || scaleArgument === undefined || zeroArgument === undefined) return NaN
    const shape = [1, CHANNELS, SIZE, SIZE]
    const unit = [{ literal: 1 }, { literal: 0 }]
    const geometry = [[1, 1], [1, 1], [1, 1], 1].map((literal) => ({ literal }))
    const rest = [{ literal: null }, ...geometry, ...unit, { literal: 'float32' }, { literal: 'none' }]
    const postOps = [{ literal: [] }, { literal: '' }]
    const spec: PlanSpec = {
      device: null,
      tuned: false,
      values: [
        { shape, dtype: 'float32' },
        { shape, dtype: 'uint8' },
        { shape: weight.shape, dtype: 'int8' },
        { shape, dtype: 'float32' },
      ],
      input: 0,
      output: 3,
      outputDtype: 'float32',
      preparation: [
        {
          kind: 'aten',
          schema: 'onednn::qconv_prepack',
          args: [weightArgument, scaleArgument, ...unit, ...geometry, { literal: shape }],
          outputs: [2],
          dead: [],
        },
      ],
      steps: [
        { kind: 'quantize', input: 0, output: 1, scale: 1, zeroPoint: 0, dead: [] },
        {
          kind: 'aten',
          schema: 'onednn::qconv2d_pointwise',
          args: [{ value: 1 }, ...unit, { value: 2 }, scaleArgument, zeroArgument, ...rest, ...postOps],
          outputs: [3],
          dead: [1],
        },
      ],
    }
    return run(spec)
  })
}

/** Runs the plan, and gives an element of the middle. */
function run(spec: PlanSpec): number {
  const input = new Float32Array(CHANNELS * SIZE * SIZE).fill(INPUT)
  const output = new Float32Array(input.length)
  const engine = native.createEngine(1, 'cpu')
  try {
    const plan = native.createPlan(spec)
    try {
      native.runPlansSync(engine, [plan], input, output)
    } finally {
      native.disposePlan(plan)
    }
  } catch (error) {
    throw new TorchError('TORCH_QUANTIZATION', 'This libtorch cannot compute in int8', { cause: error })
  } finally {
    native.disposeEngine(engine)
  }
  return output[SIZE + 1] ?? NaN
}
