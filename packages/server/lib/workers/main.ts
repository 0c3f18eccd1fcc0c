import { setImmediate } from 'node:timers'

import { Terminal } from 'napi-torch/internal/cli'
import { humanLine } from '../cli/log_lines.js'
import { ownStatistics } from '../repository.js'
import { openServer, type InferenceServer } from '../server.js'
import type { PrimaryCalls, WorkerCalls } from './calls.js'
import { Channel, plainError } from './channel.js'
import { Peers } from './peers.js'
import { scanOf } from './plain_scan.js'
import type { PlainChange } from './calls.js'

// The program of a worker: it does what the primary process asks for, and ends with it.

/** The primary process has them too, and says when to end: a terminal, and systemd, send them to all processes at once. */
const IGNORED = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

for (const signal of IGNORED) process.on(signal, () => undefined)

let server: InferenceServer | null = null
let peers: Peers | null = null
let listening: Promise<unknown> = Promise.resolve()

const answers: WorkerCalls = {
  listen: async ({ number, settings }) => {
    const terminal = new Terminal(process.stdout, process.stderr)
    const logStream = terminal.isTerminal
      ? { write: (line: string) => terminal.print(humanLine(line, terminal.colors)) }
      : undefined
    peers = new Peers(primary, number)
    const opened = await openServer(settings, { logStream, peers })
    server = opened
    listening = opened.listen()
    await listening
    return { url: opened.url ?? '', grpcAddress: opened.grpcAddress }
  },
  ready: async () => {
    await running().ready()
    return null
  },
  replace: async (models) => {
    await running().replaceModels(models)
    return null
  },
  load: async (model) => {
    await running().inner.models.load(model)
    return null
  },
  unload: async (model) => {
    await running().inner.models.unload(model)
    return null
  },
  follow: async (scan) => {
    const changes: PlainChange[] = []
    await running().inner.models.follow(scanOf(scan), ({ error, ...facts }) => {
      changes.push({ ...facts, error: error === undefined ? null : plainError(error) })
    })
    return changes
  },
  index: () => Promise.resolve(server?.models ?? []),
  statistics: (wanted) => Promise.resolve(server === null ? [] : ownStatistics(server.inner, wanted)),
  metrics: () => server?.inner.metrics.json() ?? Promise.resolve([]),
  allReady: (isReady) => {
    if (peers !== null) peers.isReady = isReady
    return Promise.resolve(null)
  },
  close: async (graceMs) => {
    await listening.catch(() => undefined)
    await server?.close({ graceMs })
    // After the answer was sent; the end of the connection is that of the process.
    setImmediate(() => process.disconnect())
    return null
  },
}

const primary = new Channel<PrimaryCalls>(
  {
    send: (message, onSent) => void process.send?.(message, undefined, undefined, onSent),
    onMessage: (listener) => void process.on('message', listener),
  },
  answers,
)

// The reason why it cannot be asked would be that the primary process has ended, and this one with it.
primary.ask('hello', null).catch(() => undefined)

function running(): InferenceServer {
  if (server === null) throw new TypeError('The worker was not told to listen')
  return server
}
