// Checks the cases that scripts/sweep.ts asks for, one after the other: KIND FIRST END SEED. Before each it writes the number of
// the case, and for what is wrong a line. Whatever ends this process is found by the last number.

import { writeSync } from 'node:fs'

import { setNumThreads } from 'napi-torch'

import { hasCode } from '../../lib/util/errno.js'
import { CHECKS, seedOf, type Kind } from './checks.js'

/** Writes a line before anything else happens: what follows may end the process. */
function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, `${line}\n`)
      return
    } catch (error) {
      // The pipe does not block, and is full where the reader has no time.
      if (!hasCode(error, 'EAGAIN')) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
  }
}

// The cases are small: threads would wait for each other most of the time.
setNumThreads(1)

const [kind = 'convolutions', first, end, seed] = process.argv.slice(2)
for (let index = Number(first); index < Number(end); index++) {
  say(String(index))
  const wrong = await CHECKS[kind as Kind](seedOf(Number(seed), index))
  if (wrong !== null) say(`wrong ${wrong.replaceAll('\n', ' ')}`)
}
// Threads and finalizers have nothing left to do.
process.exit()
