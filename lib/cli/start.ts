import { constants } from 'node:os'

import type { Context } from './command.js'
import { EXIT, EXIT_SIGNAL, exitCodeOf } from './exit_codes.js'
import { errorDetails, errorLine } from './output/errors.js'
import { Terminal } from './output/terminal.js'
import { runProgram } from './program.js'

/** Shows the cursor and wraps long lines again, as a progress bar does at its end. */
const RESTORE_TERMINAL = '\u001b[?25h\u001b[?7h'

const interruption = new AbortController()
let interruptedBy: NodeJS.Signals | null = null

const terminal = new Terminal(process.stdout, process.stderr)
const context: Context = { terminal, signal: interruption.signal }

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt)
// The reader of the output may close it early: `napi-torch inspect … | head` is not a failure.
for (const stream of [process.stdout, process.stderr]) stream.on('error', endQuietly)

// Not process.exit(), which would lose what has been written into a pipe.
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

/** The first signal asks the command to stop and clean up; a second one does not wait for that. */
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
