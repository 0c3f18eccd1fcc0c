import { formatSample, sampleOf } from '../../support/sample.js'
import { contenderOf, OURS } from '../contenders.js'
import { closeAll, open, progress } from '../open.js'
import type { BenchOptions } from '../options.js'
import type { Section } from '../section.js'
import { formatQuiet, Witness } from '../witness.js'
import { workloadOf } from '../workloads.js'

const BATCH = 8
const CLIENTS = 16

/** What batching of single requests reaches of the rate of batches that are there. */
export async function clients({ rounds, seconds }: BenchOptions): Promise<Section> {
  const witness = new Witness()
  const ours = contenderOf(OURS)
  const compile = { kernels: 'native', maxBatchSize: BATCH }
  const opened = await open({ ...ours, open: { compile } }, workloadOf('imagenet', [BATCH]))
  const own = [opened.worker]
  const batched: number[] = []
  const single: number[] = []
  try {
    witness.check()
    for (let round = 0; round < rounds; round++) {
      progress(`clients: round ${round + 1} of ${rounds}`)
      const times = await witness.watch({ own }, () =>
        opened.worker.ask<number[]>('measure', { batch: BATCH, seconds }),
      )
      batched.push((BATCH * times.length * 1e3) / times.reduce((sum, ms) => sum + ms, 0))
      single.push(
        await witness.watch({ own }, () => opened.worker.ask<number>('clients', { clients: CLIENTS, seconds })),
      )
      witness.check()
    }
  } finally {
    await closeAll([opened])
    progress('')
  }
  const share = sampleOf(single.map((rate, round) => rate / (batched[round] ?? NaN)))
  const [batchRate, clientRate] = [sampleOf(batched), sampleOf(single)]
  const quiet = witness.report()
  const text = [
    '### Concurrent clients',
    `${CLIENTS} clients, each of which asks \`engine.infer()\` for one image after the other, get ${formatSample(clientRate)} ` +
      `images/s; batches of ${BATCH} that are there ${formatSample(batchRate)}: ${formatSample(share, 2)} of it (goal: 0.9).`,
    `${formatQuiet(quiet)}.`,
  ].join('\n\n')
  return { text, results: { clients: CLIENTS, batch: BATCH, batchRate, clientRate, share }, quiet: [quiet] }
}
