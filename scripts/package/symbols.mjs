// Which symbols of the system an addon needs, and whether an old system has them.

import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** What libtorch 2.13 itself needs, and so every system has on which it runs. */
export const FLOOR = { GLIBC: '2.28', GLIBCXX: '3.4.22', CXXABI: '1.3.11', GCC: '3.4' }

/** @throws {Error} naming the symbols of the addons below `folder` that are newer than {@link FLOOR}. */
export function checkSymbols(folder) {
  const addons = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.node'))
  if (addons.length === 0) throw new Error(`There is no addon in ${folder}`)
  const faults = addons.flatMap((name) =>
    newerSymbols(symbolsOf(join(folder, name))).map((symbol) => `${name}: ${symbol}`),
  )
  if (faults.length === 0) return
  throw new Error(
    `These symbols are newer than those of libtorch (${Object.entries(FLOOR)
      .map((pair) => pair.join('_'))
      .join(', ')}); ` + `see native/glibc/portable.h:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
  )
}

/** Those of `symbols`, such as `fstat GLIBC_2.33`, that are newer than {@link FLOOR}. */
export function newerSymbols(symbols) {
  return symbols.filter((symbol) => {
    const [, family, version] = /\b([A-Z]+)_([\d.]+)$/.exec(symbol) ?? []
    return FLOOR[family] !== undefined && isNewer(version, FLOOR[family])
  })
}

/** The versioned symbols that a library takes from others. */
export function symbolsOf(path) {
  const table = execFileSync('objdump', ['-T', path], { encoding: 'utf8', maxBuffer: 2 ** 26 })
  return [...table.matchAll(/\*UND\*\s+\w+\s+\(([A-Z]+_[\d.]+)\)\s+(\S+)/g)].map(
    ([, version, name]) => `${name} ${version}`,
  )
}

function isNewer(version, floor) {
  const parts = version.split('.').map(Number)
  const limits = floor.split('.').map(Number)
  const index = parts.findIndex((part, position) => part !== (limits[position] ?? 0))
  return index !== -1 && parts[index] > (limits[index] ?? 0)
}
