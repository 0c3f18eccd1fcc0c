#!/usr/bin/env node
import { constants } from 'node:os'

import type { Context } from './context.js'
import { EXIT, EXIT_SIGNAL, exitCodeOf } from './exit_codes.js'
import { runProgram } from './program.js'
import { errorDetails, errorLine } from './report.js'
import { Terminal } from './terminal.js'

/** Shows the cursor and lets long lines wrap again, as a progress bar would have done at its end. */
const RESTORE_TERMINAL = '\u001b[?25h\u001b[?7h'

const interruption = new AbortController()
let interruptedBy: NodeJS.Signals | null = null

const terminal = new Terminal(process.stdout, process.stderr)
const context: Context = { terminal, signal: interruption.signal }

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt)
// Whoever reads the output may have seen enough of it: `napi-torch inspect … | head` is no failure.
for (const stream of [process.stdout, process.stderr]) stream.on('error', endQuietly)

// Not process.exit(): what has been written into a pipe would be lost.
process.exitCode = await run()

async function run(): Promise<number> {
  const verbose = process.argv.includes('--verbose')
  try {
    return await runProgram(process.argv.slice(2), context)
  } catch (error) {
    if (interruptedBy !== null) {
      terminal.note(`napi-torch: Interrupted (${interruptedBy})`)
      return EXIT_SIGNAL + constants.signals[interruptedBy]
    }
    terminal.note(errorLine(error))
    if (verbose) terminal.note(errorDetails(error))
    return exitCodeOf(error)
  }
}

/** The first signal asks the command to stop and tidy up; a second one does not wait for that. */
function interrupt(signal: NodeJS.Signals): void {
  if (interruptedBy === null) {
    interruptedBy = signal
    interruption.abort()
    return
  }
  if (process.stderr.isTTY) process.stderr.write(RESTORE_TERMINAL)
  process.exit(EXIT_SIGNAL + constants.signals[signal])
}

function endQuietly(error: NodeJS.ErrnoException): void {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed)
}
