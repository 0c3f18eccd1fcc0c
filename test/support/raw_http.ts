import { connect, type Socket } from 'node:net'

/** What came back on a connection. */
export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** A connection on which bytes are sent as they are. */
export class RawConnection implements AsyncDisposable {
  readonly socket: Socket
  #received = ''
  readonly #closed: Promise<void>

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('latin1').on('data', (text: string) => (this.#received += text))
    // What the other side does to it is seen by what was received.
    socket.on('error', () => undefined)
    this.#closed = new Promise((resolve) => socket.once('close', resolve))
  }

  static async open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new RawConnection(socket)
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(bytes)
  }

  /** Waits until the other side closes the connection, and gives all answers on it. */
  async answers(): Promise<RawAnswer[]> {
    await this.#closed
    return parse(this.#received)
  }

  /** Waits until so many answers have come. */
  async first(count = 1): Promise<RawAnswer[]> {
    for (;;) {
      const answers = parse(this.#received)
      if (answers.length >= count || this.socket.destroyed) return answers
      await new Promise((resolve) => this.socket.once('data', resolve).once('close', resolve))
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    return this.#closed
  }
}

/** The answers that are there as a whole. */
function parse(text: string): RawAnswer[] {
  const answers: RawAnswer[] = []
  for (let at = 0; ;) {
    const end = text.indexOf('\r\n\r\n', at)
    if (end < 0) return answers
    const head = text.slice(at, end)
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0)
    if (text.length < end + 4 + length) return answers
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1])
    answers.push({ status, head, body: text.slice(end + 4, end + 4 + length) })
    at = end + 4 + length
  }
}

/** Writes a request with its length. */
export function rawRequest(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array | string,
): Buffer {
  const bytes = Buffer.from(body as string)
  const lines = Object.entries({ host: 'x', 'content-length': String(bytes.length), ...headers })
  const head = [`${method} ${path} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`), '', '']
  return Buffer.concat([Buffer.from(head.join('\r\n'), 'latin1'), bytes])
}
