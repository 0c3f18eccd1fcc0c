/**
 * Reads damaged and hostile checkpoints for as long as it is told: files of all formats with changed bits, numbers,
 * instructions and entries, programs at random, and files whose few bytes ask for much. Each is inspected, loaded, recognized
 * and printed, and each time must end in a value or an error of ours, within 0.5 s of CPU time and 64 MiB beyond the file
 * (a file above 1 MB in proportion). What does not is written to test/fixtures/fuzz/, where test/integration/checkpoint/corpus.test.ts
 * reads it again from then on, and the exit code is 1.
 *
 * npm run fuzz -- [--minutes 5] [--seed N] [FOLDER…]
 *
 * The files that are changed are those of test/fixtures/checkpoint, past finds, and those of the folders that are named.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { Cases } from './fuzz/cases.js'
import { Random } from './fuzz/random.js'
import { Supervisor, type Outcome, type Way } from './fuzz/supervisor.js'

const FIXTURES = fileURLToPath(new URL('../test/fixtures/', import.meta.url))
const CORPUS = join(FIXTURES, 'fuzz')
/** A defect that is found again and again would fill the disk. */
const MAX_FINDS = 20

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '5' }, seed: { type: 'string' } },
})
const minutes = Number(values.minutes)
const seed = values.seed === undefined ? Date.now() % 2 ** 32 : Number(values.seed)
if (!(minutes > 0)) throw new Error('Expected a positive number for --minutes')
if (!Number.isSafeInteger(seed)) throw new Error('Expected an integer for --seed')

function save(bytes: Uint8Array, kind: string): string {
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
  const path = join(CORPUS, `${kind}-${hash}.bin`)
  writeFileSync(path, bytes)
  return path
}

mkdirSync(CORPUS, { recursive: true })
const random = new Random(seed)
const cases = await Cases.of([join(FIXTURES, 'checkpoint'), ...positionals], CORPUS, random)
const supervisor = new Supervisor()
const counts = new Map<string, number>()
const ways: readonly Way[] = ['bytes', 'bytes', 'file', 'mmap']
let most: Pick<Outcome, 'cpuMs' | 'extraBytes'> = { cpuMs: 0, extraBytes: 0 }
let total = 0
let finds = 0
console.log(`Fuzzing for ${minutes} min from ${cases.size} files, seed ${seed}`)

process.once('SIGINT', () => (finds = MAX_FINDS))
const started = Date.now()
for (let shown = started; Date.now() - started < minutes * 60_000 && finds < MAX_FINDS; total++) {
  const { name, bytes } = cases.next()
  const way = random.pick(ways)
  const { kind, detail, cpuMs, extraBytes } = await supervisor.run({ bytes, way })
  const label = kind === 'fine' ? detail : kind
  counts.set(label, (counts.get(label) ?? 0) + 1)
  most = { cpuMs: Math.max(most.cpuMs, cpuMs), extraBytes: Math.max(most.extraBytes, extraBytes) }
  if (kind !== 'fine') {
    finds++
    console.log(`${kind}: ${name}, by ${way}, ${bytes.length} bytes: ${detail}\n  ${save(bytes, kind)}`)
  }
  if (Date.now() - shown > 60_000) {
    shown = Date.now()
    console.log(`  ${Math.round((shown - started) / 60_000)} min: ${total} cases, ${finds} finds`)
  }
}
supervisor.close()

const seconds = (Date.now() - started) / 1000
console.log(`${total} cases in ${seconds.toFixed(0)} s; at most ${most.cpuMs.toFixed(0)} ms of CPU time`)
console.log(`and ${(most.extraBytes / 2 ** 20).toFixed(0)} MiB of memory for one. By outcome (inspected, then loaded):`)
for (const [label, count] of [...counts].sort((a, b) => b[1] - a[1]))
  console.log(`${String(count).padStart(9)}  ${label}`)
console.log(finds === 0 ? '✓ Nothing found' : `✗ ${finds} finds, in ${CORPUS}`)
process.exitCode = finds === 0 ? 0 : 1
