import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

// By address, as the child may stand in another folder.
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

/** How a child process ended, and what it printed. */
export interface ChildResult {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Options of {@link runModule}. */
export interface RunModuleOptions {
  /** In place of what this process's environment holds under these names; undefined takes the name away. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
}

/** Runs TypeScript source as an ES module in a process of its own, which imports the package as the tests do. */
export async function runModule(source: string, { env = {}, cwd }: RunModuleOptions = {}): Promise<ChildResult> {
  const args = ['--conditions=napi-torch-source', '--import', TSX, '--input-type=module', '--eval', source]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (part: string) => (stdout += part))
    child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part))
    child.on('error', reject)
    child.on('close', (status, signal) => resolve({ status, signal, stdout, stderr }))
  })
}

/** Runs the source, which prints one JSON value, and gives the value; anything else fails the test with what it printed. */
export async function evaluateModule(source: string, options: RunModuleOptions = {}): Promise<unknown> {
  const result = await runModule(source, options)
  if (result.status !== 0)
    throw new Error(`The child process failed (${result.status ?? result.signal}):\n${result.stderr}`)
  return JSON.parse(result.stdout) as unknown
}
