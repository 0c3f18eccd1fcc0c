import { contenderOf, OURS } from '../contenders.js'
import { closeAll, open, progress } from '../open.js'
import type { BenchOptions } from '../options.js'
import type { Section } from '../section.js'
import { table } from '../table.js'
import { formatQuiet, Witness } from '../witness.js'
import { workloadOf } from '../workloads.js'

/** Runs after which memory is looked at, of all of them. */
const LOOKS = 10

/** What an engine takes, and whether that stays so over many runs. */
export async function memory({ runs, workloads }: BenchOptions): Promise<Section> {
  const witness = new Witness()
  const every = Math.max(1, Math.floor(runs / LOOKS))
  const results: { title: string; before: number; after: number; every: number; resident: readonly number[] }[] = []
  witness.check()
  for (const { model, title } of workloads) {
    progress(`memory: ${runs} runs of ${model}`)
    const opened = await open(contenderOf(OURS), workloadOf(model, [1]))
    try {
      const { worker, result } = opened
      const resident = await witness.watch({ own: [worker] }, () =>
        worker.ask<number[]>('memory', { batch: 1, runs, every }),
      )
      results.push({ title, ...result.resident, every, resident })
    } finally {
      await closeAll([opened])
    }
  }
  witness.check()
  progress('')
  const quiet = witness.report()
  const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0)
  const text = [
    '### Memory',
    `Resident memory of the process in MiB: before the network is loaded, when it is compiled for batches up to 32, and ` +
      `during ${runs} runs of one image.`,
    table(
      [
        '',
        'before',
        'compiled',
        `after ${every} runs`,
        `after ${every * (results[0]?.resident.length ?? 1) - every} runs`,
      ],
      results.map(({ title, before, after, resident }) => {
        return [title, ...[before, after, resident[1] ?? NaN, resident.at(-1) ?? NaN].map(mebibytes)]
      }),
    ),
    `${formatQuiet(quiet)}.`,
  ].join('\n\n')
  return { text, results: { runs, networks: results }, quiet: [quiet] }
}
