import { existsSync, readFileSync, writeFileSync } from 'node:fs'

import type { Machine } from '../support/machine.js'
import { BENCH_NAMES, type BenchName } from './options.js'
import type { Section } from './section.js'

/** What has been measured last, each with the machine and the time. */
export type Report = Readonly<Partial<Record<BenchName, ReportedSection>>>

/** A part of the report. */
export interface ReportedSection extends Section {
  readonly machine: Machine
  readonly at: string
}

/** Reads what earlier runs have written. */
export function readReport(file: string): Report {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Report) : {}
}

/** Writes the report, its parts in their order. */
export function writeReport(file: string, report: Report): void {
  const ordered = Object.fromEntries(BENCH_NAMES.map((name) => [name, report[name]]))
  const rounded = (_key: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toPrecision(5)) : value
  writeFileSync(file, `${JSON.stringify(ordered, rounded, 1)}\n`)
}
