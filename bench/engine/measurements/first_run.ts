import { formatSample, sampleOf } from '../../support/sample.js'
import { contenderOf, OURS } from '../contenders.js'
import { closeAll, open, progress } from '../open.js'
import type { BenchOptions } from '../options.js'
import type { Section } from '../section.js'
import { formatQuiet, Witness } from '../witness.js'
import { workloadOf } from '../workloads.js'

const RUNS = 10

/** Whether the first run after compile() is as fast as the tenth: a fresh process each round. */
export async function firstRun({ rounds }: BenchOptions): Promise<Section> {
  const witness = new Witness()
  const workload = workloadOf('imagenet', [1])
  const times: (readonly number[])[] = []
  witness.check()
  for (let round = 0; round < rounds; round++) {
    progress(`first run: round ${round + 1} of ${rounds}`)
    const opened = await open(contenderOf(OURS), workload)
    try {
      const { worker } = opened
      times.push(await witness.watch({ own: [worker] }, () => worker.ask<number[]>('runs', { batch: 1, count: RUNS })))
    } finally {
      await closeAll([opened])
    }
  }
  witness.check()
  progress('')
  const nth = (run: number): number[] => times.map((each) => each[run] ?? NaN)
  const [first, tenth] = [nth(0), nth(RUNS - 1)]
  const ratio = sampleOf(first.map((ms, round) => ms / (tenth[round] ?? NaN)))
  const quiet = witness.report()
  const text = [
    '### First run',
    `The first image after \`compile()\` takes ${formatSample(sampleOf(first))} ms, the tenth ` +
      `${formatSample(sampleOf(tenth))}: ${formatSample(ratio, 2)} times.`,
    `${formatQuiet(quiet)}.`,
  ].join('\n\n')
  const runs = Array.from({ length: RUNS }, (_, run) => sampleOf(nth(run)))
  return { text, results: { milliseconds: runs, ratio }, quiet: [quiet] }
}
