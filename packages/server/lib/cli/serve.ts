import { once } from 'node:events'

import { type Context, duration, errorLine, EXIT, plural } from 'napi-torch/internal/cli'
import { createServer, type InferenceServer } from '../server.js'
import type { Settings } from '../settings.js'
import { checkModels } from './check.js'
import { humanLine } from './log_lines.js'
import { collectSettings, type ServeFlags } from './settings.js'

/** Settings that nobody but their owner may see. */
const SECRETS = ['token', 'adminToken'] as const

/** Serves models over HTTP until a signal ends it: SIGTERM and SIGINT finish what is under way, SIGHUP loads the models anew. */
export async function serve(flags: ServeFlags, context: Context): Promise<number> {
  const { terminal, signal } = context
  const settings = await collectSettings(flags)
  if (flags.printConfig === true) {
    terminal.printJson(withoutSecrets(settings))
    return EXIT.ok
  }
  if (flags.check === true) {
    terminal.print(await checkModels(settings))
    terminal.print('The settings and checkpoints can be used.')
    return EXIT.ok
  }

  const startedAt = performance.now()
  const logStream = terminal.isTerminal
    ? { write: (line: string) => terminal.print(humanLine(line, terminal.colors)) }
    : undefined
  const server = await createServer({ ...settings, logStream })
  try {
    await server.listen()
    warnOfStrangers(settings, context)
    // A signal while models are loaded does not wait for them.
    await Promise.race([server.ready(), aborted(signal)])
    if (!signal.aborted) {
      for (const line of introduction(server, settings, performance.now() - startedAt, terminal.colors))
        terminal.note(line)
    }
    const reload = (): void => void reloadModels(server, flags, settings, context)
    process.on('SIGHUP', reload)
    await aborted(signal)
    process.off('SIGHUP', reload)
    return EXIT.ok
  } finally {
    await server.close()
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}

/** Reads the settings again; of those, the models can be changed while the server runs. */
async function reloadModels(
  server: InferenceServer,
  flags: ServeFlags,
  before: Settings,
  { terminal }: Context,
): Promise<void> {
  try {
    const { models, ...settings } = await collectSettings(flags)
    const changed = Object.entries(settings).filter(([name, value]) => Reflect.get(before, name) !== value)
    if (changed.length > 0) {
      const names = changed.map(([name]) => name).join(', ')
      terminal.note(`napi-torch: Only models are loaded anew; restart the server to change ${names}`)
    }
    await server.reload(models)
  } catch (error) {
    // The server goes on with what it has.
    terminal.note(errorLine(error))
  }
}

function warnOfStrangers({ host, token, tokenFile }: Settings, { terminal }: Context): void {
  const isLoopback = /^(?:127\.|::1$|localhost$)/.test(host)
  if (isLoopback || token !== '' || tokenFile !== '') return
  terminal.note(`napi-torch: Everybody who reaches ${host} can use this server: no token is asked for (--token-file)`)
}

function* introduction(
  { url }: InferenceServer,
  { models, threads, token, tokenFile }: Settings,
  ms: number,
  { bold, dim }: Context['terminal']['colors'],
): Generator<string> {
  const [{ name } = { name: '' }] = models
  const authorization = token === '' && tokenFile === '' ? '' : ` -H 'Authorization: Bearer TOKEN'`
  yield `${bold(String(url))}  ${dim(`ready after ${duration(ms)}, ${threads === 0 ? 'all cores' : plural(threads, 'thread')}`)}`
  yield `models: ${models.map((model) => model.name).join(', ')}`
  yield dim(
    `try: curl${authorization} -H 'Content-Type: image/jpeg' --data-binary @photo.jpg ${String(url)}/v1/classify/${name}`,
  )
}

function withoutSecrets(settings: Settings): object {
  const hidden = SECRETS.flatMap((name) => (settings[name] === '' ? [] : [[name, '(hidden)'] as const]))
  return { ...settings, ...Object.fromEntries(hidden) }
}
