import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { formatSample, sampleOf } from '../../support/sample.js'
import { CONTENDERS, OURS, RIVAL } from '../contenders.js'
import { closeAll, openAll, progress } from '../open.js'
import type { BenchOptions } from '../options.js'
import type { Section } from '../section.js'
import { table } from '../table.js'
import { formatQuiet, Witness } from '../witness.js'
import { workloadOf } from '../workloads.js'

const NEIGHBOR = fileURLToPath(new URL('../workers/neighbor.mjs', import.meta.url))
const STARTUP_MS = 200

/** How much slower single images become while another program takes half of a core. */
export async function neighbor({ rounds, seconds }: BenchOptions): Promise<Section> {
  const witness = new Witness()
  const contenders = CONTENDERS.filter(({ name }) => name === RIVAL || name === OURS)
  const { opened, skipped } = await openAll(contenders, workloadOf('imagenet', [1]))
  const medians = opened.map(({ contender: { title } }) => ({
    title,
    alone: [] as number[],
    disturbed: [] as number[],
  }))
  try {
    witness.check()
    for (let round = 0; round < rounds; round++) {
      for (const [index, { contender, worker }] of opened.entries()) {
        progress(`neighbor: round ${round + 1} of ${rounds}, ${contender.name}`)
        const idle = opened.map((each) => each.worker).filter((each) => each !== worker)
        const median = async (others: readonly { pid?: number | undefined }[]): Promise<number> => {
          const run = (): Promise<number[]> => worker.ask('measure', { batch: 1, seconds })
          return sampleOf(await witness.watch({ own: [worker, ...others], idle }, run)).median
        }
        medians[index]?.alone.push(await median([]))
        medians[index]?.disturbed.push(await withNeighbor((other) => median([other])))
      }
      witness.check()
    }
  } finally {
    await closeAll(opened)
    progress('')
  }
  const results = medians.map(({ title, alone, disturbed }) => ({
    title,
    alone: sampleOf(alone),
    disturbed: sampleOf(disturbed),
    ratio: sampleOf(disturbed.map((ms, round) => ms / (alone[round] ?? NaN))),
  }))
  const quiet = witness.report()
  const text = [
    '### A neighbor',
    'Median time of one image while another program keeps one core busy half of the time (goal: at most 2.2 times).',
    table(
      ['', 'alone, ms', 'with the neighbor, ms', 'times'],
      results.map(({ title, alone, disturbed, ratio }) => [
        title,
        formatSample(alone),
        formatSample(disturbed),
        formatSample(ratio, 2),
      ]),
    ),
    ...skipped.map(({ contender, reason }) => `Skipped ${contender}: ${reason}`),
    `${formatQuiet(quiet)}.`,
  ].join('\n\n')
  return { text, results: { medians: results, skipped }, quiet: [quiet] }
}

/** Runs the other program meanwhile. */
async function withNeighbor<T>(body: (other: { pid?: number | undefined }) => Promise<T>): Promise<T> {
  const child = spawn(process.execPath, [NEIGHBOR], { stdio: 'ignore' })
  try {
    await setTimeout(STARTUP_MS)
    return await body(child)
  } finally {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
}
