import { TorchError } from 'napi-torch'
import { onAbort } from 'napi-torch/internal'
import type { UnparsedRequest } from './parser.js'
import type { ParseResult } from './task.js'

/** The parts of a {@link ParseJob} that are settled with it. */
interface Settle {
  readonly resolve: (result: ParseResult) => void
  readonly reject: (error: unknown) => void
}

/** A request that waits to be parsed on another thread, or is parsed there. It is settled once, by whatever comes first. */
export class ParseJob {
  readonly jsonLength: number
  readonly #settle: Settle
  readonly #stop: () => void
  #request: UnparsedRequest | null

  /** @param request - Its signal must not be aborted yet. */
  constructor(request: UnparsedRequest, jsonLength: number, settle: Settle) {
    this.#request = request
    this.jsonLength = jsonLength
    this.#settle = settle
    const late = (): void => {
      this.reject(new TorchError('TORCH_DEADLINE', 'The deadline passed before the request was begun'))
    }
    const timer = setTimeout(late, Math.min(Math.max(0, request.deadline - performance.now()), MAX_TIMER_MS))
    const ignore = onAbort(request.signal, (reason) => this.reject(reason))
    this.#stop = () => {
      clearTimeout(timer)
      ignore()
    }
  }

  /** Null as soon as the job is settled: its memory is free then. */
  get request(): UnparsedRequest | null {
    return this.#request
  }

  resolve(result: ParseResult): void {
    this.#finish(() => this.#settle.resolve(result))
  }

  reject(reason: unknown): void {
    this.#finish(() => this.#settle.reject(reason))
  }

  #finish(settle: () => void): void {
    if (this.#request === null) return
    this.#request = null
    this.#stop()
    settle()
  }
}

/** The longest time that a timer of Node.js takes. */
const MAX_TIMER_MS = 2 ** 31 - 1
