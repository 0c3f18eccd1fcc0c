/**
 * Compiles random convolutions, or random networks, and compares what they give with eager float64: NaN and infinities
 * included, with each set of kernels and each of their instruction sets. Processes of their own compute, so that a crash is a find.
 * What was wrong is printed with its seed, and the exit code is 1 then.
 *
 * npm run sweep -- convolutions|networks [--count 20000] [--seed 1] [--case N]
 */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

import { CHECKS, type Kind } from './sweep/checks.js'

/** Cases of one process, so that what leaks a little does not add up. */
const CASES_PER_CHILD = 5_000
/** A defect that is found again and again says no more. */
const MAX_FINDS = 50
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const CHILD = fileURLToPath(new URL('sweep/child.ts', import.meta.url))

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    case: { type: 'string' },
  },
})
const kind = positionals[0] as Kind
const [first, count] = values.case === undefined ? [0, Number(values.count)] : [Number(values.case), 1]
const seed = Number(values.seed)
if (!Object.hasOwn(CHECKS, kind)) throw new Error(`Expected one of ${Object.keys(CHECKS).join(', ')}`)
if (![first, count, seed].every((value) => Number.isSafeInteger(value) && value >= 0)) {
  throw new Error('Expected integers for --count, --seed and --case')
}

interface Stretch {
  readonly last: number
  readonly wrong: readonly string[]
  /** What ended the process; null if it came to the end. */
  readonly crash: string | null
}

function sweep(from: number, end: number): Promise<Stretch> {
  const execArgv = ['--conditions=napi-torch-source', '--import', TSX]
  const args = [...execArgv, CHILD, kind, String(from), String(end), String(seed)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const wrong: string[] = []
  let last = from
  createInterface(child.stdout).on('line', (line) => {
    if (line.startsWith('wrong ')) wrong.push(`case ${last}: ${line.slice(6)}`)
    else last = Number(line)
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status, signal) => {
      resolve({ last, wrong, crash: status === 0 ? null : (signal ?? `exit code ${status}`) })
    })
  })
}

const started = Date.now()
let [crashes, wrongs] = [0, 0]
let next = first
while (next < first + count && crashes + wrongs < MAX_FINDS) {
  const end = Math.min(next + CASES_PER_CHILD, first + count)
  const { last, wrong, crash } = await sweep(next, end)
  for (const line of wrong) console.log(`wrong, ${line}`)
  if (crash !== null) console.log(`crash, case ${last}: ${crash}`)
  wrongs += wrong.length
  crashes += crash === null ? 0 : 1
  next = crash === null ? end : last + 1
}
const seconds = Math.round((Date.now() - started) / 1000)
console.log(`${next - first} ${kind} in ${seconds} s, seed ${seed}: ${crashes} crashes, ${wrongs} wrong`)
process.exitCode = crashes + wrongs === 0 ? 0 : 1
