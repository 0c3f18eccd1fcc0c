import { createInterface } from 'node:readline'

/** What a worker can be told to do, by name; see bench/engine/worker.ts for the other side. */
export type Commands = Readonly<Record<string, (options: never) => unknown>>

interface Request {
  readonly command: string
  readonly options: unknown
}

/**
 * Does what the lines of standard input say, one after the other, and writes a line of JSON for each: `{ "result": … }` or
 * `{ "error": … }`. Ends when the input does.
 */
export async function serve(commands: Commands): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const { command, options } = JSON.parse(line) as Request
    try {
      const body = commands[command] as ((options: unknown) => unknown) | undefined
      if (body === undefined) throw new Error(`There is no command ${command}`)
      answer({ result: (await body(options)) ?? null })
    } catch (error) {
      answer({ error: error instanceof Error ? error.message : String(error) })
    }
  }
}

function answer(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
