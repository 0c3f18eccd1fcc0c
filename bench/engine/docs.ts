import { readFileSync, writeFileSync } from 'node:fs'

import { BENCH_NAMES } from './options.js'
import type { Report } from './report.js'

const DOCS = new URL('../../docs/benchmarks.md', import.meta.url)
const CHART = '![Images per second as multiples of onnxruntime-node](../bench/results/engine.svg)'
const [BEGIN, END] = ['<!-- begin: npm run bench -- --docs -->', '<!-- end -->']

/** Puts what has been measured into docs/benchmarks.md, between its two marks. */
export function writeDocs(report: Report): void {
  const page = readFileSync(DOCS, 'utf8')
  const [before, rest] = page.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error(`docs/benchmarks.md has no ${BEGIN} … ${END}`)
  const sections = BENCH_NAMES.flatMap((name) => {
    const section = report[name]
    if (section === undefined) return []
    const { cpu, cores, node } = section.machine
    return [section.text, `${cpu}, ${cores} cores, Node.js ${node}, ${section.at.slice(0, 10)}`]
  })
  const chart = report.speed === undefined ? [] : [CHART]
  writeFileSync(DOCS, `${before}${[BEGIN, ...chart, ...sections, END].join('\n\n')}${after}`)
}
