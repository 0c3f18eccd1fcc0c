import { once } from 'node:events'

import { type Context, duration, errorLine, EXIT, plural } from 'napi-torch/internal/cli'
import type { LogStream } from '../log.js'
import { createServer, type InferenceServer } from '../server.js'
import type { Settings } from '../settings.js'
import { settingsSchema } from '../settings_schema.js'
import { threadsOf } from '../workers/share.js'
import { checkModels } from './check.js'
import { humanLine } from './log_lines.js'
import { collectSettings, configOf, type ServeFlags } from './settings.js'

/** Settings that are not printed. */
const SECRETS = ['token', 'adminToken'] as const

/** Serves models over HTTP until SIGTERM or SIGINT, and then finishes the requests under way. SIGHUP reloads the models. */
export async function serve(flags: ServeFlags, context: Context): Promise<number> {
  const { terminal, signal } = context
  if (flags.printSchema === true) {
    terminal.printJson(settingsSchema())
    return EXIT.ok
  }
  using hangups = new Hangups()
  const config = configOf(flags)
  if (config !== flags.config) terminal.note(`napi-torch: Reads the settings in ${config}`)
  const settings = await collectSettings(flags)
  if (flags.printConfig === true) {
    terminal.printJson(withoutSecrets(settings))
    return EXIT.ok
  }
  if (flags.check === true) {
    terminal.print(await checkModels(settings))
    terminal.print('All settings and checkpoints are valid.')
    return EXIT.ok
  }

  const startedAt = performance.now()
  const logStream = terminal.isTerminal
    ? { write: (line: string) => terminal.print(humanLine(line, terminal.colors)) }
    : undefined
  const server = await openService(settings, logStream)
  try {
    await server.listen()
    warnOfOpenServer(settings, context)
    // A signal does not wait for models that are being loaded.
    await Promise.race([server.ready(), aborted(signal)])
    if (!signal.aborted) {
      for (const line of introduction(server, settings, performance.now() - startedAt, terminal.colors))
        terminal.note(line)
      hangups.answer(() => reloadModels(server, flags, settings, context))
      await aborted(signal)
    }
    hangups.answer(() => Promise.resolve())
    return EXIT.ok
  } finally {
    await server.close()
  }
}

/** What the command asks of a server, of one process or of several. */
type Service = Pick<InferenceServer, 'url' | 'grpcAddress' | 'models' | 'listen' | 'ready' | 'warn'> & {
  reload(models: () => Promise<Settings['models']>): Promise<void>
  close(): Promise<void>
}

async function openService(settings: Settings, logStream: LogStream | undefined): Promise<Service> {
  if (settings.workers === 1) return createServer({ ...settings, logStream })
  const { WorkerPool } = await import('../workers/pool.js')
  return new WorkerPool(settings, { logStream })
}

/** SIGHUP, which would end the process where nothing listens: while models are loaded, it waits; at the end, it is ignored. */
class Hangups implements Disposable {
  #answer: (() => Promise<void>) | null = null
  #isWaiting = false
  readonly #onSignal = (): void => {
    if (this.#answer === null) this.#isWaiting = true
    else void this.#answer()
  }

  constructor() {
    process.on('SIGHUP', this.#onSignal)
  }

  answer(body: () => Promise<void>): void {
    this.#answer = body
    if (this.#isWaiting) void body()
    this.#isWaiting = false
  }

  [Symbol.dispose](): void {
    process.off('SIGHUP', this.#onSignal)
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}

/** Reads the settings again and reloads the models; other settings cannot change while the server runs. */
async function reloadModels(
  server: Service,
  flags: ServeFlags,
  before: Settings,
  { terminal }: Context,
): Promise<void> {
  // No prose between the lines of a log: it has the same facts.
  const isLogged = before.logLevel !== 'silent'
  try {
    await server.reload(async () => {
      const { models, ...settings } = await collectSettings(flags)
      const changed = Object.entries(settings).filter(([name, value]) => Reflect.get(before, name) !== value)
      if (changed.length > 0) {
        const text = `Reloads only models; restart the server to change ${changed.map(([name]) => name).join(', ')}`
        if (isLogged) server.warn(text)
        else terminal.note(`napi-torch: ${text}`)
      }
      return models
    })
  } catch (error) {
    // The server goes on with the models that it has.
    if (!isLogged) terminal.note(errorLine(error))
  }
}

function warnOfOpenServer({ host, token, tokenFile }: Settings, { terminal }: Context): void {
  const isLoopback = /^(?:127\.|::1$|localhost$)/.test(host)
  if (isLoopback || token !== '' || tokenFile !== '') return
  terminal.note(
    `napi-torch: Everyone who can reach ${host} can use this server; set a token to restrict access (--token-file)`,
  )
}

function* introduction(
  { url, grpcAddress, models }: Pick<Service, 'url' | 'grpcAddress' | 'models'>,
  settings: Settings,
  ms: number,
  { bold, dim }: Context['terminal']['colors'],
): Generator<string> {
  const { token, tokenFile } = settings
  const names = [...new Set(models.map(({ name }) => name))]
  const authorization = token === '' && tokenFile === '' ? '' : ` -H 'Authorization: Bearer TOKEN'`
  yield `${bold(String(url))}  ${dim(`ready after ${duration(ms)}, ${computersOf(settings)}`)}`
  if (grpcAddress !== null) yield `gRPC: ${grpcAddress}`
  yield `models: ${names.length === 0 ? 'none yet' : names.join(', ')}`
  yield dim(
    `try: curl${authorization} -H 'Content-Type: image/jpeg' --data-binary @photo.jpg ${String(url)}/v1/classify/${names[0] ?? 'NAME'}`,
  )
}

/** Says what computes, such as `2 workers with 1 thread each`. */
function computersOf(settings: Settings): string {
  const threads = threadsOf(settings)
  const each = threads === undefined ? 'all cores' : plural(threads, 'thread')
  return settings.workers === 1 ? each : `${plural(settings.workers, 'worker')} with ${each} each`
}

function withoutSecrets(settings: Settings): object {
  const hidden = SECRETS.flatMap((name) => (settings[name] === '' ? [] : [[name, '(hidden)'] as const]))
  return { ...settings, ...Object.fromEntries(hidden) }
}
