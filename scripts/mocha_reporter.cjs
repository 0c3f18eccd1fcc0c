/**
 * Prints a line for each file of tests, then the failures in full, and the files that took longest.
 *
 * A file's events come together, as one process runs it: with `--parallel` mocha keeps them until the file has ended.
 */
'use strict'

const path = require('node:path')
const process = require('node:process')

const { reporters, Runner } = require('mocha')

const { EVENT_HOOK_END, EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_TEST_PENDING, EVENT_RUN_END } = Runner.constants

/** Files that are named at the end. */
const SLOWEST = 10

class FileReporter extends reporters.Base {
  #files = []
  #current = null

  constructor(runner, options) {
    super(runner, options)
    for (const [event, outcome] of [
      [EVENT_TEST_PASS, 'passed'],
      [EVENT_TEST_FAIL, 'failed'],
      [EVENT_TEST_PENDING, 'skipped'],
    ]) {
      runner.on(event, (test) => this.#count(test, outcome))
    }
    runner.on(EVENT_HOOK_END, (hook) => this.#add(hook))
    runner.once(EVENT_RUN_END, () => {
      this.#print()
      this.#printSlowest()
      this.epilogue()
    })
  }

  #count(test, outcome) {
    this.#add(test)
    this.#current[outcome]++
    if (outcome === 'skipped') this.#current.titles.push(test.title)
  }

  #add({ file, duration = 0 }) {
    // A hook of all files has none.
    if (!file) return
    const name = path.relative(process.cwd(), file)
    if (this.#current?.name !== name) {
      this.#print()
      this.#current = { name, passed: 0, failed: 0, skipped: 0, ms: 0, titles: [] }
      this.#files.push(this.#current)
    }
    this.#current.ms += duration
  }

  /** Prints the file whose tests have ended. */
  #print() {
    if (this.#current === null) return
    const { name, passed, failed, skipped, ms, titles } = this.#current
    this.#current = null
    const { color, symbols, consoleLog } = reporters.Base
    const mark = failed > 0 ? color('fail', symbols.err) : color('checkmark', symbols.ok)
    const rest = [
      failed > 0 && color('fail', `${failed} failed`),
      skipped > 0 && color('pending', `${skipped} skipped`),
    ]
    const counts = [`${passed} passed`, ...rest.filter(Boolean)].join(', ')
    consoleLog(`  ${mark} ${name} ${color('pass', `${counts}, ${(ms / 1000).toFixed(1)} s`)}`)
    // Their titles say why.
    for (const title of titles) consoleLog(color('pending', `      - ${title}`))
  }

  #printSlowest() {
    const slowest = this.#files.toSorted((a, b) => b.ms - a.ms).slice(0, SLOWEST)
    reporters.Base.consoleLog('\n  Longest:')
    for (const { name, ms } of slowest) reporters.Base.consoleLog(`  ${(ms / 1000).toFixed(1).padStart(6)} s  ${name}`)
  }
}

module.exports = FileReporter
