import { writeFileSync } from 'node:fs'

import { formatSample } from '../../support/sample.js'
import { drawChart } from '../chart.js'
import type { BenchOptions } from '../options.js'
import type { Section } from '../section.js'
import { measureSpeed, type SpeedResult } from '../speed.js'
import { table } from '../table.js'
import { formatQuiet } from '../witness.js'

/** Images per second of all contenders, in a table and a chart. */
export async function speed(options: BenchOptions): Promise<Section> {
  const results: SpeedResult[] = []
  for (const workload of options.workloads) results.push(await measureSpeed(workload, options))
  writeFileSync(options.svg, drawChart(results))
  return { text: results.map(format).join('\n\n'), results, quiet: results.map(({ quiet }) => quiet) }
}

function format({ title, rows, skipped, versions, quiet }: SpeedResult): string {
  const heads = [
    '',
    'batch',
    'images/s',
    '÷ onnxruntime-node',
    'p50 ms',
    'p99 ms',
    'floor ms',
    '÷ floor',
    'error',
    'top-1',
  ]
  const lines = rows.map((row) => [
    row.title,
    String(row.batch),
    formatSample(row.rate),
    row.ratio === null ? '' : formatSample(row.ratio, 2),
    row.latency.p50.toFixed(1),
    row.latency.p99.toFixed(1),
    row.floor === null ? '' : row.floor.toFixed(1),
    row.floor === null ? '' : (row.latency.p50 / row.floor).toFixed(2),
    row.accuracy.error.toExponential(1),
    `${row.accuracy.agreement}/${row.accuracy.images}`,
  ])
  const used = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const missing = skipped.map(({ contender, reason }) => `Skipped ${contender}: ${reason}`)
  return [`### ${title}`, table(heads, lines), ...missing, `${used.join(', ')}; ${formatQuiet(quiet)}.`].join('\n\n')
}
