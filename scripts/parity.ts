/**
 * Replays PyTorch's own samples of operators (OpInfo) and modules (ModuleInfo), and the backend tests of ONNX: by `forward()`, and
 * compiled by each set of kernels. Prints for each operator how many results are right, wrong, refused and not offered; what
 * this package has not is listed, too. Ends with exit code 1 if a result is wrong.
 *
 * npm run parity [-- --refresh] [--only NAME]
 *
 * Python writes the samples into build/parity/ when it is first run, or again with --refresh: NAPI_TORCH_TEST_PYTHON names one that
 * has torch, and onnx for the third suite. scripts/make_parity_suites.py says what is left out.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { scope, TorchError } from 'napi-torch'

import { differenceOf, isEqual, NotOffered } from './parity/compare.js'
import { readSuite, SUITES, type Case, type Suite, type SuiteName } from './parity/data.js'
import { MODULES } from './parity/modules.js'
import { ONNX_OPERATORS, type OnnxNode } from './parity/onnx.js'
import { OPERATORS } from './parity/operators.js'
import { replayOf, runReplay, TARGETS } from './parity/replay.js'
import { differenceOf as compiledDifferenceOf, TOLERANCE } from './sweep/compiled.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const FOLDER = join(ROOT, 'build', 'parity')
/** A defect that shows in every case says no more. */
const MAX_SHOWN = 10

const { values } = parseArgs({ options: { refresh: { type: 'boolean', default: false }, only: { type: 'string' } } })

/** What came of the cases of an operator. */
interface Counts {
  equal: number
  close: number
  wrong: number
  refused: number
  compiled: number
  compiledWrong: number
  notCompiled: number
  notOffered: number
}

const NONE: Counts = {
  ...{ equal: 0, close: 0, wrong: 0, refused: 0, compiled: 0, compiledWrong: 0, notCompiled: 0, notOffered: 0 },
}

function write(): void {
  const python = process.env['NAPI_TORCH_TEST_PYTHON']
  if (python === undefined) throw new Error('NAPI_TORCH_TEST_PYTHON names no Python with torch')
  const offered = {
    opinfo: Object.keys(OPERATORS),
    moduleinfo: Object.keys(MODULES),
    onnx: Object.keys(ONNX_OPERATORS),
  }
  const script = join(ROOT, 'scripts', 'make_parity_suites.py')
  execFileSync(python, ['-W', 'ignore', script, FOLDER], {
    input: JSON.stringify(offered),
    stdio: ['pipe', 'inherit', 'inherit'],
  })
}

/** Reasons by their numbers. */
class Reasons {
  readonly #counts = new Map<string, number>()

  add(name: string, reason: string, count = 1): void {
    const key = `${name}: ${reason}`
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count)
  }

  lines(): string[] {
    return [...this.#counts].sort().map(([key, count]) => `${String(count).padStart(8)}  ${key}`)
  }
}

function replay(name: SuiteName, suite: Suite): boolean {
  const counts = new Map<string, Counts>()
  const [reasons, refusals, uncompiled] = [new Reasons(), new Reasons(), new Reasons()]
  const wrong: string[] = []
  const of = (operator: string): Counts => {
    const found = counts.get(operator) ?? { ...NONE }
    counts.set(operator, found)
    return found
  }
  for (const [index, each] of suite.cases.entries()) {
    const operator = operatorOf(name, each)
    if (values.only !== undefined && operator !== values.only) continue
    const count = of(operator)
    scope(() => {
      const show = (text: string): void => void wrong.push(`${operator}, case ${index}: ${text}`)
      try {
        const { difference, equal } = eager(name, each, suite)
        if (difference !== null) {
          count.wrong++
          show(difference)
          return
        }
        if (equal) count.equal++
        else count.close++
      } catch (error) {
        if (error instanceof NotOffered) {
          count.notOffered++
          reasons.add(operator, error.message)
        } else if (error instanceof TorchError) {
          count.refused++
          refusals.add(operator, messageOf(error))
        } else throw error
        return
      }
      for (const target of TARGETS) {
        if (target.dtype !== 'float32') continue
        try {
          const run = replayOf(name, each, suite.bytes)
          const received = runReplay(run, target)
          const difference = compiledDifferenceOf(received, {
            elements: run.wanted[0]?.toFloat32Array() ?? [],
            tolerance: TOLERANCE.float32,
          })
          count.compiled++
          if (difference === null) continue
          count.compiledWrong++
          show(`${target.kernels}, ${target.instructionSet}: ${difference}`)
        } catch (error) {
          if (!(error instanceof NotOffered) && !(error instanceof TorchError)) throw error
          count.notCompiled++
          uncompiled.add(operator, error instanceof NotOffered ? error.message : messageOf(error))
          // No set of kernels changes what can be traced.
          break
        }
      }
    })
  }
  for (const [operator, left] of Object.entries(suite.leftOut)) {
    for (const [reason, count] of Object.entries(left)) {
      if (reason !== 'no such operator' && reason !== 'no such module') of(operator).notOffered += count
      reasons.add(operator, reason, count)
    }
  }
  print(name, suite, counts)
  show('Not offered', reasons)
  show('Refused with a TorchError', refusals)
  show('Not compiled', uncompiled)
  for (const line of wrong.slice(0, MAX_SHOWN)) console.log(`WRONG ${line}`)
  return wrong.length === 0
}

function eager(name: SuiteName, each: Case, { bytes }: Suite): { difference: string | null; equal: boolean } {
  const { input, forward, wanted } = replayOf(name, each, bytes)
  const received = forward(input)
  // ONNX's own results are numpy's.
  return { difference: differenceOf(received, wanted, name === 'onnx' ? 10 : 1), equal: isEqual(received, wanted) }
}

function operatorOf(suite: SuiteName, each: Case): string {
  if (suite !== 'onnx') return each.name
  const names = new Set((each['nodes'] as OnnxNode[]).map(({ op }) => op))
  return [...names].sort().join(' ')
}

function messageOf({ code, message }: TorchError): string {
  // Shapes and numbers differ from case to case.
  return `${code} ${message
    .split('\n')[0]
    ?.replaceAll(/[-\d]+/g, '#')
    .slice(0, 100)}`
}

function print(name: SuiteName, { version }: Suite, counts: ReadonlyMap<string, Counts>): void {
  const columns = [
    'equal',
    'close',
    'wrong',
    'refused',
    'compiled',
    'compiledWrong',
    'notCompiled',
    'notOffered',
  ] as const
  console.log(`\n## ${name}, ${version ?? 'not written: Python has no such package'}\n`)
  console.log(`| operator | ${columns.join(' | ')} |\n| --- |${' ---: |'.repeat(columns.length)}`)
  const total = { ...NONE }
  for (const [operator, count] of counts) {
    console.log(`| ${operator} | ${columns.map((column) => count[column]).join(' | ')} |`)
    for (const column of columns) total[column] += count[column]
  }
  console.log(`| **all** | ${columns.map((column) => total[column]).join(' | ')} |`)
}

function show(title: string, reasons: Reasons): void {
  const lines = reasons.lines()
  if (lines.length > 0) console.log(`\n${title}:\n${lines.join('\n')}`)
}

if (values.refresh || !SUITES.every((name) => existsSync(join(FOLDER, `${name}.json`)))) write()
const isRight = SUITES.map((name) => replay(name, readSuite(FOLDER, name))).every(Boolean)
process.exitCode = isRight ? 0 : 1
