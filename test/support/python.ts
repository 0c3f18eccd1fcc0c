import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const INTERPRETER = process.env['NAPI_TORCH_TEST_PYTHON']

const SERVER = fileURLToPath(new URL('python_server.py', import.meta.url))
const CLIENT = fileURLToPath(new URL('python_client.py', import.meta.url))

/** Runs a Python script that has torch and gives what it prints; its arguments are in `sys.argv[1:]`. */
export function python(script: string, args: readonly string[] = []): string {
  if (INTERPRETER === undefined) throw new Error('NAPI_TORCH_TEST_PYTHON names no Python with torch')
  // Without the packages of the environment, which take time to be found.
  const client = ['-I', '-S', CLIENT, serverOf(INTERPRETER), script, ...args]
  return execFileSync(INTERPRETER, client, { encoding: 'utf8', maxBuffer: 2 ** 28 })
}

/** Runs the script whose path is the first argument, beside which it finds what it imports. */
const RUN_FILE = `
import os, runpy, sys
del sys.argv[0]
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name="__main__")
`

let socket: string | undefined

/** Starts the server that runs the scripts, which ends with this process, and gives its socket. */
function serverOf(interpreter: string): string {
  if (socket !== undefined) return socket
  const folder = mkdtempSync(join(tmpdir(), 'napi-torch-python-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  socket = join(folder, 'server')
  spawn(interpreter, ['-W', 'ignore', SERVER, socket], { stdio: ['ignore', 'ignore', 'inherit'] }).unref()
  return socket
}

/** A test that compares with Python live. Without an interpreter it is skipped, and its title says why. */
export function itWithPython(title: string, body: Mocha.AsyncFunc | Mocha.Func): void {
  if (INTERPRETER === undefined) it.skip(`${title} (NAPI_TORCH_TEST_PYTHON names no Python with torch)`)
  else it(title, body).timeout(60_000)
}

/**
 * Tests of what a script of this project writes into a folder, which is its only argument. It runs before the tests are named, as
 * their names are in what it writes. Without an interpreter one test is skipped, and its title says why.
 */
export function describeWithPython(title: string, script: string, body: (folder: string) => void): void {
  if (INTERPRETER === undefined) {
    describe(title, () => itWithPython('are compared with Python', () => undefined))
    return
  }
  const folder = mkdtempSync(join(tmpdir(), 'napi-torch-python-'))
  const path = fileURLToPath(new URL(`../../${script}`, import.meta.url))
  python(RUN_FILE, [path, folder])
  describe(title, function () {
    this.timeout(60_000)
    after(() => rmSync(folder, { recursive: true }))
    body(folder)
  })
}

/**
 * Evaluates expressions in one start of Python, before the tests of the suite around; `setup` runs before each of them. Gives a function
 * that tells the value of an expression, as JSON has it.
 */
export function evaluatedInPython(setup: string, expressions: readonly string[]): (expression: string) => unknown {
  let values: Readonly<Record<string, unknown>> = {}
  before(function () {
    this.timeout(60_000)
    if (INTERPRETER === undefined) return
    const script = `import json, sys
setup = compile(sys.argv[1], 'setup', 'exec')
values = {}
for expression in json.loads(sys.argv[2]):
    names = {}
    exec(setup, names)
    values[expression] = eval(expression, names)
print(json.dumps(values))`
    values = JSON.parse(python(script, [setup, JSON.stringify(expressions)])) as Record<string, unknown>
  })
  return (expression) => values[expression]
}
