/**
 * Times the loading of a 45 MB ResNet-18 against Python's PyTorch, in the same run: in each round each contender has a
 * process of its own, in another order. Times are taken inside of it, after its imports. The figures of docs/benchmarks.md
 * come from here.
 *
 * npm run bench:load -- [--rounds 7] [--json bench/results/load.json]
 *
 * `NAPI_TORCH_TEST_PYTHON` names a Python with torch; without it only this package runs.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { memory, resnet18, saveCheckpoint, version } from 'napi-torch'

import { describeMachine, printMachine } from './support/machine.js'
import { formatSample, sampleOf, type Sample } from './support/sample.js'

const RESULTS = fileURLToPath(new URL('results/load.json', import.meta.url))
const PYTHON = process.env['NAPI_TORCH_TEST_PYTHON']
/** The one that the others are measured against. */
const RIVAL = 'PyTorch, mmap'

interface Contender {
  readonly name: string
  readonly program: 'node.mjs' | 'python.py'
  readonly options: { readonly mmap: boolean; readonly assign: boolean }
  readonly env?: Readonly<Record<string, string>>
}

const CONTENDERS: readonly Contender[] = [
  { name: 'PyTorch, read', program: 'python.py', options: { mmap: false, assign: false } },
  { name: RIVAL, program: 'python.py', options: { mmap: true, assign: false } },
  // Where other programs run, the threads of its copying wait for each other.
  {
    name: 'PyTorch, mmap, 1 thread',
    program: 'python.py',
    options: { mmap: true, assign: false },
    env: { OMP_NUM_THREADS: '1' },
  },
  { name: 'PyTorch, mmap, assign', program: 'python.py', options: { mmap: true, assign: true } },
  { name: 'napi-torch, read', program: 'node.mjs', options: { mmap: false, assign: false } },
  { name: 'napi-torch, mmap', program: 'node.mjs', options: { mmap: true, assign: false } },
  { name: 'napi-torch, read, assign', program: 'node.mjs', options: { mmap: false, assign: true } },
  { name: 'napi-torch, mmap, assign', program: 'node.mjs', options: { mmap: true, assign: true } },
]

/** What a process of bench/load/ prints: milliseconds, and bytes of memory. */
interface Load {
  readonly startup: number
  readonly model: number
  readonly load: number
  readonly loadStateDict: number
  /** Reading every element once, which of mapped tensors is when they come from the disk. */
  readonly touch: number
  /** Longest time for which the event loop stood still while loading. */
  readonly gap: number | null
  /** Of all elements: the same for all, or they did not load the same. */
  readonly sum: number
  /** Peak beyond what the process had before loading. */
  readonly extra: number
  /** The same, before the model was made. */
  readonly extraWithModel: number
  readonly torch?: string
}

interface Inspection {
  readonly startup: number
  readonly inspect: number
  readonly read: number
}

/** Gives what a program of bench/load/ prints. */
function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): unknown {
  const command = program.endsWith('.py') ? (PYTHON ?? 'python3') : process.execPath
  const path = fileURLToPath(new URL(`load/${program}`, import.meta.url))
  const started = String(Date.now())
  return JSON.parse(
    execFileSync(command, [path, started, ...args], { encoding: 'utf8', env: { ...process.env, ...env } }),
  )
}

/** What the runs of one contender come to. */
type Summary = Readonly<Record<Exclude<keyof Load, 'sum' | 'torch'> | 'both', Sample | null>>

function summarize(runs: readonly Load[]): Summary {
  const of = (value: (run: Load) => number): Sample => sampleOf(runs.map(value))
  return {
    startup: of((each) => each.startup),
    model: of((each) => each.model),
    load: of((each) => each.load),
    loadStateDict: of((each) => each.loadStateDict),
    both: of((each) => each.load + each.loadStateDict),
    touch: of((each) => each.touch),
    gap: runs[0]?.gap === null ? null : of((each) => each.gap ?? NaN),
    extra: of((each) => each.extra),
    extraWithModel: of((each) => each.extraWithModel),
  }
}

interface Measured {
  readonly loads: ReadonlyMap<string, readonly Load[]>
  readonly inspections: readonly Inspection[]
}

function measure(file: string, rounds: number): Measured {
  const contenders = CONTENDERS.filter(({ program }) => program === 'node.mjs' || PYTHON !== undefined)
  const loads = new Map<string, Load[]>(contenders.map(({ name }) => [name, []]))
  const inspections: Inspection[] = []
  for (let round = 0; round < rounds; round++) {
    for (let index = 0; index < contenders.length; index++) {
      const contender = contenders[(index + round) % contenders.length]
      if (contender === undefined) continue
      const { name, program, options, env } = contender
      loads.get(name)?.push(run(program, [file, JSON.stringify(options)], env) as Load)
    }
    inspections.push(run('inspect.mjs', [file]) as Inspection)
    process.stderr.write(`round ${round + 1} of ${rounds}\r`)
  }
  const sums = new Set([...loads.values()].flat().map(({ sum }) => sum.toPrecision(12)))
  if (sums.size !== 1) throw new Error(`They did not load the same: the elements sum to ${[...sums].join(' and ')}`)
  return { loads, inspections }
}

function printTable(summaries: ReadonlyMap<string, Summary>, tensorBytes: number): void {
  const heads = ['start-up', 'model', 'load', 'loadStateDict', 'both', 'ratio', 'first touch', 'loop gap', 'extra RSS']
  print(['', ...heads])
  print(['---', ...heads.map(() => '---:')])
  const rival = summaries.get(RIVAL)?.both?.median ?? NaN
  const cell = (sample: Sample | null): string => (sample === null ? '' : formatSample(sample))
  const median = (sample: Sample | null, digits = 0): string => sample?.median.toFixed(digits) ?? ''
  for (const [name, { startup, model, load, loadStateDict, both, touch, gap, extra }] of summaries) {
    const ratio = ((both?.median ?? NaN) / rival).toFixed(2)
    const memoryUse = `${((extra?.median ?? NaN) / tensorBytes).toFixed(2)}×`
    const times = [median(startup), median(model), cell(load), cell(loadStateDict), cell(both), ratio]
    print([name, ...times, median(touch), cell(gap), memoryUse])
  }
}

function print(columns: readonly string[]): void {
  console.log(`| ${columns.join(' | ')} |`)
}

/** Writes a ResNet-18 and gives the bytes of its tensors and of the file. */
async function writeModel(file: string): Promise<{ tensorBytes: number; fileBytes: number }> {
  const model = resnet18()
  const tensorBytes = memory().bytes
  await saveCheckpoint(file, model.stateDict())
  model.dispose()
  // Reading it puts it into the page cache, for all of them.
  return { tensorBytes, fileBytes: (await readFile(file)).byteLength }
}

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, json: { type: 'string', default: RESULTS } },
})
const rounds = Number(values.rounds)
if (!Number.isSafeInteger(rounds) || rounds < 1) throw new Error('Expected a positive integer for --rounds')
if (PYTHON === undefined) console.log('NAPI_TORCH_TEST_PYTHON names no Python with torch: nothing to compare with')

const folder = mkdtempSync(join(tmpdir(), 'napi-torch-bench-'))
try {
  const file = join(folder, 'resnet18.pth')
  const { tensorBytes, fileBytes } = await writeModel(file)
  const machine = describeMachine()
  printMachine(machine)
  const { loads, inspections } = measure(file, rounds)

  const torch = [...loads.values()].flat().find((each) => each.torch !== undefined)?.torch ?? null
  const { libtorch } = version()
  console.log(`ResNet-18, ${tensorBytes} bytes of tensors in a file of ${fileBytes}`)
  console.log(
    `libtorch ${libtorch}, torch ${torch ?? 'none'}; medians of ${rounds} processes each (and range), in ms\n`,
  )
  const summaries = new Map(Array.from(loads, ([name, runs]) => [name, summarize(runs)]))
  printTable(summaries, tensorBytes)
  const inspect = sampleOf(inspections.map((each) => each.inspect))
  const read = inspections[0]?.read ?? NaN
  console.log(`\ninspect reads ${(read / 1024).toFixed(0)} KiB of the file and takes ${formatSample(inspect)} ms`)

  const results = { ...Object.fromEntries(summaries), inspect: { inspect, read } }
  const report = { machine, versions: { libtorch, torch }, rounds, tensorBytes, fileBytes, results }
  const rounded = (_key: string, value: unknown): unknown =>
    typeof value === 'number' ? Math.round(value * 100) / 100 : value
  writeFileSync(values.json, `${JSON.stringify(report, rounded, 1)}\n`)
} finally {
  rmSync(folder, { recursive: true })
}
