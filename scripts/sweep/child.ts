// Checks the cases that scripts/sweep.ts asks for, one after the other: KIND FIRST END SEED. Before each it writes the number of
// the case, and for what is wrong a line. Whatever ends this process is found by the last number.

import { writeSync } from 'node:fs'

import { CHECKS, seedOf, type Kind } from './checks.js'

const [kind = 'convolutions', first, end, seed] = process.argv.slice(2)
for (let index = Number(first); index < Number(end); index++) {
  writeSync(1, `${index}\n`)
  const wrong = await CHECKS[kind as Kind](seedOf(Number(seed), index))
  if (wrong !== null) writeSync(1, `wrong ${wrong.replaceAll('\n', ' ')}\n`)
}
// Threads and finalizers have nothing left to do.
process.exit()
