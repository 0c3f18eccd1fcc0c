import { fork, type ChildProcess } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** What is sent to the child: a file, and whether it is to be read from memory, from the disk, or mapped. */
export interface Request {
  readonly bytes: Uint8Array
  readonly way: Way
}

/** How a file is handed over. */
export type Way = 'bytes' | 'file' | 'mmap'

/** What the child says of a file that it has read. */
export type Report =
  { readonly outcome: string; readonly cpuMs: number; readonly extraBytes: number } | { readonly foreign: string }

/** What came of a file. `kind` is what must not be, or `fine`. */
export interface Outcome {
  readonly kind: 'fine' | 'crash' | 'hang' | 'memory' | 'foreign'
  /** `value`, the code of the error, or what went wrong. */
  readonly detail: string
  readonly cpuMs: number
  readonly extraBytes: number
}

/** CPU time after which a file counts as hung: it leaves out what other programs use. */
export const MAX_CPU_MS = 2_000
/** Time after which a child that does not answer is ended. */
const MAX_MS = 20_000
/** Memory that a case may take beyond what the process had before. */
export const MAX_EXTRA_BYTES = 256 * 2 ** 20
/** Cases of one child, so that what leaks a little does not add up. */
const CASES_PER_CHILD = 20_000

const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const CHILD = fileURLToPath(new URL('child.ts', import.meta.url))

/** Hands files to a process of its own, and survives what they do to it. */
export class Supervisor {
  readonly #maxCpuMs: number
  #child: ChildProcess | null = null
  #cases = 0

  constructor({ maxCpuMs = MAX_CPU_MS } = {}) {
    this.#maxCpuMs = maxCpuMs
  }

  /** Reads a file and tells what came of it; never rejects for what the file has done. */
  async run(request: Request): Promise<Outcome> {
    if (this.#cases++ % CASES_PER_CHILD === 0) this.close()
    const child = (this.#child ??= await start())
    const report = await answerOf(child, request)
    if (typeof report !== 'string') return judge(report, this.#maxCpuMs)
    this.close()
    return { kind: report === 'no answer' ? 'hang' : 'crash', detail: report, cpuMs: 0, extraBytes: 0 }
  }

  close(): void {
    this.#child?.kill('SIGKILL')
    this.#child = null
  }
}

async function start(): Promise<ChildProcess> {
  const execArgv = ['--conditions=napi-torch-source', '--import', TSX, '--expose-gc', '--max-old-space-size=1024']
  const child = fork(CHILD, [], { execArgv, serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  let complaints = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (complaints = (complaints + text).slice(-2_000)))
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('exit', () => reject(new Error(`The child does not start: ${complaints}`)))
  })
  child.removeAllListeners('exit')
  return child
}

/** Gives the report, or why there is none. */
function answerOf(child: ChildProcess, request: Request): Promise<Report | string> {
  return new Promise((resolve) => {
    const finish = (report: Report | string): void => {
      clearTimeout(timer)
      child.removeAllListeners('message')
      child.removeAllListeners('exit')
      resolve(report)
    }
    const timer = setTimeout(finish, MAX_MS, 'no answer')
    child.on('message', (report) => finish(report as Report))
    child.on('exit', (status, signal) => finish(`ended with ${signal ?? status}`))
    child.send(request)
  })
}

function judge(report: Report, maxCpuMs: number): Outcome {
  if ('foreign' in report) return { kind: 'foreign', detail: report.foreign, cpuMs: 0, extraBytes: 0 }
  const { outcome, cpuMs, extraBytes } = report
  if (extraBytes > MAX_EXTRA_BYTES) {
    return { kind: 'memory', detail: `${outcome}, ${(extraBytes / 2 ** 20).toFixed(0)} MiB`, cpuMs, extraBytes }
  }
  if (cpuMs > maxCpuMs) return { kind: 'hang', detail: `${outcome}, ${cpuMs.toFixed(0)} ms`, cpuMs, extraBytes }
  return { kind: 'fine', detail: outcome, cpuMs, extraBytes }
}
