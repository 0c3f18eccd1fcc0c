import { Conv2d, functional as F, manualSeed, randn, scope, type Module, type Tensor } from 'napi-torch'

import { optimize } from '../../lib/engine/passes/optimize.js'
import { trace } from '../../lib/engine/trace/trace.js'
import { Applied } from './applied.js'
import { Random } from '../fuzz/random.js'
import { differenceOf, runCompiled, TARGETS, TOLERANCE, type Target } from './compiled.js'

type Pair = readonly [number, number]

/** What is done with the result of a convolution. */
const FORMS = ['plain', 'relu', 'sum', 'sum, relu'] as const

interface ConvolutionCase {
  readonly target: Target | 'eager'
  readonly form: (typeof FORMS)[number]
  readonly shape: readonly number[]
  readonly outputs: number
  readonly kernelSize: Pair
  readonly stride: Pair
  readonly padding: Pair
  readonly dilation: Pair
  readonly groups: number
  readonly bias: boolean
  /**
   * An element of the input that is none of the usual numbers. Of the weights none is: whether padding is multiplied by it depends
   * on the dtype in PyTorch, too.
   */
  readonly odd: number | null
}

const ODD_NUMBERS = [NaN, Infinity, -Infinity] as const

/**
 * Computes a random convolution as the engine does, or as `forward()` does with images that are channels-last, and compares
 * it with `forward()` in float64 and row by row.
 *
 * @returns What is wrong, or null.
 */
export function checkConvolution(seed: number): string | null {
  const random = new Random(seed)
  const run = randomCase(random)
  const wrong = scope(() => {
    manualSeed(seed)
    const input = randn(run.shape)
    const model = modelOf(run)
    const at = random.below(input.numel)
    if (run.odd !== null) input.view([-1]).select(0, at).fill_(run.odd)
    if (run.target === 'eager') {
      const received = model.forward(input.contiguous({ memoryFormat: 'channels_last' })).contiguous()
      return differenceOf(received.toFloat32Array(), { elements: wantedOf(model, input), tolerance: TOLERANCE.float32 })
    }
    const graph = optimize(trace(model, run.shape))
    const received = runCompiled(graph, input, run.target, random)
    const [samples = 1] = run.shape
    const length = received.length / samples
    // oneDNN reads bfloat16 in pairs, and multiplies what it reads too much by 0: PyTorch's own bfloat16 does so, too.
    const start = Math.floor((at * samples) / input.numel) * length
    const spread = run.target.dtype === 'bfloat16' && run.odd !== null ? { start, end: start + length } : null
    return differenceOf(received, { elements: wantedOf(model, input), tolerance: TOLERANCE[run.target.dtype], spread })
  })
  return wrong && `${wrong}: ${JSON.stringify(run, (_key, value: unknown) => (isOdd(value) ? String(value) : value))}`
}

/** What `forward()` gives in float64, row by row. */
function wantedOf(model: Module, input: Tensor): Float64Array {
  return model.double().forward(input.double()).contiguous().toArray() as Float64Array
}

function isOdd(value: unknown): boolean {
  return typeof value === 'number' && !Number.isFinite(value)
}

function randomCase(random: Random): ConvolutionCase {
  const pair = (least: number, most: number): Pair => [random.small(least, most), random.small(least, most)]
  const groups = random.pick([1, 1, 2, 3, 4, 5, 8, 16, 32])
  const perGroup = random.pick([1, 1, 2, 3, 4, 8])
  const outputs = groups * random.pick([1, 1, 2, 3, 4])
  const kernelSize = random.once(3) ? ([1 + random.below(7), 1 + random.below(7)] as const) : pair(1, 7)
  const stride = pair(1, 5)
  const dilation = pair(1, 4)
  const padding = pair(0, 4)
  const sizes = ([0, 1] as const).map((axis) => {
    const least = Math.max(1, dilation[axis] * (kernelSize[axis] - 1) + 1 - 2 * padding[axis])
    return least + (random.once(3) ? 0 : random.small(0, 14))
  })
  return {
    target: random.once(8) ? 'eager' : random.pick(TARGETS),
    form: random.pick(FORMS),
    shape: [random.small(1, 4), groups * perGroup, ...sizes],
    outputs,
    ...{ kernelSize, stride, padding, dilation, groups },
    bias: random.once(2),
    odd: random.once(3) ? random.pick(ODD_NUMBERS) : null,
  }
}

function modelOf({ form, shape, outputs, kernelSize, ...options }: ConvolutionCase): Module {
  const { stride, padding, dilation, groups, bias } = options
  const layer = (): Conv2d =>
    new Conv2d(shape[1] ?? 1, outputs, kernelSize, { stride, padding, dilation, groups, bias })
  const [one, two] = [layer(), layer()]
  const activated = form.endsWith('relu') ? F.relu : (x: Tensor): Tensor => x
  const sum = (x: Tensor): Tensor => (form.startsWith('sum') ? one.forward(x).add(two.forward(x)) : one.forward(x))
  return new Applied((x) => activated(sum(x)), form.startsWith('sum') ? { one, two } : { one })
}
