import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { PYTHON } from './prepare.js'

/** What a process is started with. */
export interface WorkerOptions {
  readonly program: string
  /** Where it lies. Default: `workers`. */
  readonly folder?: URL
  /** What it is told at its start. */
  readonly kind: string
  readonly threads: number
  readonly env?: Readonly<Record<string, string>> | undefined
}

type Answer = { readonly result: unknown } | { readonly error: string }

const WORKERS = new URL('workers/', import.meta.url)
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
/** Lines of what a process writes besides its answers that are kept, for when it fails. */
const KEPT_LINES = 20

/** A contender's process, which does one thing at a time and sleeps otherwise. */
export class Worker {
  readonly #child: ChildProcess
  readonly #answers: AsyncIterator<string>
  readonly #name: string
  #errors: string[] = []

  /** Starts the process. */
  constructor({ program, folder = WORKERS, kind, threads, env }: WorkerOptions) {
    this.#name = `${program} ${kind}`
    const path = fileURLToPath(new URL(program, folder))
    const [command, args] = program.endsWith('.py') ? [PYTHON ?? 'python3', []] : [process.execPath, ['--import', TSX]]
    this.#child = spawn(command, [...args, path, kind], {
      env: { ...process.env, OMP_NUM_THREADS: String(threads), ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const { stdout, stderr } = this.#child
    if (stdout === null || stderr === null) throw new Error('A process was started without its pipes')
    this.#answers = createInterface({ input: stdout })[Symbol.asyncIterator]()
    createInterface({ input: stderr }).on('line', (line) => {
      this.#errors = [...this.#errors, line].slice(-KEPT_LINES)
    })
    // What cannot be written is told by the missing answer.
    this.#child.on('error', (error) => this.#errors.push(error.message))
    this.#child.stdin?.on('error', (error) => this.#errors.push(error.message))
  }

  /** The process, for /proc. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Has the process do something and waits for it; rejects with what it says if it cannot. */
  async ask<Result>(command: string, options: object = {}): Promise<Result> {
    this.#child.stdin?.write(`${JSON.stringify({ command, options })}\n`)
    const line = await this.#answers.next()
    if (line.done === true) {
      // Its last words may still be on their way.
      if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'close')
      throw new Error(`The process ${this.#name} ended:\n${this.#errors.join('\n')}`)
    }
    const answer = JSON.parse(line.value) as Answer
    if ('error' in answer) throw new Error(answer.error)
    return answer.result as Result
  }

  /** Ends the process. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.pid === undefined) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}
