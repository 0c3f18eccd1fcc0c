import { candidatesOf, chooseByRules, type Choice, type Choose, type Convolution } from './choose.js'
import { ConvolutionBench, type Contender } from './convolution_bench.js'
import type { Constants } from './constants.js'
import type { Graph } from './graph.js'
import type { InstructionSet } from './instruction_set.js'
import { lower } from './lower.js'
import { addToTuningCache, readTuningCache } from './tuning_cache.js'

/** What {@link autotune} measures with. */
export interface AutotuneOptions {
  /** Those of the graphs. */
  readonly constants: Constants
  readonly instructionSet: InstructionSet
  readonly threads: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Another choice than that of the rules takes at most this part of its time. By itself a convolution finds its weights in the
 * cache, in a whole network often not: of small gains, nothing is left there.
 */
const WORTH = 0.85
/** A contender that takes so many times as long as the best one will not win. By the runs that it has had. */
const HOPELESS = [1.6, 1.25]
const ROUNDS = 3
/** What else the machine does slows down now one contender, now another: the winner must win so often in a row. */
const DUELS = 6
/** Short runs are repeated, until this has passed. */
const ROUND_NS = 300_000
const MOST_RUNS = 6

/**
 * Finds out what computes each convolution of the graphs fastest on this machine, by measuring what earlier calls have not
 * measured yet: see {@link readTuningCache}. Where nothing is clearly faster, the rules choose.
 *
 * @throws The reason of `signal`.
 */
export async function autotune(graphs: readonly Graph[], options: AutotuneOptions): Promise<Choose> {
  const { instructionSet, threads, signal } = options
  const wanted = convolutionsOf(graphs, options)
  if (wanted.size === 0) return chooseByRules
  const known = await readTuningCache(threads)
  const found = new Map<string, Choice>()
  const unknown: Convolution[] = []
  for (const [key, convolution] of wanted) {
    const choice = candidatesOf(convolution, instructionSet).find((candidate) => candidate === known.get(key))
    if (choice === undefined) unknown.push(convolution)
    else found.set(key, choice)
  }
  if (unknown.length > 0) {
    const measured = await measureAll(unknown, options)
    for (const [key, choice] of measured) found.set(key, choice)
    await addToTuningCache(threads, measured)
  }
  signal?.throwIfAborted()
  return (convolution) => found.get(keyOf(convolution, instructionSet)) ?? chooseByRules(convolution)
}

/** Lists the different convolutions for which there is more than one way, as far as plans for these graphs ask. */
function convolutionsOf(
  graphs: readonly Graph[],
  { constants, instructionSet }: AutotuneOptions,
): Map<string, Convolution> {
  const result = new Map<string, Convolution>()
  const choose: Choose = (convolution) => {
    const isOpen = candidatesOf(convolution, instructionSet).length > 1
    if (isOpen) result.set(keyOf(convolution, instructionSet), convolution)
    return chooseByRules(convolution)
  }
  for (const graph of graphs) lower(graph, constants, { kernels: 'own', dtype: 'float32', choose })
  return result
}

async function measureAll(
  convolutions: readonly Convolution[],
  { instructionSet, threads, signal }: AutotuneOptions,
): Promise<Map<string, Choice>> {
  const bench = new ConvolutionBench(instructionSet, threads)
  try {
    const result = new Map<string, Choice>()
    for (const convolution of convolutions) {
      const candidates = candidatesOf(convolution, instructionSet)
      const contenders = candidates.map((choice) => bench.contender(convolution, choice))
      try {
        result.set(keyOf(convolution, instructionSet), await fastestOf(contenders, signal))
      } finally {
        for (const contender of contenders) contender.dispose()
      }
    }
    return result
  } finally {
    bench.dispose()
  }
}

/** Gives the choice that is fastest, and the first unless another is clearly and always faster. */
async function fastestOf(contenders: readonly Contender[], signal: AbortSignal | undefined): Promise<Choice> {
  const [first] = contenders
  if (first === undefined) throw new TypeError('A convolution is computed by something')
  const best = new Map<Contender, number>()
  const timeOf = (contender: Contender): number => best.get(contender) ?? Infinity
  const measure = async (contender: Contender): Promise<number> => {
    const before = timeOf(contender)
    const time = await contender.measure(Math.min(MOST_RUNS, Math.ceil(ROUND_NS / before)) || 1, signal)
    best.set(contender, Math.min(before, time))
    return time
  }

  let alive = contenders
  for (let round = 0; round < ROUNDS && alive.length > 1; round++) {
    for (const contender of alive) await measure(contender)
    const limit = Math.min(...best.values()) * (HOPELESS[round] ?? Infinity)
    alive = alive.filter((contender) => timeOf(contender) <= limit)
  }
  const winner = contenders.reduce((one, other) => (timeOf(other) < timeOf(one) ? other : one))
  if (timeOf(winner) > WORTH * timeOf(first)) return first.choice
  for (let duel = 0; duel < DUELS; duel++) {
    const time = await measure(first)
    if ((await measure(winner)) > WORTH * time) return first.choice
  }
  return winner.choice
}

/** Tells convolutions apart in the cache. */
function keyOf(
  { channels, outputs, size, kernel, stride, padding, dilation, images }: Convolution,
  set: InstructionSet,
): string {
  const pairs = [size, kernel, stride, padding, dilation].map((pair) => pair.join('x'))
  return [set, images, channels, outputs, ...pairs].join(' ')
}
