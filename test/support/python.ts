import { execFileSync } from 'node:child_process'

const INTERPRETER = process.env['NAPI_TORCH_TEST_PYTHON']

/** Runs a Python script that has torch and gives what it prints; its arguments are in `sys.argv[1:]`. */
export function python(script: string, args: readonly string[] = []): string {
  if (INTERPRETER === undefined) throw new Error('NAPI_TORCH_TEST_PYTHON names no Python with torch')
  return execFileSync(INTERPRETER, ['-W', 'ignore', '-c', script, ...args], { encoding: 'utf8', maxBuffer: 2 ** 28 })
}

/** A test that compares with Python live. Without an interpreter it is skipped, and its title says why. */
export function itWithPython(title: string, body: Mocha.AsyncFunc | Mocha.Func): void {
  if (INTERPRETER === undefined) it.skip(`${title} (NAPI_TORCH_TEST_PYTHON names no Python with torch)`)
  else it(title, body).timeout(60_000)
}
