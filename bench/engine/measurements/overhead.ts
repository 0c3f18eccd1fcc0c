import { availableParallelism } from 'node:os'

import { formatSample, sampleOf } from '../../support/sample.js'
import { progress } from '../open.js'
import type { BenchOptions } from '../options.js'
import type { Section } from '../section.js'
import { formatQuiet, Witness } from '../witness.js'
import { Worker } from '../worker.js'

/** What `await engine.run()` costs besides the computation: that of a network with nothing to compute, in µs. */
export async function overhead({ rounds, seconds }: BenchOptions): Promise<Section> {
  const witness = new Witness()
  const worker = new Worker({ program: 'small.ts', kind: '', threads: availableParallelism() })
  try {
    witness.check()
    const medians: number[] = []
    for (let round = 0; round < rounds; round++) {
      progress(`overhead: round ${round + 1} of ${rounds}`)
      const times = await witness.watch({ own: [worker] }, () => worker.ask<number[]>('measure', { batch: 1, seconds }))
      medians.push(sampleOf(times).median * 1e3)
    }
    witness.check()
    const sample = sampleOf(medians)
    const quiet = witness.report()
    const text = [
      '### Overhead of a run',
      `\`await engine.run(sample)\` of a network of 4 × 4 weights takes ${formatSample(sample)} µs (goal: at most 60).`,
      `${formatQuiet(quiet)}.`,
    ].join('\n\n')
    return { text, results: { microseconds: sample }, quiet: [quiet] }
  } finally {
    await worker.close()
    progress('')
  }
}
