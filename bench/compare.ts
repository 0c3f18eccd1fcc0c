/**
 * Compares the engine of this checkout with that of another one, such as an older commit: both run in turn, in processes of
 * their own, and only the ratio of what they compute at the same time counts. Both must be built (`npm run build`).
 *
 * npm run bench:compare -- ../other-checkout [--rounds 5] [--seconds 2] [--only resnet18]
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { Witness } from './engine/witness.js'
import { describeMachine, printMachine } from './support/machine.js'
import { sampleOf } from './support/sample.js'

const HERE = fileURLToPath(new URL('..', import.meta.url))
const CONTENDER = fileURLToPath(new URL('compare/contender.mjs', import.meta.url))
const WARM_UP_MS = 500

interface Workload {
  readonly model: 'resnet18' | 'resnet18Cifar'
  readonly size: number
  readonly batch: number
  readonly dtype: 'float32' | 'bfloat16' | 'int8'
}

const WORKLOADS: readonly Workload[] = [
  ...[1, 8, 32].map((batch) => ({ model: 'resnet18', size: 224, batch, dtype: 'float32' }) as const),
  ...[1, 32, 256].map((batch) => ({ model: 'resnet18Cifar', size: 32, batch, dtype: 'float32' }) as const),
  { model: 'resnet18', size: 224, batch: 8, dtype: 'bfloat16' },
  { model: 'resnet18', size: 224, batch: 8, dtype: 'int8' },
]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    only: { type: 'string' },
  },
})
const [other] = positionals
if (other === undefined) throw new Error('Name the other checkout: npm run bench:compare -- ../other-checkout')

/** What a contender says of itself before it is measured. */
interface Facts {
  readonly compileMs: number
  readonly rssMiB: number
  readonly output: readonly number[]
}

/** An engine in a process of its own, which computes when it is asked to. */
class Contender {
  readonly facts: Promise<Facts>
  readonly process: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string>

  constructor(checkout: string, workload: Workload) {
    this.process = spawn(process.execPath, [CONTENDER, path.resolve(checkout), JSON.stringify(workload)])
    this.process.stderr.pipe(process.stderr)
    this.#lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]()
    this.facts = this.#next().then((line) => JSON.parse(line) as Facts)
  }

  /** Computes for some milliseconds and gives the images per second. */
  async measure(ms: number): Promise<number> {
    this.process.stdin.write(`${ms}\n`)
    return Number(await this.#next())
  }

  async end(): Promise<void> {
    this.process.stdin.end()
    if (this.process.exitCode === null) await once(this.process, 'exit')
  }

  async #next(): Promise<string> {
    const line = await this.#lines.next()
    if (line.done === true) throw new Error('A contender ended early')
    return line.value
  }
}

async function compare(workload: Workload, witness: Witness): Promise<string> {
  // One after the other: what making an engine takes is measured, too.
  const before = new Contender(String(other), workload)
  const old = await before.facts
  const after = new Contender(HERE, workload)
  const current = await after.facts
  const contenders = [before, after] as const
  const own = contenders.map(({ process }) => process)
  for (const contender of contenders) await contender.measure(WARM_UP_MS)

  const rates: [number[], number[]] = [[], []]
  for (let round = 0; round < Number(values.rounds); round++) {
    witness.check()
    // Either goes first as often as the other.
    for (const index of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      await witness.watch({ own }, async () => {
        rates[index].push(await contenders[index].measure(Number(values.seconds) * 1000))
      })
    }
  }
  for (const contender of contenders) await contender.end()

  const ratio = sampleOf(rates[1].map((rate, round) => rate / (rates[0][round] ?? NaN)))
  const difference = Math.max(...current.output.map((value, index) => Math.abs(value - (old.output[index] ?? NaN))))
  const { model, size, batch, dtype } = workload
  const cells = [
    `${model} ${size} ${dtype}, batch ${batch}`,
    ...rates.map((each) => sampleOf(each).median.toFixed(1)),
    `${ratio.median.toFixed(3)} (${ratio.min.toFixed(3)}–${ratio.max.toFixed(3)})`,
    `${old.compileMs.toFixed(0)} → ${current.compileMs.toFixed(0)}`,
    `${old.rssMiB.toFixed(0)} → ${current.rssMiB.toFixed(0)}`,
    String(difference),
  ]
  return `| ${cells.join(' | ')} |`
}

printMachine(describeMachine())
const witness = new Witness()
console.log('\n| workload | other, img/s | this, img/s | this ÷ other | compile, ms | RSS, MiB | largest difference |')
console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: |')
for (const workload of WORKLOADS) {
  if (values.only !== undefined && workload.model !== values.only) continue
  console.log(await compare(workload, witness))
}
const { peaks, others } = witness.report()
Witness.dispose()
console.log(`\nPeak ${Math.min(...peaks).toFixed(0)} to ${Math.max(...peaks).toFixed(0)} GFLOP/s`)
console.log(`Other programs used ${others?.mean.toFixed(2) ?? '?'} cores on average`)
