/**
 * Prints how far every operator and whole model is from Python's PyTorch, as a Markdown table: the goldens of
 * test/goldens against this machine. Ends with exit code 1 if one is farther than its test allows.
 *
 * npm run parity:goldens [-- --all]
 *
 * A row is an operator and an element type, with its worst case; with --all it is a case.
 */
import { parseArgs } from 'node:util'

import { scope, version, type Tensor } from 'napi-torch'

import { logitsCases } from '../test/support/models.js'
import { isClose, maxDifference, type Tolerance } from '../test/support/numeric.js'
import { OPERATOR_FAMILIES, operatorCases, toleranceOf } from '../test/support/operators.js'

interface Row {
  readonly op: string
  readonly dtype: string
  readonly name: string
  readonly error: number
  readonly isClose: boolean
}

const LOGITS_TOLERANCE: Tolerance = { atol: 1e-4 }

function compare(op: string, name: string, actual: Tensor, expected: Tensor, tolerance: Tolerance): Row {
  const error = maxDifference(actual, expected)
  return { op, dtype: expected.dtype, name, error, isClose: isClose(actual, expected, tolerance) }
}

function* operatorRows(): Generator<Row> {
  for (const family of OPERATOR_FAMILIES) {
    for (const { op, name, run } of operatorCases(family)) {
      yield* scope(() =>
        run().map(({ role, actual, expected }) =>
          compare(op, role === 'output' ? name : `${name}: ${role}`, actual, expected, toleranceOf(expected)),
        ),
      )
    }
  }
}

function* modelRows(): Generator<Row> {
  for (const { model, shape, run } of logitsCases()) {
    yield scope(() => {
      const { actual, expected } = run()
      return compare(model, `logits of (${shape.join(', ')})`, actual, expected, LOGITS_TOLERANCE)
    })
  }
}

/** The rows of one operator together, in the order in which the operators first come. */
function byOperator(rows: readonly Row[]): readonly Row[] {
  const order = [...new Set(rows.map(({ op }) => op))]
  return [...rows].sort((a, b) => order.indexOf(a.op) - order.indexOf(b.op))
}

/** The worst case of each operator and element type, with their number. */
function worst(rows: readonly Row[]): readonly (Row & { readonly cases: number })[] {
  const groups = new Map<string, Row & { readonly cases: number }>()
  for (const row of rows) {
    const key = `${row.op} ${row.dtype}`
    const before = groups.get(key)
    const cases = (before?.cases ?? 0) + 1
    const isWorse = before === undefined || row.error > before.error || !row.isClose
    groups.set(key, isWorse ? { ...row, cases } : { ...before, cases })
  }
  return [...groups.values()]
}

function print(columns: readonly string[]): void {
  console.log(`| ${columns.join(' | ')} |`)
}

const { values } = parseArgs({ options: { all: { type: 'boolean', default: false } } })
const rows = byOperator([...operatorRows(), ...modelRows()])
const { libtorch, cpuCapability } = version()
console.log(`${rows.length} comparisons with PyTorch's answers; libtorch ${libtorch}, ${cpuCapability}\n`)
print(['operator', 'dtype', 'cases', values.all ? 'case' : 'worst case', 'max abs error', 'within tolerance'])
print(['---', '---', '---:', '---', '---:', '---'])
for (const row of values.all ? rows.map((row) => ({ ...row, cases: 1 })) : worst(rows)) {
  const error = row.error === 0 ? '0' : row.error.toExponential(1)
  print([
    row.op,
    row.dtype,
    String(row.cases),
    row.error === 0 && !values.all ? 'equal' : row.name,
    error,
    row.isClose ? 'yes' : 'NO',
  ])
}
if (!rows.every((row) => row.isClose)) process.exitCode = 1
