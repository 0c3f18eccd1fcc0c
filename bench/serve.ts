/**
 * Measures the server: the ImageNet ResNet-18 behind createServer() and behind a plain Fastify route around onnxruntime-node, with
 * the same photo, decoder and cores, in one run. The load comes from another process, which needs some of the cores, too.
 *
 * npm run bench:serve -- [--rounds 3] [--seconds 10] [--overload 60] [--json bench/results/serve.json]
 *
 * `NAPI_TORCH_TEST_PYTHON` names a Python with torch and onnx, which makes the networks.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import sharp from 'sharp'

import { installRival, prepare } from './engine/prepare.js'
import { table } from './engine/table.js'
import { formatQuiet, Witness } from './engine/witness.js'
import { Worker } from './engine/worker.js'
import { workloadOf } from './engine/workloads.js'
import type { Outcome, Target } from './serve/load.js'
import type { Opened } from './serve/server.js'
import { describeMachine, printMachine } from './support/machine.js'
import { formatSample, sampleOf, type Sample } from './support/sample.js'

const FOLDER = new URL('serve/', import.meta.url)
const CLI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const CLIENTS = 32
/** Part of the rival's saturation at which the latency of both is compared. */
const LOAD = 0.7
const OVERLOAD = 3
const DEADLINE_MS = 2000
const CONNECTIONS = 2000
const BATCH = 8
const SAMPLE = 3 * 224 * 224

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
    overload: { type: 'string', default: '60' },
    json: { type: 'string', default: fileURLToPath(new URL('results/serve.json', import.meta.url)) },
  },
})
const [rounds, seconds, overload] = [values.rounds, values.seconds, values.overload].map(Number) as [
  number,
  number,
  number,
]
const threads = availableParallelism()

interface Contender {
  readonly name: string
  readonly worker: Worker
  readonly target: Target
}

/** About as large as the photos of ImageNet. */
async function writePhoto(path: string): Promise<void> {
  const [width, height] = [500, 375]
  const data = Uint8Array.from({ length: width * height * 3 }, (_, index) => {
    const [x, y] = [Math.floor(index / 3) % width, Math.floor(index / (3 * width))]
    return (
      120 + 60 * Math.sin(x / 20 + (index % 3)) + 40 * Math.cos(y / 31) + (Math.imul(index, 2654435761) >>> 27) - 16
    )
  })
  await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toFile(path)
}

/** A request of 8 samples as the binary extension of the Open Inference Protocol has it; gives the length of its JSON. */
function writeTensors(path: string): number {
  const tensor = Buffer.alloc(4 * BATCH * SAMPLE)
  const input = {
    name: 'input',
    datatype: 'FP32',
    shape: [BATCH, 3, 224, 224],
    parameters: { binary_data_size: tensor.length },
  }
  const json = Buffer.from(JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } }))
  writeFileSync(path, Buffer.concat([json, tensor]))
  return json.length
}

async function openServer(kind: 'ours' | 'rival', file: string, settings: object = {}): Promise<Contender> {
  const { files, onnxFailure } = prepare(workloadOf('imagenet', [1]))
  if (kind === 'rival' && onnxFailure !== null) throw new Error(onnxFailure)
  const worker = new Worker({ program: 'server.ts', folder: FOLDER, kind, threads })
  const { url, path } = await worker.ask<Opened>('open', { files, threads, settings })
  const name = kind === 'ours' ? 'napi-torch' : 'Fastify and onnxruntime-node'
  return { name, worker, target: { url, path, file, headers: { 'content-type': 'image/jpeg' } } }
}

const print = (text: string): void => console.log(`\n${text}`)
const progress = (text: string): void => void process.stderr.write(`\r\x1b[K${text}`)

/** Every answer has to be one: a contender that refuses is not fast. */
function checkAll(outcome: Outcome, name: string): Outcome {
  if (Object.keys(outcome.statuses).join() === '200') return outcome
  throw new Error(`${name} answered ${JSON.stringify(outcome.statuses)}`)
}

async function compare(load: Worker, contenders: readonly Contender[]): Promise<object> {
  const witness = new Witness()
  const rates = contenders.map((): number[] => [])
  const gaps = contenders.map((): number[] => [])
  const latencies = contenders.map((): Outcome[] => [])
  const watched = <T>(contender: Contender, body: () => Promise<T>): Promise<T> => {
    const idle = contenders.filter((each) => each !== contender).map(({ worker }) => worker)
    return witness.watch({ own: [contender.worker, load], idle }, body)
  }
  // What is loaded, compiled and cached at first belongs to no measurement.
  for (const { target } of contenders) await load.ask('closedLoop', { target, clients: CLIENTS, seconds: 2 })
  for (let round = 0; round < rounds; round++) {
    witness.check()
    for (const [index, contender] of contenders.entries()) {
      const { name, worker, target } = contender
      progress(`saturation: round ${round + 1} of ${rounds}, ${name}`)
      await worker.ask('watch')
      const outcome = await watched(contender, () =>
        load.ask<Outcome>('closedLoop', { target, clients: CLIENTS, seconds }),
      )
      rates[index]?.push(checkAll(outcome, name).rate)
      gaps[index]?.push((await worker.ask<{ gap: number }>('look')).gap)
    }
  }
  const rival = contenders.findIndex(({ name }) => name !== 'napi-torch')
  const rate = LOAD * sampleOf(rates[rival] ?? []).median
  for (let round = 0; round < rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      const { name, target } = contender
      progress(`latency: round ${round + 1} of ${rounds}, ${name}`)
      const outcome = await watched(contender, () => load.ask<Outcome>('openLoop', { target, rate, seconds }))
      latencies[index]?.push(checkAll(outcome, name))
    }
    witness.check()
  }
  progress('')
  const rows = contenders.map(({ name }, index) => ({
    name,
    rate: sampleOf(rates[index] ?? []),
    gap: sampleOf(gaps[index] ?? []),
    p50: sampleOf((latencies[index] ?? []).map(({ latency }) => latency.p50)),
    p99: sampleOf((latencies[index] ?? []).map(({ latency }) => latency.p99)),
  }))
  const quiet = witness.report()
  print(
    [
      `### Against a plain route`,
      `A JPEG of 500 × 375, ${CLIENTS} clients; then ${rate.toFixed(0)} requests a second (${100 * LOAD} % of what the route can), each from its own time.`,
      table(
        ['', 'requests/s', 'longest event-loop gap, ms', 'p50, ms', 'p99, ms'],
        rows.map((row) => [
          row.name,
          formatSample(row.rate),
          formatSample(row.gap),
          formatSample(row.p50),
          formatSample(row.p99),
        ]),
      ),
      `Requests/s ${ratio(rates, rival)} times those of the route (goal: 1.25), p99 ${ratio(
        latencies.map((each) => each.map(({ latency }) => latency.p99)),
        rival,
      )} times (goal: at most 0.5).`,
      `${formatQuiet(quiet)}.`,
    ].join('\n\n'),
  )
  return { rate, rows, quiet }
}

/** Ours by the rival's, of each round. */
function ratio(figures: readonly (readonly number[])[], rival: number): string {
  const ours = figures[1 - rival] ?? []
  return formatSample(sampleOf(ours.map((value, round) => value / (figures[rival]?.[round] ?? NaN))), 2)
}

async function overhead(load: Worker, { worker, target }: Contender, folder: string): Promise<object> {
  const file = join(folder, 'tensors.bin')
  const headers = {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': String(writeTensors(file)),
  }
  const tensors: Target = { ...target, path: '/v2/models/resnet18/infer', file, headers }
  const [bare, served]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    progress(`overhead: round ${round + 1} of ${rounds}`)
    bare.push(await worker.ask<number>('bare', { seconds: seconds / 2 }))
    const outcome = await load.ask<Outcome>('closedLoop', { target: tensors, clients: 2, seconds: seconds / 2 })
    served.push(BATCH * checkAll(outcome, 'infer').rate)
  }
  progress('')
  const ratios = sampleOf(served.map((value, round) => value / (bare[round] ?? NaN)))
  print(
    `### HTTP and queue\n\nBinary tensors of ${BATCH} samples over HTTP: ${formatSample(sampleOf(served))} images/s; the engine alone ${formatSample(sampleOf(bare))}: ${formatSample(ratios, 2)} of it (goal: 0.92).`,
  )
  return { bare: sampleOf(bare), served: sampleOf(served), ratios }
}

async function tooMuch(load: Worker, rate: number, file: string): Promise<object> {
  const contender = await openServer('ours', file, { deadlineMs: DEADLINE_MS })
  const { worker, target } = contender
  const rss: number[] = []
  const look = async (): Promise<void> => void rss.push((await worker.ask<{ rss: number }>('look')).rss)
  await load.ask('closedLoop', { target, clients: CLIENTS, seconds: 2 })
  let isOver = false
  const watching = (async () => {
    while (!isOver) {
      await look()
      await delay(1000)
    }
  })()
  progress(`overload: ${overload} s`)
  const outcome = await load.ask<Outcome>('openLoop', { target, rate: OVERLOAD * rate, seconds: overload })
  isOver = true
  await watching
  progress('')
  // The first fifth fills buffers and caches.
  const settled = rss.slice(Math.ceil(rss.length / 5))
  const growth = Math.max(...settled) - (settled[0] ?? NaN)
  const open = await load.ask<number>('idle', { url: target.url, count: CONNECTIONS })
  const after = await load.ask<Outcome>('closedLoop', { target, clients: 4, seconds: 2 })
  await load.ask('hangUp')
  await worker.close()
  print(
    [
      '### Overload',
      `${OVERLOAD} times as many requests as can be answered, for ${overload} s, with a deadline of ${DEADLINE_MS} ms: ${JSON.stringify(outcome.statuses)}; ${outcome.rate.toFixed(1)} answers/s; p99 of those ${outcome.latency.p99.toFixed(0)} ms (goal: under the deadline); resident memory ${(rss[0] ?? NaN).toFixed(0)} MiB at first, at most ${growth.toFixed(0)} MiB more after the first fifth than at its end.`,
      `With ${open} idle connections (goal: ${CONNECTIONS}): ${after.rate.toFixed(1)} answers/s.`,
    ].join('\n\n'),
  )
  return { outcome, rss, open, after }
}

/** Milliseconds from the start of `napi-torch serve --demo` to readiness. */
async function startTime(): Promise<Sample> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const port = await freePort()
    const started = performance.now()
    const child = spawn(process.execPath, [CLI, 'serve', '--demo', '--port', String(port)], { stdio: 'ignore' })
    try {
      while (!(await isReady(port))) {
        if (child.exitCode !== null) throw new Error(`napi-torch serve --demo ended with ${child.exitCode}`)
        await delay(5)
      }
      times.push(performance.now() - started)
    } finally {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
    }
  }
  const sample = sampleOf(times)
  print(`### Start\n\n\`napi-torch serve --demo\` is ready after ${formatSample(sample, 0)} ms (goal: 2000).`)
  return sample
}

async function isReady(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/readyz`).then(
    ({ status }) => status === 200,
    () => false,
  )
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { readonly port: number }
  server.close()
  await once(server, 'close')
  return port
}

const machine = describeMachine()
printMachine(machine)
const failure = installRival()
if (failure !== null) throw new Error(failure)
const folder = mkdtempSync(join(tmpdir(), 'napi-torch-bench-'))
const workers: Worker[] = []
try {
  const photo = join(folder, 'photo.jpg')
  await writePhoto(photo)
  console.log(`A photo of ${readFileSync(photo).length} bytes`)
  const load = new Worker({ program: 'load.ts', folder: FOLDER, kind: '', threads: 1 })
  workers.push(load)
  const ours = await openServer('ours', photo)
  workers.push(ours.worker)
  const rival = await openServer('rival', photo)
  workers.push(rival.worker)
  const comparison = (await compare(load, [rival, ours])) as { readonly rows: readonly { readonly rate: Sample }[] }
  const http = await overhead(load, ours, folder)
  await Promise.all([ours.worker.close(), rival.worker.close()])
  const overloaded = await tooMuch(load, comparison.rows[1]?.rate.median ?? NaN, photo)
  const start = await startTime()
  const report = { machine, at: new Date().toISOString(), comparison, http, overload: overloaded, start }
  writeFileSync(values.json, `${JSON.stringify(report, null, 1)}\n`)
} finally {
  for (const worker of workers) await worker.close()
  rmSync(folder, { recursive: true })
  Witness.dispose()
}
