import { availableParallelism } from 'node:os'

import { sampleOf, type Sample } from '../support/sample.js'
import { accuracyOf, type Accuracy } from './accuracy.js'
import { RIVAL, type Contender } from './contenders.js'
import { closeAll, messageOf, openAll, progress, type Opened, type Skipped } from './open.js'
import { floorOf } from './floor.js'
import { prepare } from './prepare.js'
import { Witness, type Quiet } from './witness.js'
import type { Explained } from './workers/runner.js'
import { MIN_IMAGES, type Workload } from './workloads.js'

/** What one contender did with one size of batches. */
export interface SpeedRow {
  readonly contender: string
  readonly title: string
  readonly threads: number
  readonly batch: number
  /** Images per second, of the rounds. */
  readonly rate: Sample
  /** The rate divided by the rival's in the same round; null without the rival. */
  readonly ratio: Sample | null
  /** ms of a batch, over all runs. */
  readonly latency: { readonly p50: number; readonly p99: number }
  /** ms that the kernels in use would take at the peak and bandwidth of the machine; null where they are not known. */
  readonly floor: number | null
  readonly accuracy: Accuracy
}

/** What came of one network. */
export interface SpeedResult {
  readonly title: string
  readonly rows: readonly SpeedRow[]
  readonly skipped: readonly Skipped[]
  readonly versions: Readonly<Record<string, string>>
  readonly quiet: Quiet
}

/** Who is measured, and how long. */
export interface SpeedOptions {
  readonly contenders: readonly Contender[]
  readonly rounds: number
  /** Of one measurement. */
  readonly seconds: number
}

interface Measured extends Opened {
  readonly accuracies: ReadonlyMap<number, Accuracy>
  /** What computes each size of batches; null for contenders that do not tell. */
  readonly explained: ReadonlyMap<number, Explained | null>
  /** Of each size of batches: the times of the runs in each round. */
  readonly times: ReadonlyMap<number, number[][]>
}

/**
 * Measures a network: each contender has a process of its own, which lives to the end and sleeps while another computes.
 * In each round each of them runs each size of batches, in another order.
 */
export async function measureSpeed(workload: Workload, options: SpeedOptions): Promise<SpeedResult> {
  const witness = new Witness()
  const { opened, skipped } = await openAll(options.contenders, workload)
  try {
    const { compared, failed } = await compareAll(opened, workload)
    await measureRounds(compared, workload, options, witness)
    // The first ones win: later contenders may be told to use fewer instructions.
    const versions = Object.fromEntries(opened.toReversed().flatMap(({ result }) => Object.entries(result.versions)))
    const quiet = witness.report()
    const rows = workload.batches.flatMap((batch) => rowsOf(batch, compared, quiet))
    return { title: workload.title, rows, skipped: [...skipped, ...failed], versions, quiet }
  } finally {
    await closeAll(opened)
    progress('')
  }
}

/** Compares their logits with those of float64, for each size of batches: kernels may depend on it. */
async function compareAll(
  opened: readonly Opened[],
  workload: Workload,
): Promise<{ readonly compared: readonly Measured[]; readonly failed: readonly Skipped[] }> {
  const { model, batches, classes } = workload
  const { reference } = prepare(workload)
  const compared: Measured[] = []
  const failed: Skipped[] = []
  for (const each of opened) {
    const { worker, contender } = each
    const accuracies = new Map<number, Accuracy>()
    const explained = new Map<number, Explained | null>()
    try {
      for (const batch of batches) {
        progress(`${model}: logits of ${contender.name}, batches of ${batch}`)
        const logits = await worker.ask<string>('logits', { batch, count: Math.max(MIN_IMAGES, batch) })
        accuracies.set(batch, accuracyOf(logits, reference, classes))
        explained.set(batch, contender.program === 'worker.ts' ? await worker.ask('explain', { batch }) : null)
      }
      compared.push({ ...each, accuracies, explained, times: new Map(batches.map((batch) => [batch, []])) })
    } catch (error) {
      failed.push({ contender: contender.name, reason: messageOf(error) })
    }
  }
  return { compared, failed }
}

async function measureRounds(
  measured: readonly Measured[],
  { model, batches }: Workload,
  { rounds, seconds }: SpeedOptions,
  witness: Witness,
): Promise<void> {
  witness.check()
  for (let round = 0; round < rounds; round++) {
    for (const batch of batches) {
      for (let index = 0; index < measured.length; index++) {
        const each = measured[(index + round) % measured.length]
        if (each === undefined) continue
        const { worker, contender, times } = each
        progress(`${model}: round ${round + 1} of ${rounds}, batches of ${batch}, ${contender.name}`)
        const idle = measured.map((other) => other.worker).filter((other) => other !== worker)
        const runs = await witness.watch({ own: [worker], idle }, () =>
          worker.ask<number[]>('measure', { batch, seconds }),
        )
        times.get(batch)?.push(runs)
      }
    }
    witness.check()
  }
}

function rowsOf(batch: number, measured: readonly Measured[], { peaks, bandwidths }: Quiet): SpeedRow[] {
  const rival = measured.find(({ contender }) => contender.name === RIVAL)
  const rivalRates = rival === undefined ? null : ratesOf(rival, batch)
  return measured.flatMap((each) => {
    const rates = ratesOf(each, batch)
    const sorted = (each.times.get(batch) ?? []).flat().sort((one, other) => one - other)
    const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? NaN
    const accuracy = each.accuracies.get(batch)
    if (accuracy === undefined) return []
    const { name: contender, title, threads = availableParallelism() } = each.contender
    const ratio = rivalRates && sampleOf(rates.map((rate, round) => rate / (rivalRates[round] ?? NaN)))
    const latency = { p50: at(0.5), p99: at(0.99) }
    const explained = each.explained.get(batch) ?? null
    const share = threads / availableParallelism()
    const speed = { peak: sampleOf(peaks).median * share, bandwidth: sampleOf(bandwidths).median }
    const floor = explained === null || peaks.length === 0 ? null : floorOf(explained, speed)
    return [{ contender, title, threads, batch, rate: sampleOf(rates), ratio, latency, floor, accuracy }]
  })
}

/** Images per second in each round. */
function ratesOf({ times }: Measured, batch: number): number[] {
  const rounds = times.get(batch) ?? []
  return rounds.map((runs) => (batch * runs.length * 1e3) / runs.reduce((sum, ms) => sum + ms, 0))
}
