import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { findLibtorch } from '../../../lib/libtorch/libtorch.js'
import { formatSample, sampleOf } from '../../support/sample.js'
import { contenderOf, OURS, type Contender } from '../contenders.js'
import { closeAll, messageOf, open, progress, type Skipped } from '../open.js'
import type { BenchOptions } from '../options.js'
import type { Section } from '../section.js'
import { table } from '../table.js'
import { formatQuiet, Witness } from '../witness.js'
import { workloadOf } from '../workloads.js'

interface Case {
  readonly title: string
  readonly contender: Contender
  /** Takes away what earlier runs have left in the cache folder. */
  readonly forget: boolean
}

/** How long compile() takes, with and without what it has learned before: a fresh process each time. */
export async function compileTime({ rounds }: BenchOptions): Promise<Section> {
  const witness = new Witness()
  const folder = mkdtempSync(join(tmpdir(), 'napi-torch-bench-'))
  const times = new Map<string, number[]>()
  const skipped = new Map<string, Skipped>()
  try {
    witness.check()
    for (let round = 0; round < rounds; round++) {
      for (const each of casesOf(join(folder, 'cache'))) {
        progress(`compile: round ${round + 1} of ${rounds}, ${each.title}`)
        if (each.forget) rmSync(join(folder, 'cache'), { recursive: true, force: true })
        try {
          times.set(each.title, [...(times.get(each.title) ?? []), await timeOf(each)])
        } catch (error) {
          skipped.set(each.title, { contender: each.title, reason: messageOf(error) })
        }
      }
    }
    witness.check()
  } finally {
    rmSync(folder, { recursive: true })
    progress('')
  }
  const results = Array.from(times, ([title, values]) => ({ title, milliseconds: sampleOf(values) }))
  const quiet = witness.report()
  const text = [
    '### Compile',
    'Time of `compile()` for the ImageNet ResNet-18, all sizes of batches up to 32 (goal: 1500 ms, 400 ms from its cache).',
    table(
      ['', 'ms'],
      results.map(({ title, milliseconds }) => [title, formatSample(milliseconds, 0)]),
    ),
    ...Array.from(skipped.values(), ({ contender, reason }) => `Skipped ${contender}: ${reason}`),
    `${formatQuiet(quiet)}.`,
  ].join('\n\n')
  return { text, results: { times: results, skipped: [...skipped.values()] }, quiet: [quiet] }
}

function casesOf(cache: string): Case[] {
  const ours = contenderOf(OURS)
  // libtorch may lie in the cache folder that is taken away.
  const env = { NAPI_TORCH_CACHE: cache, NAPI_TORCH_LIBTORCH: findLibtorch().folder }
  const contender = { ...ours, env }
  const fixed = { ...contender, open: { compile: { kernels: 'native', autotune: false } } }
  return [
    { title: 'with an empty cache', contender, forget: true },
    { title: 'with its cache', contender, forget: false },
    { title: 'with `autotune: false`', contender: fixed, forget: false },
  ]
}

async function timeOf({ contender }: Case): Promise<number> {
  const opened = await open(contender, workloadOf('imagenet', [1]))
  await closeAll([opened])
  return opened.result.compileMs ?? NaN
}
