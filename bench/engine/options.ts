import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { CONTENDERS, type Contender } from './contenders.js'
import { WORKLOADS, type Workload } from './workloads.js'

/** All measurements, in the order in which they are made. */
export const BENCH_NAMES = [
  'speed',
  'overhead',
  'event-loop',
  'clients',
  'neighbor',
  'first-run',
  'compile',
  'memory',
] as const

/** One of {@link BENCH_NAMES}. */
export type BenchName = (typeof BENCH_NAMES)[number]

/** What the command line says. */
export interface BenchOptions {
  readonly only: readonly BenchName[]
  readonly workloads: readonly Workload[]
  readonly contenders: readonly Contender[]
  readonly rounds: number
  /** Of one measurement. */
  readonly seconds: number
  /** Of the measurement of memory. */
  readonly runs: number
  readonly json: string
  readonly svg: string
  readonly docs: boolean
}

const RESULTS = new URL('../results/', import.meta.url)

/** Reads the command line; throws where it is not understood. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      models: { type: 'string' },
      batches: { type: 'string' },
      contenders: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '1' },
      runs: { type: 'string', default: '10000' },
      json: { type: 'string', default: fileURLToPath(new URL('engine.json', RESULTS)) },
      svg: { type: 'string', default: fileURLToPath(new URL('engine.svg', RESULTS)) },
      docs: { type: 'boolean', default: false },
    },
  })
  const batches = values.batches?.split(',').map((batch) => positive('batches', batch, true))
  const models = select('models', values.models, WORKLOADS, ({ model }) => model)
  return {
    only: select('only', values.only, BENCH_NAMES, (name) => name),
    workloads: models.map((workload) => ({ ...workload, batches: batches ?? workload.batches })),
    contenders: select('contenders', values.contenders, CONTENDERS, ({ name }) => name),
    rounds: positive('rounds', values.rounds, true),
    seconds: positive('seconds', values.seconds, false),
    runs: positive('runs', values.runs, true),
    json: values.json,
    svg: values.svg,
    docs: values.docs,
  }
}

function select<T>(
  option: string,
  list: string | undefined,
  all: readonly T[],
  nameOf: (item: T) => string,
): readonly T[] {
  if (list === undefined) return all
  const names = list.split(',')
  const unknown = names.find((name) => !all.some((item) => nameOf(item) === name))
  if (unknown !== undefined)
    throw new Error(`Expected some of ${all.map(nameOf).join(', ')} for --${option}, received ${unknown}`)
  return all.filter((item) => names.includes(nameOf(item)))
}

function positive(option: string, text: string, whole: boolean): number {
  const value = Number(text)
  if (value > 0 && Number.isFinite(value) && (!whole || Number.isSafeInteger(value))) return value
  throw new Error(`Expected a positive ${whole ? 'integer' : 'number'} for --${option}, received ${text}`)
}
