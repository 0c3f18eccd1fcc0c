/**
 * Measures the longest turn of the server's event loop: nothing else is answered during it. For each case the longest of all rounds,
 * in CPU time of the main thread and in time that passed, while models are loaded, reloaded and closed, and for large requests
 * and responses of each kind. Needs Linux.
 *
 * npm run bench:stalls -- [--rounds 3] [--only JSON] [--json bench/results/stalls.json]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { ChannelCredentials, Client, type MethodDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

import { table } from './engine/table.js'
import { Worker } from './engine/worker.js'
import { grpcCases, httpCases } from './stalls/requests.js'
import type { Addresses, ModelName } from './stalls/server.js'
import type { Turn } from './stalls/turn_watch.js'
import { describeMachine, printMachine } from './support/machine.js'

/** Limit of the requirement. */
const MAX_MS = 20
const PROTO = fileURLToPath(new URL('../packages/server/proto/inference.proto', import.meta.url))
const SERVICE = 'inference.GRPCInferenceService'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    json: { type: 'string', default: fileURLToPath(new URL('results/stalls.json', import.meta.url)) },
  },
})
const rounds = Number(values.rounds)

interface Row extends Turn {
  readonly name: string
  /** How it ended: an HTTP status, or a code of gRPC. */
  readonly outcome: string
}

const rows: Row[] = []

/** Runs `body` some times, the first of which does not count: it compiles JavaScript. */
async function measure(worker: Worker, name: string, body: () => Promise<string>, warmUp = true): Promise<void> {
  if (!name.toLowerCase().includes(values.only.toLowerCase())) return
  process.stderr.write(`\r\x1b[K${name}`)
  if (warmUp) await body()
  let [longest, outcome]: [Turn, string] = [{ cpu: 0, wall: 0 }, '']
  for (let round = 0; round < (warmUp ? rounds : 1); round++) {
    await worker.ask('watch')
    outcome = await body()
    const { cpu, wall } = await worker.ask<Turn>('look')
    longest = { cpu: Math.max(longest.cpu, cpu), wall: Math.max(longest.wall, wall) }
  }
  rows.push({ name, ...longest, outcome })
}

async function measureModels(folder: string): Promise<void> {
  const worker = newWorker()
  try {
    for (const name of ['wide', 'resnet18', 'resnet152'] as const satisfies readonly ModelName[]) {
      await worker.ask('write', { folder, name })
    }
    // The first load opens libraries, and no request is answered before it.
    await worker.ask('open', { folder, names: ['wide'] })
    for (const name of ['resnet18', 'resnet152'] as const satisfies readonly ModelName[]) {
      const steps = {
        load: () => worker.ask('serve', { folder, names: ['wide', name] }),
        reload: () => worker.ask('reload', { folder, name }),
        close: () => worker.ask('serve', { folder, names: ['wide'] }),
      } as const
      for (const [step, ask] of Object.entries(steps)) {
        const label = `${name}: ${step}`
        // Each is needed by the next one.
        if (label.includes(values.only)) await measure(worker, label, () => ask().then(() => ''), false)
        else await ask()
      }
    }
  } finally {
    await worker.close()
  }
}

async function measureRequests(folder: string): Promise<void> {
  const worker = newWorker()
  try {
    await worker.ask('write', { folder, name: 'resnet18' })
    await worker.ask('write', { folder, name: 'wide' })
    const { url, grpc } = await worker.ask<Addresses>('open', { folder, names: ['resnet18', 'wide'] })
    for (const { name, path, headers, body } of await httpCases()) {
      await measure(worker, name, async () => {
        const response = await fetch(url + path, { method: 'POST', headers, body: new Uint8Array(body) })
        await response.arrayBuffer()
        return String(response.status)
      })
    }
    const client = new Client(grpc, ChannelCredentials.createInsecure(), {
      'grpc.max_send_message_length': -1,
      'grpc.max_receive_message_length': -1,
    })
    const service = loadSync(PROTO, { keepCase: true })[SERVICE] as unknown as Record<
      string,
      MethodDefinition<object, object>
    >
    const infer = service['ModelInfer']
    if (infer === undefined) throw new Error('The protocol has no ModelInfer')
    for (const { name, message } of grpcCases()) {
      await measure(
        worker,
        name,
        () =>
          new Promise((resolve) => {
            const { path, requestSerialize, responseDeserialize } = infer
            client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, (error) => {
              resolve(error === null ? 'OK' : `${error.code}: ${error.details}`)
            })
          }),
      )
    }
    client.close()
  } finally {
    await worker.close()
  }
}

function newWorker(): Worker {
  // A thread is left for the event loop, as it is with the defaults of the server.
  return new Worker({ program: 'server.ts', folder: new URL('stalls/', import.meta.url), kind: '', threads: 1 })
}

const machine = describeMachine()
printMachine(machine)
const folder = mkdtempSync(join(tmpdir(), 'napi-torch-stalls-'))
try {
  await measureModels(folder)
  await measureRequests(folder)
} finally {
  rmSync(folder, { recursive: true })
}
process.stderr.write('\r\x1b[K')
const ms = (value: number): string => value.toFixed(1)
console.log(
  table(
    ['', 'outcome', 'CPU of the longest turn, ms', 'time of the longest turn, ms'],
    rows.map(({ name, outcome, cpu, wall }) => [name, outcome, `${ms(cpu)}${cpu > MAX_MS ? ' (!)' : ''}`, ms(wall)]),
  ),
)
writeFileSync(values.json, `${JSON.stringify({ machine, at: new Date().toISOString(), rounds, rows }, null, 1)}\n`)
