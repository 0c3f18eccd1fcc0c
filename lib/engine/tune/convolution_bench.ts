import { native } from '../../libtorch/binding.js'
import { ones, zeros } from '../../tensor/creation.js'
import type { Tensor } from '../../tensor/tensor.js'
import { Slices } from '../../util/slices.js'
import { Graph, type Node, type Value } from '../graph.js'
import type { Conv2dNode } from '../ops/conv2d.js'
import { Constants, type WeightDType } from '../plan/constants.js'
import { lower } from '../plan/lower.js'
import type { StepInfo } from '../plan/step_info.js'
import { followJob } from '../run/jobs.js'
import type { Convolution, ConvolutionKernel } from './heuristics.js'
import type { InstructionSet } from './instruction_set.js'

/**
 * Floats that are read before each run of a convolution whose weights are larger than its activations: as many as the other
 * layers of a network read before it is its turn again, so that it does not find its weights in the cache. An algorithm with
 * larger weights would look faster than it is there.
 */
const EVICTING_FLOATS = 8 * 2 ** 20

/** A way to compute a convolution, ready to be measured. */
export interface Contender {
  readonly kernel: ConvolutionKernel
  /** Gives the time of one run, in ns: the median of `runs`. */
  measure(runs: number, signal: AbortSignal | undefined): Promise<number>
  dispose(): void
}

/** Measures single convolutions in plans of their own. It shares the executor with engines of as many threads. */
export class ConvolutionBench {
  readonly #constants: Constants
  readonly #engine
  /** By their shapes: the forms for all numbers of images are packed once. */
  readonly #weights = new Map<string, Tensor>()
  /** What takes the place of weights in the cache. */
  #evicting: Tensor | null = null

  constructor(instructionSet: InstructionSet, weights: WeightDType, threads: number) {
    this.#constants = new Constants({ instructionSet, weights })
    this.#engine = native.createEngine(threads, 'cpu')
  }

  contender(convolution: Convolution, kernel: ConvolutionKernel): Contender {
    const evicting = isWeightBound(convolution) ? this.#evictingTensor() : null
    const graph = graphOf(convolution, this.#weightOf(convolution), evicting)
    const kernels = kernel === 'onednn' ? 'onednn' : 'native'
    const { spec, infos } = lower(graph, this.#constants, { kernels, dtype: 'float32', selectAlgorithm: () => kernel })
    const plan = native.createPlan(spec)
    return {
      kernel,
      measure: async (runs, signal) => {
        const times = await followJob(this.#engine, signal, (id) => native.measurePlan(this.#engine, id, plan, runs))
        return timeOf(infos, times, convolution)
      },
      dispose: () => native.disposePlan(plan),
    }
  }

  /** Gives the memory back in slices. */
  async dispose(): Promise<void> {
    await new Slices().run(this.#constants.disposing())
    for (const weight of this.#weights.values()) weight.dispose()
    this.#evicting?.dispose()
    native.disposeEngine(this.#engine)
  }

  #evictingTensor(): Tensor {
    this.#evicting ??= ones([1, 1, 1, EVICTING_FLOATS])
    this.#constants.hold(this.#evicting)
    return this.#evicting
  }

  #weightOf({ outputs, channels, kernel }: Convolution): Tensor {
    const shape = [outputs, channels, ...kernel]
    const key = shape.join()
    const weight = this.#weights.get(key) ?? zeros(shape)
    this.#weights.set(key, weight)
    this.#constants.hold(weight)
    return weight
  }
}

/** Whether the weights are larger than the input and, without a stride, the output. */
function isWeightBound({ channels, outputs, size, kernel, images }: Convolution): boolean {
  return channels * outputs * kernel[0] * kernel[1] > images * size[0] * size[1] * (channels + outputs)
}

/** A convolution whose input another node has made, and whose output is read where it lies, as in the middle of a net. */
function graphOf(
  { channels, outputs, size, stride, padding, dilation, kernel, images }: Convolution,
  weight: Tensor,
  evicting: Tensor | null,
): Graph {
  let count = 0
  const value = (...shape: number[]): Value => ({ id: count++, shape, dtype: 'float32' })
  const outputSize = size.map((length, dim) => {
    const [steps = 1, zeroes = 0, reach = 1, taps = 1] = [stride[dim], padding[dim], dilation[dim], kernel[dim]]
    return Math.floor((length + 2 * zeroes - reach * (taps - 1) - 1) / steps) + 1
  })
  const [input, pixels] = [value(1, 1, 1, 1), value(images, channels, ...size)]
  const [made, output, mean] = [value(...pixels.shape), value(images, outputs, ...outputSize), value(images, outputs)]
  const conv: Conv2dNode = {
    kind: 'conv2d',
    path: '',
    input: made,
    weight,
    bias: null,
    ...{ stride, padding, dilation, groups: 1, residual: null, activation: 'none' },
    output,
  }
  const one = evicting === null ? input : value(1, 1, 1, 1)
  const evict: Node[] =
    evicting === null
      ? []
      : [
          {
            kind: 'aten',
            path: '',
            schema: 'aten::mean.dim',
            args: [{ constant: evicting }, { literal: [0, 1, 2, 3] }, { literal: true }, { literal: null }],
            outputs: [one],
          },
        ]
  const nodes: Node[] = [
    ...evict,
    // Nothing is copied from outside.
    {
      kind: 'aten',
      path: '',
      schema: 'aten::expand',
      args: [{ value: one }, { literal: pixels.shape }, { literal: false }],
      outputs: [pixels],
    },
    { kind: 'add', path: '', left: pixels, right: pixels, activation: 'none', output: made },
    conv,
    { kind: 'globalAvgPool', path: '', input: output, output: mean },
  ]
  return new Graph({ inputs: [input], nodes, outputs: [mean], owned: [] })
}

/** The time of the convolution; for oneDNN, which wants its operands otherwise, with the ways there and back. */
function timeOf(infos: readonly StepInfo[], times: readonly number[], { channels, outputs }: Convolution): number {
  return infos.reduce((sum, { operation }, index) => {
    const time = times[index] ?? 0
    if (operation === 'convert') return sum + time * (1 + outputs / channels)
    return operation === 'conv2d' ? sum + time : sum
  }, 0)
}
