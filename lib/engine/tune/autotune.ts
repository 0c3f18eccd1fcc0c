import type { Graph } from '../graph.js'
import type { Constants, WeightDType } from '../plan/constants.js'
import type { Slices } from '../../util/slices.js'
import { lower } from '../plan/lower.js'
import { ConvolutionBench, type Contender } from './convolution_bench.js'
import {
  candidatesOf,
  selectUpTo,
  type Convolution,
  type ConvolutionKernel,
  type SelectAlgorithm,
  type WinogradTile,
} from './heuristics.js'
import type { InstructionSet } from './instruction_set.js'
import { addToTuningCache, readTuningCache } from './tuning_cache.js'

/** What {@link autotune} measures with. */
export interface AutotuneOptions {
  /** Those of the graphs. */
  readonly constants: Constants
  readonly instructionSet: InstructionSet
  readonly threads: number
  /** The largest tile of Winograd's kernels. */
  readonly winogradTile: WinogradTile
  /** In what the kernels keep weights. */
  readonly weights: WeightDType
  readonly slices: Slices
  readonly signal?: AbortSignal | undefined
}

/** The graphs of a model by the size of their batches. */
export interface GraphsBySize {
  readonly sizes: readonly number[]
  readonly graphOf: (batchSize: number) => Graph
}

/**
 * Speedup over the heuristics' kernel that another one must reach. By itself a convolution finds its weights in the cache, in
 * a whole network often not: nothing is left of small gains there.
 */
const MIN_SPEEDUP = 1 / 0.85
/** A contender that takes this many times as long as the best one will not win. By the rounds that it has had. */
const GIVE_UP_RATIOS = [1.6, 1.25]
const ROUNDS = 3
/** Other work of the machine slows down now one contender, now another: the winner must win this often in a row. */
const CONFIRMATIONS = 6
/** Short runs are repeated until this has passed. */
const ROUND_NS = 300_000
const MAX_RUNS = 6

/**
 * Finds out what computes each convolution of the graphs fastest on this machine, by measuring what earlier calls have not
 * measured yet: see {@link readTuningCache}. Where nothing is clearly faster, the heuristics select.
 *
 * @throws The reason of `signal`.
 */
export async function autotune(graphs: GraphsBySize, options: AutotuneOptions): Promise<SelectAlgorithm> {
  const { instructionSet, threads, winogradTile, signal } = options
  const wanted = await convolutionsOf(graphs, options)
  const byHeuristics: SelectAlgorithm = (convolution) => selectUpTo(winogradTile, convolution)
  if (wanted.size === 0) return byHeuristics
  const known = await readTuningCache(threads)
  const found = new Map<string, ConvolutionKernel>()
  const unknown: Convolution[] = []
  for (const [key, convolution] of wanted) {
    const candidates = candidatesOf(convolution, instructionSet, winogradTile)
    const kernel = candidates.find((candidate) => candidate === known.get(key))
    if (kernel === undefined) unknown.push(convolution)
    else found.set(key, kernel)
  }
  if (unknown.length > 0) {
    const measured = await measureAll(unknown, options)
    for (const [key, kernel] of measured) found.set(key, kernel)
    await addToTuningCache(threads, measured)
  }
  signal?.throwIfAborted()
  return (convolution) => found.get(keyOf(convolution, options)) ?? byHeuristics(convolution)
}

/** Lists the different convolutions for which there is more than one way, as far as plans for these graphs ask. */
async function convolutionsOf(
  { sizes, graphOf }: GraphsBySize,
  options: AutotuneOptions,
): Promise<Map<string, Convolution>> {
  const { constants, instructionSet, winogradTile, slices } = options
  const result = new Map<string, Convolution>()
  const selectAlgorithm: SelectAlgorithm = (convolution) => {
    const isOpen = candidatesOf(convolution, instructionSet, winogradTile).length > 1
    if (isOpen) result.set(keyOf(convolution, options), convolution)
    return selectUpTo(winogradTile, convolution)
  }
  for (const size of sizes) {
    await slices.next()
    lower(graphOf(size), constants, { kernels: 'native', dtype: 'float32', selectAlgorithm })
  }
  return result
}

async function measureAll(
  convolutions: readonly Convolution[],
  options: AutotuneOptions,
): Promise<Map<string, ConvolutionKernel>> {
  const { instructionSet, threads, winogradTile, weights, signal } = options
  const bench = new ConvolutionBench(instructionSet, weights, threads)
  try {
    const result = new Map<string, ConvolutionKernel>()
    for (const convolution of convolutions) {
      const candidates = candidatesOf(convolution, instructionSet, winogradTile)
      const contenders = candidates.map((kernel) => bench.contender(convolution, kernel))
      try {
        result.set(keyOf(convolution, options), await fastestOf(contenders, signal))
      } finally {
        for (const contender of contenders) contender.dispose()
      }
    }
    return result
  } finally {
    await bench.dispose()
  }
}

/** Gives the kernel that is fastest, and the first unless another is clearly and always faster. */
async function fastestOf(
  contenders: readonly Contender[],
  signal: AbortSignal | undefined,
): Promise<ConvolutionKernel> {
  const [first] = contenders
  if (first === undefined) throw new TypeError('A convolution is computed by something')
  const best = new Map<Contender, number>()
  const timeOf = (contender: Contender): number => best.get(contender) ?? Infinity
  const measure = async (contender: Contender): Promise<number> => {
    const before = timeOf(contender)
    const time = await contender.measure(Math.min(MAX_RUNS, Math.ceil(ROUND_NS / before)) || 1, signal)
    best.set(contender, Math.min(before, time))
    return time
  }

  let alive = contenders
  for (let round = 0; round < ROUNDS && alive.length > 1; round++) {
    for (const contender of alive) await measure(contender)
    const limit = Math.min(...best.values()) * (GIVE_UP_RATIOS[round] ?? Infinity)
    alive = alive.filter((contender) => timeOf(contender) <= limit)
  }
  const winner = contenders.reduce((one, other) => (timeOf(other) < timeOf(one) ? other : one))
  if (timeOf(winner) * MIN_SPEEDUP > timeOf(first)) return first.kernel
  for (let round = 0; round < CONFIRMATIONS; round++) {
    const time = await measure(first)
    if ((await measure(winner)) * MIN_SPEEDUP > time) return first.kernel
  }
  return winner.kernel
}

/** Tells convolutions apart in the cache. */
function keyOf(
  { channels, outputs, size, kernel, stride, padding, dilation, images }: Convolution,
  { instructionSet, winogradTile, weights }: Pick<AutotuneOptions, 'instructionSet' | 'winogradTile' | 'weights'>,
): string {
  const pairs = [size, kernel, stride, padding, dilation].map((pair) => pair.join('x'))
  const tiles = winogradTile === 4 ? [] : [`tiles ${winogradTile}`]
  const storage = weights === 'float32' ? [] : [weights]
  return [instructionSet, images, channels, outputs, ...pairs, ...tiles, ...storage].join(' ')
}
