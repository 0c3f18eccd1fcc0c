/**
 * Times what a process waits for before it can compute, each in a process of its own and in turn: importing the package as it
 * is published, opening libtorch and making the first tensor, and opening the libraries of libtorch by themselves.
 *
 * npm run bench:start -- [--rounds 15] [--json bench/results/start.json]
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { findLibtorch } from '../lib/libtorch/libtorch.js'
import { stageMainPackage } from '../scripts/package/main_package.js'
import { describeMachine, printMachine } from './support/machine.js'
import { formatSample, sampleOf } from './support/sample.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    json: { type: 'string', default: fileURLToPath(new URL('results/start.json', import.meta.url)) },
  },
})
const rounds = Number(values.rounds)
const libtorch = findLibtorch()

const timed = (body: string): string =>
  `const began = performance.now(); ${body}; process.stdout.write(String(performance.now() - began))`

const PRELOAD = join(ROOT, 'build/preload/napi_torch_preload.node')
const LIBRARIES = ['c10', 'torch_cpu'].map((name) => join(libtorch.libFolder, `lib${name}.so`))

/** What each process does, by what it stands for. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'import of the package': timed(`await import('napi-torch')`),
  'opening libtorch and the first tensor': `const { zeros } = await import('napi-torch'); ${timed('zeros([1])')}`,
  'opening the libraries of libtorch': `
    const { open } = (await import('node:module')).createRequire('${ROOT}')('${PRELOAD}')
    ${timed(`for (const path of ${JSON.stringify(LIBRARIES)}) { const failure = open(path); if (failure !== null) throw new Error(failure) }`)}`,
}

/** A project that has the package as npm would install it, next to the packages that it needs. */
async function makeProject(): Promise<string> {
  const project = mkdtempSync(join(ROOT, 'build', 'bench-start-'))
  const installed = join(project, 'node_modules', 'napi-torch')
  mkdirSync(join(project, 'node_modules'))
  cpSync(await stageMainPackage({ withLibtorch: false }), installed, { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(installed, 'node_modules'))
  mkdirSync(join(installed, 'build'))
  for (const part of ['Release', 'preload'])
    cpSync(join(ROOT, 'build', part), join(installed, 'build', part), { recursive: true })
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
  return project
}

function run(project: string, program: string): number {
  const env = { ...process.env, NAPI_TORCH_LIBTORCH: libtorch.folder }
  const result = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: project,
    env,
    encoding: 'utf8',
  })
  if (result.status !== 0) throw new Error(result.stderr)
  return Number(result.stdout)
}

const machine = describeMachine()
printMachine(machine)
const project = await makeProject()
const times = new Map<string, number[]>(Object.keys(PROGRAMS).map((name) => [name, []]))
try {
  for (let round = -1; round < rounds; round++) {
    for (const [name, program] of Object.entries(PROGRAMS)) {
      const time = run(project, program)
      // The first round fills the page cache.
      if (round >= 0) times.get(name)?.push(time)
    }
  }
} finally {
  rmSync(project, { recursive: true })
}
const samples = Object.fromEntries(Array.from(times, ([name, each]) => [name, sampleOf(each)]))
console.log(`Medians of ${rounds} processes (and range), in ms\n`)
for (const [name, sample] of Object.entries(samples)) console.log(`| ${name} | ${formatSample(sample)} |`)
const [imported, first, libraries] = Object.values(samples).map(({ median }) => median)
console.log(
  `\nimport ${imported?.toFixed(0)} ms (goal: 60); libtorch and first tensor ÷ libraries alone ${((first ?? NaN) / (libraries ?? NaN)).toFixed(2)} (goal: 1.3)`,
)
writeFileSync(values.json, `${JSON.stringify({ machine, rounds, samples }, null, 1)}\n`)
