import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** Set by scripts/test.mjs, which has compiled the sources: a program then starts in half the time. */
const IS_COMPILED = process.env['NAPI_TORCH_TEST_COMPILED'] === '1'
const MAIN = fileURLToPath(new URL(IS_COMPILED ? '../../dist/cli/main.js' : '../../lib/cli/main.ts', import.meta.url))
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

// By address, as the command may run in another folder.
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

/** Node.js and the arguments with which it runs TypeScript. */
const NODE = [process.execPath, '--conditions=napi-torch-source', '--import', TSX] as const

/** The program of this package. */
export const NODE_COMMAND = IS_COMPILED ? ([process.execPath, MAIN] as const) : ([...NODE, MAIN] as const)

/** A command that hangs must not outlive the tests. */
const TIMEOUT_MS = 100_000

/** A `NODE_OPTIONS` that makes a process print `imported` and the address of every module that it imports. */
export const LOGGING_IMPORTS = ((): string => {
  const load = `export async function load(url, context, next) {
    process._rawDebug('imported ' + url)
    return next(url, context)
  }`
  const hooks = `data:text/javascript,${encodeURIComponent(load)}`
  const register = `import { register } from 'node:module'; register(${JSON.stringify(hooks)})`
  return `--import=data:text/javascript,${encodeURIComponent(register)}`
})()

/** The `script` of util-linux gives a command a terminal; other systems have another one, or none. */
export const HAS_TERMINAL = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux')

/** What begins a color or a movement of the cursor. */
export const ESCAPE = '\u001b['

/** How a command ended, and what it wrote. */
export interface Ended {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** How a command ended that had a terminal, and all that it wrote there. */
export interface EndedOnTerminal {
  readonly status: number | null
  readonly output: string
}

/** Options of {@link napiTorch}. */
export interface RunOptions {
  /** Set, or with undefined taken away, beside the environment of the tests. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Another program than the one of this package. */
  readonly main?: string
  /** Folder in which it runs. Default: the root of this checkout. */
  readonly cwd?: string
  /** What it reads from standard input. Default: nothing. */
  readonly stdin?: Uint8Array
  /** Called with the process as soon as it runs. */
  readonly onStart?: (child: ChildProcess) => void
}

/** Runs a command in a process of its own, where nothing is a terminal. */
export function napiTorch(
  args: readonly string[],
  { env, main = MAIN, cwd = ROOT, stdin, onStart }: RunOptions = {},
): Promise<Ended> {
  const [node, ...flags] = main === MAIN ? NODE_COMMAND : [...NODE, main]
  return new Promise((resolve, reject) => {
    // The color of the tests' own terminal is not asked for.
    const own = { ...process.env, FORCE_COLOR: undefined, CI: undefined, ...env }
    const child = spawn(node, [...flags, ...args], {
      cwd,
      env: own,
      stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
    })
    child.stdin?.end(stdin)
    let stdout = ''
    let stderr = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', reject)
    child.on('close', (status, signal) => resolve({ status, signal, stdout, stderr }))
    onStart?.(child)
  })
}

/**
 * Runs a command on a terminal of 80 columns. `onOutput` is given all output so far, and a function that types.
 *
 * Needs {@link HAS_TERMINAL}.
 */
export function napiTorchOnTerminal(
  args: readonly string[],
  {
    env,
    onOutput,
  }: { env?: RunOptions['env']; onOutput?: (output: string, type: (keys: string) => void) => void } = {},
): Promise<EndedOnTerminal> {
  const command = `stty cols 80; exec ${[...NODE_COMMAND, ...args].map((part) => `'${part}'`).join(' ')}`
  return new Promise((resolve, reject) => {
    const own = { ...process.env, TERM: 'xterm', FORCE_COLOR: undefined, NO_COLOR: undefined, CI: undefined, ...env }
    const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: ROOT, env: own, timeout: TIMEOUT_MS })
    let output = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text
      onOutput?.(output, (keys) => child.stdin.write(keys))
    })
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, output }))
  })
}
