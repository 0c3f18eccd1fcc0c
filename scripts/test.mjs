// Runs the tests after scripts/setup.mjs: mocha with what stands on the command line, then the type check, in which the
// type tests of test/types are. `npm test -- test/util/scope.test.ts` runs one file; `npm run test:quick` all but those that start
// programs, servers and browsers, or build every family of models.

import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'

import { ROOT } from './setup/root.mjs'
import { provideTestPython } from './setup/test_python.mjs'

const MAX_JOBS = 4

/** Tests that `npm run test:quick` leaves out. */
const SLOW = ['**/integration/**', 'packages/**', 'scripts/**', 'cli/**', 'models/**', 'examples/**', 'install/**'].map(
  (folder) => `test/${folder}`,
)

const { resolve } = createRequire(import.meta.url)

function runNode(args, env = {}) {
  const { status, signal } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  })
  if (signal !== null) console.error(`✗ Ended by ${signal}: node ${args.join(' ')}`)
  return status === 0
}

const python = await provideTestPython()
const env = {
  // The setup has compiled the sources: programs that tests start need not do it again.
  NAPI_TORCH_TEST_COMPILED: '1',
  ...(python === null ? {} : { NAPI_TORCH_TEST_PYTHON: python }),
}
const mocha = ['--expose-gc', '--conditions=napi-torch-source', '--import', 'tsx', resolve('mocha/bin/mocha.js')]
const args = process.argv.slice(2).filter((arg) => arg !== '--quick')
const isQuick = process.argv.includes('--quick')
// Not in .mocharc.json: mocha would run these besides the files that are asked for.
if (!args.some((arg) => arg.endsWith('.ts'))) {
  args.push('test/**/*.test.ts', '--reporter', 'scripts/mocha_reporter.cjs')
  if (isQuick) args.push(...SLOW.flatMap((pattern) => ['--ignore', pattern]))
  // A file is run by one process. More than a few would need more memory than a small machine has.
  const cores = availableParallelism()
  const jobs = Math.min(cores, MAX_JOBS)
  if (jobs > 1) {
    args.push('--parallel', '--jobs', String(jobs))
    // The threads of one process would wait for those of the others at the end of each operator.
    env.OMP_NUM_THREADS = process.env.OMP_NUM_THREADS || String(Math.floor(cores / jobs))
  }
}
const tested = runNode([...mocha, ...args], env)
const typed = runNode([resolve('typescript/bin/tsc'), '-p', 'tsconfig.json'])
console.log(typed ? '✓ Types hold' : '✗ The type check failed')
process.exitCode = tested && typed ? 0 : 1
