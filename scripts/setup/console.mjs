// What the setup prints: a line for each step; during long ones, a moving line on a terminal and a line now and then in a log.

import { spawn } from 'node:child_process'
import { performance } from 'node:perf_hooks'

const LOG_INTERVAL_MS = 15_000
const REDRAW_MS = 100

/** Ends the setup: one sentence, and the command that helps. */
export class SetupError extends Error {
  /** What the command that failed has printed. */
  output = ''

  constructor(message, command) {
    super(command === undefined ? message : `${message}. Run this:\n\n  ${command}\n`)
  }
}

/** Prints the line of a finished step. */
export function done(text) {
  console.log(`✓ ${text}`)
}

/** Prints the line of a step that was skipped, with the reason. */
export function skipped(text) {
  console.log(`– ${text}`)
}

/** Shows the progress of a long step: `update` sets its text, `end` removes the line and gives the time that it took. */
export function progress(label) {
  const begin = performance.now()
  const terminal = process.stdout.isTTY === true
  let text = ''
  let drawn = 0
  let logged = begin

  function draw() {
    const now = performance.now()
    const line = [`… ${label}`, seconds(now - begin), text].filter((part) => part !== '').join('  ')
    if (terminal && now - drawn >= REDRAW_MS) {
      drawn = now
      process.stdout.write(`\r\x1b[K${line.slice(0, (process.stdout.columns || 80) - 1)}`)
    } else if (!terminal && now - logged >= LOG_INTERVAL_MS) {
      logged = now
      console.log(line)
    }
  }

  // Steps that report nothing need a sign of life, too: npm is silent for half a minute.
  const timer = setInterval(draw, 1000)
  draw()
  return {
    update(newText) {
      text = newText
      draw()
    },
    end() {
      clearInterval(timer)
      if (terminal) process.stdout.write('\r\x1b[K')
      return seconds(performance.now() - begin)
    },
  }
}

/**
 * Runs a command to its end and gives the time that it took, or throws an error that holds its output. `progressOf`
 * makes the text of the progress of a line of output, or null.
 */
export async function run(label, command, args, { progressOf = () => null, ...options } = {}) {
  const shown = progress(label)
  let output = ''
  const status = await new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    const read = (part) => {
      output += part
      const text = part
        .trimEnd()
        .split('\n')
        .map(progressOf)
        .findLast((line) => line !== null)
      if (text !== undefined) shown.update(text)
    }
    child.stdout.setEncoding('utf8').on('data', read)
    child.stderr.setEncoding('utf8').on('data', read)
    child.on('error', (error) => resolve(error.message))
    child.on('close', (code, signal) => resolve(code ?? signal))
  })
  const took = shown.end()
  if (status === 0) return took
  const error = new SetupError(`${label} failed (${status}): ${command} ${args.join(' ')}`)
  error.output = output
  throw error
}

/** `12 s` of milliseconds, `2 min 5 s` of more. */
export function seconds(ms) {
  const whole = Math.round(ms / 1000)
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`
}

/** `182.9 MB`. */
export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
