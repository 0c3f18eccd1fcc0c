import { randn, type Tensor } from 'napi-torch'

import { native } from '../../lib/libtorch/binding.js'
import type { NetworkBuffer, NetworkStep, NetworkWindows } from '../../lib/libtorch/plan_spec.js'
import { handleOf } from '../../lib/tensor/handle.js'

type Pair = readonly [number, number]

/** A convolution of native kernels, alone in a plan. */
export interface ConvolutionCase {
  readonly kernels: string
  readonly algorithm: string
  readonly input: Tensor
  readonly weight: Tensor
  readonly bias: Tensor | null
  readonly stride: Pair
  readonly padding: Pair
  readonly dilation: Pair
  readonly residual: Tensor | null
  readonly relu: boolean
  readonly pool: NetworkWindows | null
  /** (N, C, H, W) of the result. */
  readonly shape: readonly number[]
  /** Samples that the network processes at once. */
  readonly chunk?: number
  readonly threads?: number
  /** Whether the weights are kept in float16. Default: `false`. */
  readonly isHalf?: boolean
}

const BORDER = 6

/** Runs a convolution by the native kernels, twice: the second time over what the first one left. */
export function runConvolution(run: ConvolutionCase): Float32Array {
  const { input, residual, shape } = run
  const [batch = 1] = shape
  const { chunk = batch, algorithm } = run
  const readsNchw = algorithm === 'nchw'
  const weights = native.createConvWeights(
    run.kernels,
    handleOf(run.weight),
    run.bias && handleOf(run.bias),
    run.stride,
    run.padding,
    run.dilation,
    run.isHalf ?? false,
  )
  const buffers: NetworkBuffer[] = []
  const buffer = ([batchSize = 1, channels = 1, height = 1, width = 1]: readonly number[]): number =>
    buffers.push({ batch: batchSize, channels, height, width, border: BORDER, slot: buffers.length }) - 1
  const output = buffer(shape)
  const inputs = readsNchw ? [] : [{ value: 0, buffer: buffer(input.shape) }]
  const added = residual === null ? [] : [{ value: 1, buffer: buffer(shape) }]
  const step: NetworkStep = {
    kind: 'network',
    batch,
    weights: [weights],
    buffers,
    nchw: readsNchw ? [0] : [],
    inputs: [...inputs, ...added],
    segments: [
      {
        chunk,
        operations: [
          {
            kind: 'conv2d',
            algorithm,
            weights: 0,
            input: inputs[0]?.buffer ?? 0,
            output,
            residual: added[0]?.buffer ?? null,
            relu: run.relu,
            pool: run.pool,
          },
        ],
      },
    ],
    outputs: [{ value: 2, buffer: output }],
    dead: [],
  }
  return runNetwork(step, input, residual, shape, run.threads)
}

/** Runs a step of native kernels: value 0 is the input, value 1 a constant, value 2 the result. */
export function runNetwork(
  step: NetworkStep,
  input: Tensor,
  constant: Tensor | null,
  shape: readonly number[],
  threads = 2,
): Float32Array {
  const copy = {
    kind: 'aten' as const,
    schema: 'aten::clone',
    args: [{ constant: handleOf(constant ?? input) }, { literal: null }],
    outputs: [1],
    dead: [],
  }
  const handle = native.createPlan({
    device: null,
    tuned: false,
    values: [input.shape, (constant ?? input).shape, shape].map((sizes) => {
      return { shape: sizes, dtype: 'float32' }
    }),
    input: 0,
    output: 2,
    outputDtype: 'float32',
    preparation: [copy],
    steps: [step],
  })
  const engine = native.createEngine(threads, 'cpu')
  const result = new Float32Array(shape.reduce((product, size) => product * size, 1))
  try {
    for (let round = 0; round < 2; round++) {
      native.runPlansSync(engine, [handle], input.toFloat32Array(), result.fill(NaN))
    }
    return result
  } finally {
    native.disposePlan(handle)
    native.disposeEngine(engine)
  }
}

/** A random integer of [least, most], the same in each run of the tests. */
export function integers(seed: number): (least: number, most: number) => number {
  let state = seed
  return (least, most) => {
    // Park and Miller's minimal standard.
    state = (state * 48271) % 0x7fffffff
    return least + (state % (most - least + 1))
  }
}

/** Normally distributed weights under which activations keep their scale. */
export function scaledWeight(shape: readonly number[]): Tensor {
  const [, ...row] = shape
  return randn(shape).mul(1 / Math.sqrt(row.reduce((product, size) => product * size, 1)))
}
