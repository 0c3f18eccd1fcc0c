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

/** What one way of using a file took. */
export interface Step {
  /** `inspect`, `load`, `model`, `report` or `json`. */
  readonly name: string
  readonly cpuMs: number
  readonly extraBytes: number
}

/** What the child says of a file that it has read; `paceMs` is the CPU time that work of one size took around it. */
export type Report =
  { readonly outcome: string; readonly steps: readonly Step[]; readonly paceMs: number } | { readonly foreign: string }

/** What came of a file. `kind` is what must not be, or `fine`. */
export interface Outcome {
  readonly kind: 'fine' | 'crash' | 'hang' | 'memory' | 'foreign'
  /** `value`, the code of the error, or what went wrong. */
  readonly detail: string
  readonly cpuMs: number
  readonly extraBytes: number
}

/** CPU time that a step may take for a file of up to {@link UNIT_BYTES}: it leaves out what other programs use. */
export const MAX_CPU_MS = 500
/** Time after which a child that does not answer is ended: much longer than its CPU time, as others may use the same cores. */
const MAX_MS = 55_000
/** Memory that a step may take beyond the file, for a file of up to {@link UNIT_BYTES}. */
export const MAX_EXTRA_BYTES = 64 * 2 ** 20
/** Larger files may take more, in proportion. */
export const UNIT_BYTES = 1_000_000
/** A step that takes too much is repeated: others use the same cores, and the collector chooses its time. */
const ATTEMPTS = 3
/** As two programs that share a core each take up to so many times their CPU time, no more is allowed for. */
const MAX_SLOWDOWN = 2
/** Cases of one child, so that what leaks a little does not add up. */
const CASES_PER_CHILD = 20_000

const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const CHILD = fileURLToPath(new URL('child.ts', import.meta.url))

/** Hands files to a process of its own, and survives what they do to it. */
export class Supervisor {
  readonly #maxCpuMs: number
  #child: ChildProcess | null = null
  /** The shortest of all children. */
  #paceMs = Infinity
  #cases = 0

  constructor({ maxCpuMs = MAX_CPU_MS } = {}) {
    this.#maxCpuMs = maxCpuMs
  }

  /** Reads a file and tells what came of it; never rejects for what the file has done. */
  async run(request: Request): Promise<Outcome> {
    if (this.#cases++ % CASES_PER_CHILD === 0) this.close()
    for (let attempt = 1; ; attempt++) {
      const child = (this.#child ??= await start())
      const report = await answerOf(child, request)
      if (typeof report === 'string') {
        this.close()
        return { kind: report === 'no answer' ? 'hang' : 'crash', detail: report, cpuMs: 0, extraBytes: 0 }
      }
      const outcome = judge(report, request.bytes.length, this.#maxCpuMs * this.#slowdown(report))
      const isCostly = outcome.kind === 'hang' || outcome.kind === 'memory'
      if (!isCostly || attempt === ATTEMPTS) return outcome
      this.close()
    }
  }

  /** How many times longer than it can be the CPU time is, while others use the same cores. */
  #slowdown(report: Report): number {
    if ('foreign' in report) return 1
    this.#paceMs = Math.min(this.#paceMs, report.paceMs)
    return Math.min(MAX_SLOWDOWN, report.paceMs / this.#paceMs)
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

function judge(report: Report, size: number, maxCpuMs: number): Outcome {
  if ('foreign' in report) return { kind: 'foreign', detail: report.foreign, cpuMs: 0, extraBytes: 0 }
  const { outcome, steps } = report
  const units = Math.max(1, size / UNIT_BYTES)
  // Beyond the file: it is read whole where it is small, and a step may hold it twice.
  const most = (of: (step: Step) => number): Step =>
    steps.reduce((worst, step) => (of(step) > of(worst) ? step : worst), { name: '', cpuMs: 0, extraBytes: 0 })
  const { cpuMs, name: slowest } = most((step) => step.cpuMs)
  const { extraBytes, name: largest } = most((step) => step.extraBytes)
  // Each unit of a larger file may take as much again; what is reported is for one unit.
  const costs = { cpuMs: cpuMs / units, extraBytes: extraBytes / units }
  if (extraBytes > size + units * MAX_EXTRA_BYTES) {
    return { kind: 'memory', detail: `${outcome}, ${largest} ${(extraBytes / 2 ** 20).toFixed(0)} MiB`, ...costs }
  }
  if (cpuMs > units * maxCpuMs) {
    return { kind: 'hang', detail: `${outcome}, ${slowest} ${cpuMs.toFixed(0)} ms`, ...costs }
  }
  return { kind: 'fine', detail: outcome, ...costs }
}
