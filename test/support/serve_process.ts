import { spawn, type ChildProcess } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { createInterface } from 'node:readline'

import { NODE_COMMAND } from './cli.js'

/** A line of the log. */
export type LogLine = Readonly<Record<string, unknown>>

/** `napi-torch serve` in a process of its own, on a free port. */
export class ServeProcess {
  /** Lines of standard error so far. */
  readonly errors: string[] = []
  /** Lines of the log so far. */
  readonly log: LogLine[] = []
  readonly #child: ChildProcess
  readonly #news = new EventEmitter()
  /** Lines of the log that {@link line} has passed. */
  #passed = 0
  #isEnded = false

  private constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    const [node, ...flags] = NODE_COMMAND
    const child = spawn(node, [...flags, 'serve', '--port', '0', ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 150_000,
      // So that a signal can be sent to it and its workers at once.
      detached: true,
    })
    this.#child = child
    const note = (): void => void this.#news.emit('news')
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.errors.push(line)
      note()
    })
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.log.push(JSON.parse(line) as LogLine)
      note()
    })
    child.once('close', () => {
      this.#isEnded = true
      note()
    })
  }

  /** Starts it, and waits until it is ready. */
  static async start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<ServeProcess> {
    const started = new ServeProcess(args, env)
    await started.#until('it is ready', () => started.errors.some((line) => line.includes('  ready after ')))
    return started
  }

  get url(): string {
    return /http:\S+(?= {2}ready after)/.exec(this.errors.join('\n'))?.[0] ?? ''
  }

  /** Address and port for gRPC. */
  get grpcAddress(): string {
    return /^gRPC: (\S+)$/m.exec(this.errors.join('\n'))?.[1] ?? ''
  }

  /** Process id. */
  get pid(): number {
    return this.#child.pid ?? NaN
  }

  /** Process ids of its workers that became ready, in that order. */
  get workers(): readonly number[] {
    return this.log.filter(({ msg }) => msg === 'worker ready').map(({ pid }) => Number(pid))
  }

  /** Waits for a line of the log behind the last one that this gave. */
  async line(message: string): Promise<LogLine> {
    let found = -1
    await this.#until(`it says '${message}'`, () => {
      found = this.log.findIndex(({ msg }, index) => index >= this.#passed && msg === message)
      return found !== -1
    })
    this.#passed = found + 1
    return this.log[found] ?? {}
  }

  /** Waits for a line of standard error. */
  async error(pattern: RegExp): Promise<void> {
    await this.#until(`it prints ${pattern}`, () => this.errors.some((line) => pattern.test(line)))
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Sends a signal to the process and all its workers, as a terminal does. */
  signalAll(name: NodeJS.Signals): void {
    process.kill(-this.pid, name)
  }

  /** Ends it, and gives its exit code. */
  async end(name: NodeJS.Signals | 'none' = 'SIGTERM'): Promise<number | null> {
    if (name !== 'none') this.signal(name)
    if (!this.#isEnded) await once(this.#child, 'close')
    return this.#child.exitCode
  }

  async #until(what: string, isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (this.#isEnded) throw new Error(`The server ended before ${what}: ${this.errors.join('\n')}`)
      await once(this.#news, 'news')
    }
  }
}
