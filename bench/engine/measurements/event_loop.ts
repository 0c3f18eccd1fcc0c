import { formatSample, sampleOf } from '../../support/sample.js'
import { CONTENDERS, OURS, RIVAL } from '../contenders.js'
import { closeAll, openAll, progress } from '../open.js'
import type { BenchOptions } from '../options.js'
import type { Section } from '../section.js'
import { table } from '../table.js'
import { formatQuiet, Witness } from '../witness.js'
import { workloadOf } from '../workloads.js'

const BATCH = 16

/** How long the event loop stands still while batches run back to back. */
export async function eventLoop({ rounds, seconds }: BenchOptions): Promise<Section> {
  const witness = new Witness()
  const contenders = CONTENDERS.filter(({ name }) => name === RIVAL || name === OURS)
  const { opened, skipped } = await openAll(contenders, workloadOf('imagenet', [BATCH]))
  const gaps = new Map<string, number[]>(opened.map(({ contender }) => [contender.title, []]))
  try {
    witness.check()
    for (let round = 0; round < rounds; round++) {
      for (const { contender, worker } of opened) {
        progress(`event loop: round ${round + 1} of ${rounds}, ${contender.name}`)
        const idle = opened.map((each) => each.worker).filter((each) => each !== worker)
        const { gap } = await witness.watch({ own: [worker], idle }, () =>
          worker.ask<{ gap: number }>('eventLoop', { batch: BATCH, seconds }),
        )
        gaps.get(contender.title)?.push(gap)
      }
      witness.check()
    }
  } finally {
    await closeAll(opened)
    progress('')
  }
  const samples = Array.from(gaps, ([title, values]) => ({ title, gap: sampleOf(values) }))
  const quiet = witness.report()
  const text = [
    '### Event loop',
    `Longest time, in ms, for which the event loop stood still while batches of ${BATCH} ran back to back (goal: below 5).`,
    table(
      ['', 'longest gap, ms'],
      samples.map(({ title, gap }) => [title, formatSample(gap)]),
    ),
    ...skipped.map(({ contender, reason }) => `Skipped ${contender}: ${reason}`),
    `${formatQuiet(quiet)}.`,
  ].join('\n\n')
  return { text, results: { batch: BATCH, gaps: samples, skipped }, quiet: [quiet] }
}
