import { TorchError, type TorchErrorCode } from 'napi-torch'
import { isError } from 'napi-torch/internal'

/** What a process can be asked for: functions of one argument, by name. Arguments and results are copied between processes. */
export type Handlers<T> = { readonly [K in keyof T]: (argument: never) => Promise<unknown> }

/** A connection to another process. */
export interface ProcessLink {
  send(message: object, onSent: (error: Error | null) => void): void
  onMessage(listener: (message: unknown) => void): void
}

/** An error that can be sent to another process. */
export interface PlainError {
  readonly message: string
  readonly code: TorchErrorCode | null
  readonly stack: string | undefined
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** A message of a {@link Channel}: a question, or the answer to one. */
type Message =
  | { readonly ask: string; readonly id: number; readonly argument: unknown }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: PlainError }

/** Asks another process, and answers it. Errors keep their code, message and stack. */
export class Channel<Theirs extends Handlers<Theirs>> {
  readonly #link: ProcessLink
  readonly #answers: Readonly<Record<string, unknown>>
  readonly #waiting = new Map<number, Waiting>()
  #count = 0
  #fault: Error | null = null

  /** @param answers - What this process answers. */
  constructor(link: ProcessLink, answers: object) {
    this.#link = link
    this.#answers = { ...answers }
    link.onMessage((message) => {
      if (isMessage(message)) void this.#take(message)
    })
  }

  /** Asks the other process; rejects with its error, or with that of {@link close}. */
  ask<K extends keyof Theirs & string>(name: K, argument: Parameters<Theirs[K]>[0]): ReturnType<Theirs[K]> {
    const answer = new Promise<unknown>((resolve, reject) => {
      if (this.#fault !== null) {
        reject(this.#fault)
        return
      }
      const id = this.#count++
      this.#waiting.set(id, { resolve, reject })
      this.#link.send({ ask: name, id, argument }, (error) => {
        if (error !== null) this.#settle(id)?.reject(error)
      })
    })
    // The process at the other end is of the same release, and answers with what the function of that name gives.
    return answer as ReturnType<Theirs[K]>
  }

  /** Rejects all that is asked, now and later: the other process has ended. */
  close(reason: Error): void {
    this.#fault = reason
    for (const { reject } of this.#waiting.values()) reject(reason)
    this.#waiting.clear()
  }

  async #take(message: Message): Promise<void> {
    if (!('ask' in message)) {
      const waiting = this.#settle(message.id)
      if ('error' in message) waiting?.reject(errorOf(message.error))
      else waiting?.resolve(message.result)
      return
    }
    const { ask, id, argument } = message
    const answer = this.#answers[ask]
    // Where the other process has ended meanwhile, no one waits for it.
    const send = (result: Message): void => this.#link.send(result, () => undefined)
    try {
      if (typeof answer !== 'function') throw new TypeError(`There is nothing to answer ${ask}`)
      send({ id, result: await (answer as (argument: unknown) => Promise<unknown>)(argument) })
    } catch (error) {
      send({ id, error: plainError(error) })
    }
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }
}

/** Makes an error of what can be sent to another process. */
export function errorOf({ message, code, stack }: PlainError): Error {
  const error = code === null ? new Error(message) : new TorchError(code, message)
  if (stack !== undefined) error.stack = stack
  return error
}

/** Makes what can be sent to another process of an error. */
export function plainError(error: unknown): PlainError {
  const code = error instanceof TorchError ? error.code : null
  return isError(error)
    ? { message: error.message, code, stack: error.stack }
    : { message: String(error), code, stack: undefined }
}

/** Other messages are of Node.js, or of a library. */
function isMessage(message: unknown): message is Message {
  return typeof message === 'object' && message !== null && 'id' in message && typeof message.id === 'number'
}
